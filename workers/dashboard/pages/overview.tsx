/** The first page: how things stand, and what to do next when there is little yet. */
import { Hono } from "hono";
import type { FC } from "hono/jsx";
import { unicodeName } from "../../../src/core/rules/unicode-name.ts";
import { activity, type Message } from "../../directory/activity.ts";
import type { DomainView } from "../../directory/domains.ts";
import { moveTroubles } from "../../directory/move-troubles.ts";
import { type Trouble, troublesOf } from "../../directory/node-health.ts";
import { type Node, nodes } from "../../directory/nodes.ts";
import type { World } from "../../directory/open.ts";
import { type Tally, tally } from "../../directory/tally.ts";
import type { App } from "../../sign-in/visitor.ts";
import { signedIn } from "../guard.tsx";
import { Icon, Mark } from "../icons.tsx";
import { MessageRow, type Names, stepsOf } from "../message.tsx";
import { Badge, Head, Notice, plural, Time } from "../parts.tsx";
import { myDomains, namesFor } from "../reader.ts";
import { page } from "../shell.tsx";

export const overviewPages = new Hono<App>();

overviewPages.get(
  "/",
  signedIn(async (c, visitor) => {
    const world = c.get("world");
    const domains = await myDomains(c, visitor);
    if (domains.length === 0) return page(c, visitor, { title: "Overview", at: "overview" }, <Welcome />);
    const ids = domains.map((domain) => domain.id);
    const [recent, week] = await Promise.all([activity(world, { domains: ids, limit: 8 }), tally(world, ids, 7)]);
    const names = await namesFor(world, domains, stepsOf(recent.rows));
    const ill = visitor.account.operator ? await illNodes(world) : [];
    const body = <Overview domains={domains} recent={recent.rows} week={week} names={names} ill={ill} />;
    return page(c, visitor, { title: "Overview", at: "overview", islands: ["activity"] }, body);
  }),
);

const Welcome: FC = () => (
  <>
    <Head title="Welcome" says="Three steps, about ten minutes, no mail knowledge needed." />
    <div class="empty">
      <Mark size={44} />
      <h2>Start with a domain</h2>
      <ol class="first-steps">
        <li>
          <strong>Add a domain you own.</strong> Postern shows which DNS records to set, or sets them for you at
          Cloudflare, and watches until they are right.
        </li>
        <li>
          <strong>Say where its mail goes:</strong> on to an inbox you already have, or into a mailbox here that only
          you can open.
        </li>
        <li>
          <strong>Send a test mail,</strong> watch it arrive, and read it in your mail app.
        </li>
      </ol>
      <a class="button main" href="/domains#add">
        <Icon name="plus" />
        Add your first domain
      </a>
    </div>
  </>
);

const Overview: FC<{ domains: DomainView[]; recent: Message[]; week: Tally; names: Names; ill: Ill[] }> = (props) => {
  const { domains, recent, week, names, ill } = props;
  return (
    <>
      <Head title="Overview" says="What came in over the last seven days, and where it went.">
        <a class="button" href="/charts">
          <Icon name="chart" />
          Charts
        </a>
      </Head>
      <Nodes ill={ill} />
      <div class="figures">
        <Figure
          value={week.accepted}
          label={week.accepted === 1 ? "message accepted" : "messages accepted"}
          href="/activity?outcome=accepted"
        />
        <Figure value={week.refused} label="refused" href="/activity?outcome=refused" />
        <Figure value={week.deferred} label="put off for now" href="/activity?outcome=deferred" />
        <Figure
          value={sum(domains, "aliases")}
          label={sum(domains, "aliases") === 1 ? "alias" : "aliases"}
          href="/domains"
        />
        <Figure
          value={sum(domains, "mailboxes")}
          label={sum(domains, "mailboxes") === 1 ? "mailbox" : "mailboxes"}
          href="/mailboxes"
        />
      </div>
      <Pending domains={domains.filter((domain) => domain.state === "pending")} />
      <section class="card flush" aria-labelledby="recent">
        <div class="toolbar">
          <h2 id="recent">Latest mail</h2>
          <div class="row">
            <span class="live" data-live="all" data-names="short" hidden>
              live
            </span>
            <a href="/activity">All activity</a>
          </div>
        </div>
        <div data-messages>
          {recent.map((message) => (
            <MessageRow message={message} names={names} />
          ))}
        </div>
        {recent.length === 0 && (
          <p class="pager" data-nothing>
            Nothing yet. Send a message to one of your aliases: it shows up here while you watch.
          </p>
        )}
      </section>
      <section class="card flush" aria-labelledby="yours">
        <div class="toolbar">
          <h2 id="yours">Your domains</h2>
          <a href="/domains">{domains.length > mostLines ? `All ${domains.length} domains` : "Manage"}</a>
        </div>
        <DomainLines domains={busiest(domains)} />
      </section>
    </>
  );
};

