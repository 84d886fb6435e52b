/** Activity: every message that came, live; and the page of one, with its timeline and verdicts. */
import { type Context, Hono } from "hono";
import type { FC } from "hono/jsx";
import { z } from "zod";
import { unicodeName } from "../../../src/core/rules/unicode-name.ts";
import { roleAtLeast } from "../../api/row.ts";
import { copiesWaiting, tryByHand } from "../../by-hand.ts";
import { activity, type Message, message } from "../../directory/activity.ts";
import type { DomainView } from "../../directory/domains.ts";
import { notFound, Problem } from "../../directory/problem.ts";
import { subscribe } from "../../live.ts";
import { openEdge } from "../../platform.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { formOf, signedIn } from "../guard.tsx";
import { Icon } from "../icons.tsx";
import { MessageRow, type Names, named, stepsOf } from "../message.tsx";
import { MessageView } from "../message-view.tsx";
import { Head } from "../parts.tsx";
import { myDomains, namesFor } from "../reader.ts";
import { page } from "../shell.tsx";

export const activityPages = new Hono<App>();

const outcomes = z.enum(["accepted", "refused", "deferred"]);
const querySchema = z.object({
  domain: z.string().max(26).optional().catch(undefined),
  outcome: outcomes.optional().catch(undefined),
  text: z.string().max(200).optional().catch(undefined),
  before: z.string().max(26).optional().catch(undefined),
});
type Query = z.output<typeof querySchema>;

activityPages.get(
  "/activity",
  signedIn(async (c, visitor) => {
    const world = c.get("world");
    const domains = await myDomains(c, visitor);
    const given = c.req.query();
    const query = querySchema.parse(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== "")));
    const ids = domains.map((domain) => domain.id).filter((id) => query.domain === undefined || id === query.domain);
    const { domain: _, ...filter } = query;
    const found = await activity(world, { ...filter, domains: ids, limit: 50 });
    const names = await namesFor(world, domains, stepsOf(found.rows));
    const view = (
      <ActivityView
        {...{ domains, query, ids, rows: found.rows, next: found.next, names, days: c.env.RETENTION_DAYS }}
      />
    );
    return page(c, visitor, { title: "Activity", at: "activity", islands: ["activity"] }, view);
  }),
);

/** The live tail: pointers only; the page fetches the rows it hears of. */
activityPages.get(
  "/activity/stream",
  signedIn(async (c, visitor) => {
    const asked = c.req.query("domain");
    const mine = (await myDomains(c, visitor)).map((domain) => domain.id);
    const domains = mine.filter((id) => asked === undefined || id === asked);
    if (domains.length === 0) throw notFound("domain");
    return subscribe(c.env, { visitor, domains });
  }),
);

activityPages.get(
  "/activity/:message/row",
  signedIn(async (c, visitor) => {
    const { found, names } = await readMessage(c, visitor);
    if (!fits(found, querySchema.parse(c.req.query()))) return c.body(null, 204);
    return c.html(<MessageRow message={found} names={names} />);
  }),
);

activityPages.get(
  "/activity/:message",
  signedIn(async (c, visitor) => {
    const { found, names, role } = await readMessage(c, visitor);
    const retry = roleAtLeast(role, "admin") && isUnderway(found) ? visitor.formToken : null;
    const view = <MessageView message={named(found, names)} retry={retry} />;
    const title = `${found.author || found.mailFrom || "No sender"} to ${found.recipient}`;
    return page(c, visitor, { title, at: "activity", islands: ["activity"] }, view);
  }),
);

/** One more try, now, for the copies that no node has taken. */
activityPages.post(
  "/activity/:message/retry",
  signedIn(async (c, visitor) => {
    const { found, role } = await readMessage(c, visitor);
    if (!roleAtLeast(role, "admin")) throw new Problem(403, "role", "This needs the role “admin”.");
    await formOf(c, visitor, z.object({}));
    const edge = openEdge(c.env, c.executionCtx);
    const tried = await tryByHand(edge, await copiesWaiting(edge, found));
    return c.redirect(`/activity/${found.id}?done=retry-${tried}`, 303);
  }),
);

/** The list's own filters, for a message that comes while it is watched. */
function fits({ outcome, author, mailFrom, recipient }: Message, wanted: Query): boolean {
  const text = wanted.text?.trim().toLowerCase() ?? "";
  const seen = [author, mailFrom, recipient].some((one) => one.toLowerCase().includes(text));
  return seen && (wanted.outcome === undefined || wanted.outcome === outcome);
}

