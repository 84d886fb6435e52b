/** How set-up looks: steps, checks that update by themselves, records to copy, what a token would change. */
import type { FC } from "hono/jsx";
import { canReceive } from "../../src/core/health/check.ts";
import type { By, Check, CheckState } from "../../src/core/health/finding.ts";
import type { Level } from "../../src/core/health/records.ts";
import { roleAtLeast } from "../api/row.ts";
import type { DomainView } from "../directory/domains.ts";
import type { Node } from "../directory/nodes.ts";
import type { Visitor } from "../sign-in/visitor.ts";
import { DomainHead } from "./domain-head.tsx";
import { Icon } from "./icons.tsx";
import { StateBadge } from "./pages/overview.tsx";
import { Badge, Confirm, Copyable, Field, FormToken, fieldAria, Notice, plural } from "./parts.tsx";
import { type Tone, toneIcon } from "./words.ts";

type SetupProps = { visitor: Visitor; domain: DomainView; checks: Check[]; places: Node[]; trouble: string | null };

export const SetupView: FC<SetupProps> = (props) => {
  const { visitor, domain, checks, trouble } = props;
  const may = roleAtLeast(domain.role, "admin");
  return (
    <>
      <DomainHead domain={domain} at="setup" />
      {trouble && (
        <div role="alert">
          <Notice tone="fail">{trouble}</Notice>
        </div>
      )}
      <section class="card stack" aria-labelledby="records">
        <div class="head">
          <div class="head-text">
            <h2 id="records">1. DNS records</h2>
            <p>
              DNS is the world's phone book. Set these records where the domain's DNS is kept, mostly where you bought
              the domain: sign in there and look for “DNS”. This page looks again by itself every few seconds, and once
              a day ever after.
            </p>
          </div>
          <div class="row">
            <a
              class="button small-button"
              href={`/domains/${domain.id}/zone.txt`}
              title="For providers that can import"
            >
              Download as zone file
            </a>
            <a class="button small-button" href={`/domains/${domain.id}/setup`}>
              Check again
            </a>
          </div>
        </div>
        {may && <TokenForm visitor={visitor} domain={domain} />}
        <div data-checks={`/domains/${domain.id}/checks`}>
          <ChecksView domain={domain} checks={checks} />
        </div>
      </section>
      {may && <PlaceForm {...props} />}
      <NextSteps domain={domain} ready={domain.state === "active" && canReceive(checks)} />
      {domain.role === "owner" && <RemoveForm visitor={visitor} domain={domain} />}
    </>
  );
};

const tones: Record<CheckState, Tone> = { pass: "pass", warn: "warn", missing: "warn", wrong: "fail", trouble: "warn" };
/** What is nice to have is no fault while it is not there. */
function toneOf({ level, state }: Check): Tone {
  return level === "optional" && state === "missing" ? "quiet" : tones[state];
}
function wordOf({ level, state }: Check): string {
  return level === "optional" && state === "missing" ? "not set" : words[state];
}
const words: Record<CheckState, string> = {
  pass: "right",
  warn: "could be better",
  missing: "not there yet",
  wrong: "needs a change",
  trouble: "no answer",
};
const doers: Record<By, string> = {
  owner: "",
  operator: "whoever runs the mail server",
  registrar: "at the registrar",
};

export const ChecksView: FC<{ domain: DomainView; checks: Check[] }> = ({ domain, checks }) => {
  const waiting = checks.some(({ level, state }) => level !== "optional" && state !== "pass" && state !== "warn");
  return (
    <div class="stack" data-waiting={waiting ? "true" : "false"}>
      <span data-state-now hidden>
        <StateBadge state={domain.state} />
      </span>
      {canReceive(checks) && domain.state === "active" && (
        <Notice tone="pass">Everything that is needed is right: {domain.name} receives mail.</Notice>
      )}
      {groups.map(([level, title, says]) => {
        const of = checks.filter((check) => check.level === level);
        return (
          of.length > 0 && (
            <section class="stack tight" aria-label={title}>
              <div class="row between">
                <h3>{title}</h3>
                <span class="soft small">{says(of)}</span>
              </div>
              <ul class="checks ruled">
                {of.map((check) => (
                  <CheckItem check={check} domain={domain.name} />
                ))}
              </ul>
            </section>
          )
        );
      })}
    </div>
  );
};

const rightOf = (of: Check[]): string => `${of.filter(({ state }) => state === "pass").length} of ${of.length} right`;
const groups: [Level, string, (of: Check[]) => string][] = [
  ["required", "Needed to receive mail", rightOf],
  ["recommended", "Recommended", rightOf],
  ["optional", "Nice to have", rightOf],
];

const CheckItem: FC<{ check: Check; domain: string }> = ({ check, domain }) => {
  const fine = check.state === "pass";
  const tone = toneOf(check);
  return (
    <li class="check">
      <span class={`mail-glyph ${tone}`}>
        <Icon name={toneIcon(tone)} />
      </span>
      <details open={!fine && check.level !== "optional"} id={`check-${check.id}`}>
        <summary class="check-title">
          {check.title} {doers[check.by] !== "" && <span class="soft small">{doers[check.by]}</span>}
        </summary>
        <div class="stack tight">
          <p class="soft">{check.why}</p>
          {check.todo !== "" && <p>{check.todo}</p>}
          <RecordFacts check={check} domain={domain} />
        </div>
      </details>
      <Badge tone={tone}>{wordOf(check)}</Badge>
    </li>
  );
};