type Ill = { node: Node; troubles: Trouble[] };

/** For the operator: nodes with something to look into. */
async function illNodes(world: World): Promise<Ill[]> {
  const [found, moving] = await Promise.all([nodes(world), moveTroubles(world)]);
  const all = found.map((node) => ({ node, troubles: troublesOf(node, world.clock(), moving) }));
  return all.filter(({ troubles }) => troubles.length > 0);
}

const Nodes: FC<{ ill: Ill[] }> = ({ ill }) =>
  ill.length === 0 ? null : (
    <Notice tone={ill.some(({ troubles }) => troubles.some(({ tone }) => tone === "fail")) ? "fail" : "warn"}>
      {ill.slice(0, 3).map(({ node, troubles: [first] }) => (
        <p>
          <strong>{node.name}</strong>: {first?.says} {first?.since != null && <Time at={first.since} />}
        </p>
      ))}
      <a href="/nodes">{ill.length > 3 ? `All ${ill.length} nodes that need a look` : "How the nodes fare"}</a>
    </Notice>
  );

/** One notice each, or one for all when there are many. */
const Pending: FC<{ domains: DomainView[] }> = ({ domains }) => {
  const [only] = domains;
  if (only === undefined) return null;
  return (
    <div class="notice warn">
      <Icon name="clock" />
      {domains.length === 1 ? (
        <div>
          <strong>{unicodeName(only.name)}</strong> does not receive mail yet.{" "}
          <a href={`/domains/${only.id}/setup`}>Finish setting it up</a>
        </div>
      ) : (
        <div>
          <strong>{plural(domains.length, "domain")}</strong> do not receive mail yet:{" "}
          {domains.slice(0, 3).map((domain, at) => (
            <>
              {at > 0 && ", "}
              <a href={`/domains/${domain.id}/setup`}>{unicodeName(domain.name)}</a>
            </>
          ))}
          {domains.length > 3 && (
            <>
              {" and "}
              <a href="/domains?state=pending">{domains.length - 3} more</a>
            </>
          )}
          .
        </div>
      )}
    </div>
  );
};

const mostLines = 8;

/** Those with the most on them first: somebody with fifty domains works on a few. */
function busiest(domains: DomainView[]): DomainView[] {
  return domains
    .toSorted((a, b) => b.mailboxes - a.mailboxes || b.aliases - a.aliases || a.name.localeCompare(b.name))
    .slice(0, mostLines);
}

const DomainLines: FC<{ domains: DomainView[] }> = ({ domains }) => (
  <table class="fold-table">
    <tbody>
      {domains.map((domain) => (
        <tr>
          <td class="grow">
            <a href={`/domains/${domain.id}`}>{unicodeName(domain.name)}</a>
          </td>
          <td>
            <StateBadge state={domain.state} />
          </td>
          <td class="soft nowrap">{plural(domain.aliases, "alias", "aliases")}</td>
          <td class="soft nowrap">{plural(domain.mailboxes, "mailbox", "mailboxes")}</td>
        </tr>
      ))}
    </tbody>
  </table>
);

export const StateBadge: FC<{ state: DomainView["state"] }> = ({ state }) => {
  if (state === "active") return <Badge tone="pass">Receiving</Badge>;
  if (state === "pending") return <Badge tone="warn">Not proven yet</Badge>;
  return <Badge tone="quiet">Switched off</Badge>;
};

const Figure: FC<{ value: number; label: string; href: string }> = ({ value, label, href }) => (
  <a class="figure" href={href}>
    <b>{value.toLocaleString("en")}</b>
    <span>{label}</span>
  </a>
);

function sum(domains: DomainView[], of: "aliases" | "mailboxes"): number {
  return domains.reduce((total, domain) => total + domain[of], 0);
}