type Read = { found: Message; names: Names; role: DomainView["role"] };

async function readMessage(c: Context<App>, visitor: Visitor): Promise<Read> {
  const domains = await myDomains(c, visitor);
  const world = c.get("world");
  const ids = domains.map((domain) => domain.id);
  const found = await message(world, ids, c.req.param("message") ?? "");
  const role = domains.find((domain) => domain.id === found.domain)?.role ?? "member";
  return { found, names: await namesFor(world, domains, found.steps), role };
}

/** Some copy was sealed for a node, and nothing says that the node has it. */
function isUnderway({ steps }: Message): boolean {
  const ended = new Set(steps.filter(({ kind }) => ends.has(kind)).map(({ target }) => target));
  return steps.some(({ kind, ok, target }) => ok && (kind === "seal" || kind === "relay") && !ended.has(target));
}
const ends = new Set(["handed-off", "taken", "destroyed", "delivered", "failed"]);

type ViewProps = {
  domains: DomainView[];
  query: Query;
  ids: string[];
  rows: Message[];
  next: string | null;
  names: Names;
  days: string;
};

const ActivityView: FC<ViewProps> = ({ domains, query, ids, rows, next, names, days }) => {
  const plain = query.outcome === undefined && query.text === undefined && query.before === undefined;
  return (
    <>
      <Head
        title="Activity"
        says={`Every message that came to your domains in the last ${days} days: envelope and verdicts, never the content.`}
      >
        {query.before === undefined && (
          <button
            type="button"
            class="live plain small-button"
            data-live={ids.length === 0 ? "" : (query.domain ?? "all")}
            data-rows={rowQuery(query)}
            aria-pressed="false"
            title="New messages show up by themselves. Press to pause."
            hidden
          >
            <span data-live-says>live</span>
          </button>
        )}
      </Head>
      <div class="card flush">
        <Filters domains={domains} query={query} />
        <div data-messages aria-live="polite" aria-relevant="additions">
          {rows.map((row) => (
            <MessageRow message={row} names={names} />
          ))}
        </div>
        {rows.length === 0 && <Nothing plain={plain} more={next !== null} domains={domains.length} />}
        {next !== null && (
          <div class="pager">
            <span />
            <a href={`?${older(query, next)}`} rel="next">
              {rows.length === 0 ? "Look further back" : "Older messages"}
            </a>
          </div>
        )}
      </div>
    </>
  );
};

/** `more`: a search that went through thousands of messages and has not come to the oldest. */
const Nothing: FC<{ plain: boolean; more: boolean; domains: number }> = ({ plain, more, domains }) =>
  plain ? (
    <div class="pager" data-nothing>
      {domains === 0 ? (
        <span>
          Nothing yet. <a href="/domains#add">Add a domain</a> first; its mail is listed here as it comes in.
        </span>
      ) : (
        "Nothing yet. Leave this page open and send a message to one of your addresses: it appears here by itself."
      )}
    </div>
  ) : (
    <div class="pager" data-nothing>
      {more ? "None of the newer messages matches." : "No message matches."}
    </div>
  );

const Filters: FC<{ domains: DomainView[]; query: Query }> = ({ domains, query }) => (
  <div class="toolbar">
    <search>
      <form method="get" action="/activity" class="row search-form">
        <div class="search">
          <Icon name="search" />
          <input
            type="search"
            name="text"
            value={query.text ?? ""}
            placeholder="Sender or recipient"
            aria-label="Sender or recipient"
            data-search
          />
        </div>
        <select name="domain" aria-label="Domain">
          <option value="">All domains</option>
          {domains.map((domain) => (
            <option value={domain.id} selected={domain.id === query.domain}>
              {unicodeName(domain.name)}
            </option>
          ))}
        </select>
        <select name="outcome" aria-label="Outcome">
          <option value="">Any outcome</option>
          {outcomes.options.map((one) => (
            <option value={one} selected={one === query.outcome}>
              {one === "deferred" ? "put off" : one}
            </option>
          ))}
        </select>
        <button type="submit">Find</button>
      </form>
    </search>
  </div>
);

function rowQuery({ outcome, text }: Query): string {
  return `${new URLSearchParams(Object.entries({ outcome, text }).filter((pair): pair is [string, string] => pair[1] !== undefined))}`;
}

function older(query: Query, before: string): string {
  const rest = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...query, before })) if (value !== undefined) rest.set(name, value);
  return rest.toString();
}