/** A record with one right value, which the owner copies to their DNS provider. */
function isToSet({ by, value }: Check): boolean {
  return by === "owner" && !value.includes("…");
}

const RecordFacts: FC<{ check: Check; domain: string }> = ({ check, domain }) => (
  <dl class="facts">
    <dt>Type</dt>
    <dd>
      {check.type}
      {check.priority !== null && `, priority ${check.priority}`}
    </dd>
    <dt>Name</dt>
    <dd>
      {isToSet(check) ? (
        <>
          <Copyable text={check.name} label="name" />
          <ShortName name={check.name} domain={domain} />
        </>
      ) : (
        <span class="mono">{check.name}</span>
      )}
    </dd>
    <dt>{isToSet(check) ? "Value" : "Expected"}</dt>
    <dd>{isToSet(check) ? <Copyable text={check.value} label="value" /> : check.value}</dd>
    <dt>Found</dt>
    <dd class="mono">
      {check.found.length === 0 ? <span class="soft">nothing</span> : check.found.map((one) => <div>{one}</div>)}
    </dd>
  </dl>
);

/** Most providers add the domain by themselves; the whole name would then be set twice over. */
const ShortName: FC<{ name: string; domain: string }> = ({ name, domain }) => {
  const short = name === domain ? "@" : name.endsWith(`.${domain}`) ? name.slice(0, -domain.length - 1) : null;
  return (
    short && (
      <p class="soft small">
        Where your provider adds .{domain} by itself, write only <strong class="mono">{short}</strong>
      </p>
    )
  );
};

const TokenForm: FC<{ visitor: Visitor; domain: DomainView }> = ({ visitor, domain }) => (
  <details class="aside-fold">
    <summary>DNS at Cloudflare? A token sets all of it</summary>
    <form method="post" action={`/domains/${domain.id}/cloudflare`} class="stack">
      <FormToken token={visitor.formToken} />
      <p>
        Make a token for this zone with the permission <strong>Zone · DNS · Edit</strong>
        {domain.node === null && (
          <>
            {" and "}
            <strong>Zone · Email Routing Rules · Edit</strong>
          </>
        )}
        . First you see what would change; nothing is done before you say so. The token is not kept.
      </p>
      <Field
        id="cf"
        label="API token"
        hint="At Cloudflare: My Profile, API Tokens, Create Token, template “Edit zone DNS”, then choose this zone."
      >
        <input
          id="cf"
          name="cf"
          type="password"
          class="mono"
          required
          maxlength={200}
          autocomplete="off"
          {...fieldAria("cf", { hint: true })}
        />
      </Field>
      <div>
        <button type="submit">Show what would change</button>
      </div>
    </form>
  </details>
);

const PlaceForm: FC<SetupProps> = ({ visitor, domain, places }) => (
  <details class="card">
    <summary>
      <strong>Where mail comes in</strong>
    </summary>
    <form method="post" action={`/domains/${domain.id}/node`} class="row">
      <FormToken token={visitor.formToken} />
      <label class="out-of-sight" for="node">
        Mail comes in
      </label>
      <select id="node" name="node" class="narrow">
        {places.map((node) => (
          <option value={node.id} selected={node.id === domain.node}>
            at {node.mxHost} ({node.name})
          </option>
        ))}
        <option value="" selected={domain.node === null}>
          by Cloudflare Email Routing
        </option>
      </select>
      <button type="submit">Change</button>
    </form>
  </details>
);

const NextSteps: FC<{ domain: DomainView; ready: boolean }> = ({ domain, ready }) => (
  <>
    <section class="card stack" aria-labelledby="first">
      <h2 id="first">2. The first address</h2>
      {domain.aliases + domain.mailboxes > 0 ? (
        <Notice tone="pass">
          There {domain.aliases + domain.mailboxes === 1 ? "is" : "are"}{" "}
          <a href={`/domains/${domain.id}`}>{plural(domain.aliases, "alias", "aliases")}</a> and{" "}
          <a href={`/mailboxes?text=@${domain.name}`}>{plural(domain.mailboxes, "mailbox", "mailboxes")}</a>.
        </Notice>
      ) : (
        <>
          <p>
            An alias sends mail on to an inbox you already have. A mailbox keeps it here, sealed, for your mail app.
          </p>
          <div class="row">
            <a class="button main" href={`/domains/${domain.id}`}>
              Add an alias
            </a>
            <a class="button" href={`/mailboxes/new?domain=${domain.id}`}>
              Or make a mailbox
            </a>
          </div>
        </>
      )}
    </section>
    <section class="card flush" aria-labelledby="test">
      <div class="toolbar">
        <h2 id="test">3. A test mail</h2>
        <span class="live" data-live={domain.id} hidden>
          watching
        </span>
      </div>
      <div data-messages aria-live="polite" />
      <p class="pager" data-nothing>
        {ready
          ? `Send a message from anywhere to one of your addresses at ${domain.name}. It shows up here, with everything that happens to it.`
          : "Once the records are right, send a message from anywhere: it shows up here while you watch."}
      </p>
    </section>
  </>
);

const RemoveForm: FC<{ visitor: Visitor; domain: DomainView }> = ({ visitor, domain }) => (
  <div class="row end">
    <Confirm
      label="Remove this domain"
      ask={`Remove ${domain.name} with its ${plural(domain.aliases, "alias", "aliases")}? Its mail is refused from then on.`}
    >
      <form method="post" action={`/domains/${domain.id}/remove`}>
        <FormToken token={visitor.formToken} />
        <button class="danger" type="submit">
          Remove it
        </button>
      </form>
    </Confirm>
  </div>
);
