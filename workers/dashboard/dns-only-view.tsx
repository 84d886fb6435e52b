/** How forwarding by DNS alone looks: what to publish, the form, and each record as it would be understood. */
import type { FC } from "hono/jsx";
import type { AliasDefinition } from "../../src/core/rules/import/definition.ts";
import { destinationsText } from "../../src/core/rules/import/notation.ts";
import type { Problem as Mistake } from "../../src/core/rules/import/problem.ts";
import type { Config } from "../config.ts";
import type { Problem } from "../directory/problem.ts";
import type { Preview, Sealing } from "../txt-preview.ts";
import { Copyable, Field, fieldAria, Head, Notice, plural } from "./parts.tsx";

export type Result = Preview & { domain: string; sealing: Sealing | null };
type Props = {
  asked: { domain: string; records: string };
  result: Result | null;
  problem: Problem | null;
  hosts: string[];
  /** What calls to their webhooks are signed with. */
  webhookKey: string;
  mode: Config["dnsOnly"]["mode"];
};

export const DnsOnlyView: FC<Props> = (props) => (
  <>
    <Head
      title="Forward by DNS alone"
      says="No account: two records at your domain say who gets its mail. See here how they would be understood before you publish them."
    />
    <ModeNotice mode={props.mode} />
    <Form {...props} />
    {props.result !== null && <Understood result={props.result} />}
    {props.result?.sealing && <Sealed sealing={props.result.sealing} domain={props.result.domain} />}
    <Publish {...props} />
  </>
);

const modes: Record<Props["mode"], string | null> = {
  off: "This service takes mail only for domains with an account, so these records would not count here by themselves. You can still read and seal them.",
  allowlist:
    "This service takes mail by DNS alone only for domains that its operator has let in. Ask before you move yours.",
  open: null,
};

const ModeNotice: FC<Pick<Props, "mode">> = ({ mode }) =>
  modes[mode] === null ? null : <Notice tone="warn">{modes[mode]}</Notice>;

const Form: FC<Props> = ({ asked, problem }) => {
  const wrong = problem?.field === "domain" ? problem.detail : null;
  return (
    <section class="card" aria-label="Your records">
      {problem !== null && wrong === null && (
        <div role="alert">
          <Notice tone="fail">{problem.detail}</Notice>
        </div>
      )}
      <form method="post" action="/dns-only" class="stack">
        <Field id="domain" label="Domain" wrong={wrong}>
          <input
            id="domain"
            name="domain"
            class="mono"
            value={asked.domain}
            placeholder="example.com"
            required
            maxlength={253}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            {...fieldAria("domain", { wrong: wrong !== null })}
          />
        </Field>
        <Field
          id="records"
          label="TXT records"
          hint="One a line, as they stand in DNS. postern= and forward-email= are both read."
        >
          <textarea
            id="records"
            name="records"
            class="mono"
            rows={6}
            maxlength={20000}
            spellcheck={false}
            placeholder={"postern=hello:you@example.net\nforward-email=*:you@example.net"}
            {...fieldAria("records", { hint: true })}
          >
            {asked.records}
          </textarea>
        </Field>
        <div class="row">
          <button class="main" type="submit" name="act" value="read">
            Read them
          </button>
          <button type="submit" name="act" value="seal">
            Hide the destinations
          </button>
          <button class="plain" type="submit" name="act" value="look">
            Fetch what DNS has now
          </button>
        </div>
      </form>
    </section>
  );
};

const Understood: FC<{ result: Result }> = ({ result: { domain, records, problems } }) => {
  const wrong = records.reduce((sum, one) => sum + one.problems.filter(({ level }) => level === "error").length, 0);
  return (
    <section class="card stack" aria-labelledby="understood">
      <h2 id="understood">{wrong === 0 ? "As it would be understood" : `${plural(wrong, "mistake")} found`}</h2>
      {records.length === 0 && <p class="soft">There is no record to read.</p>}
      <Mistakes all={problems} />
      <ol class="plain-list">
        {records.map((one, i) => (
          <li class="stack tight">
            <div>
              <span class="soft small">Record {i + 1}</span> <code class="breakable">{shortened(one.text)}</code>
            </div>
            <Mistakes all={one.problems} />
            <Rules all={one.aliases} domain={domain} />
            {one.aliases.length === 0 && one.problems.length === 0 && (
              <p class="soft small">
                {isPort(one.text) ? "The port of every destination." : "No rule of this service."}
              </p>
            )}
          </li>
        ))}
      </ol>
      <p class="soft small">
        An exact name comes before a pattern, a pattern before a regular expression, and the catch-all last; the most
        specific one decides alone. Each destination is asked by mail before it gets anything.
      </p>
    </section>
  );
};

function isPort(text: string): boolean {
  return /^(?:postern|forward-email)-port=/.test(text);
}

function shortened(text: string): string {
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

const Mistakes: FC<{ all: Mistake[] }> = ({ all }) => (
  <>
    {all.map(({ level, text }) => (
      <Notice tone={level === "error" ? "fail" : "warn"}>{text}</Notice>
    ))}
  </>
);

const offTexts = {
  250: "is taken and dropped (250)",
  421: "is put off (421)",
  550: "is refused (550)",
} as const;

const Rules: FC<{ all: AliasDefinition[]; domain: string }> = ({ all, domain }) => (
  <ul>
    {all.map((one) => (
      <li>
        Mail to <code>{spelled(one, domain)}</code>{" "}
        {one.state === "disabled" ? (
          offTexts[one.disabledReply]
        ) : one.destinations.length === 0 ? (
          "has no destination that could be read, and waits"
        ) : (
          <>
            goes to <code class="breakable">{destinationsText(one.destinations)}</code>
          </>
        )}
      </li>
    ))}
  </ul>
);

function spelled({ kind, pattern }: AliasDefinition, domain: string): string {
  return kind === "regex" ? `/${pattern}/ @${domain}` : `${pattern}@${domain}`;
}

const Sealed: FC<{ sealing: Sealing; domain: string }> = ({ sealing, domain }) => (
  <section class="card stack" aria-labelledby="sealed">
    <h2 id="sealed">The same, hidden</h2>
    <p>
      Publish these TXT values instead. They are read here only, and count for {domain} only; nothing of them is kept
      here.
    </p>
    {sealing.sealed.map((record, i) => (
      <Copyable text={record} label={`sealed record ${i + 1}`} />
    ))}
    {sealing.sealed.length === 0 && <Notice tone="warn">There was no rule to hide.</Notice>}
    {sealing.left.length > 0 && (
      <Notice tone="warn">
        Left out, since a record can't say it: {sealing.left.map(({ pattern }) => pattern).join(", ")}
      </Notice>
    )}
    {sealing.open.length > 0 && (
      <>
        <p>These stay as they are, beside the hidden ones:</p>
        {sealing.open.map((record) => (
          <Copyable text={record} label="record" />
        ))}
      </>
    )}
  </section>
);

const Publish: FC<Pick<Props, "hosts" | "webhookKey">> = ({ hosts, webhookKey }) => (
  <section class="card stack" aria-labelledby="publish">
    <h2 id="publish">What to publish at your domain</h2>
    <ul class="plain-list">
      {hosts.map((host) => (
        <li>
          <span class="tag">MX</span> <Copyable text={`10 ${host}.`} label="MX record" />
        </li>
      ))}
      {hosts.length === 0 && <li class="soft">No mail host of this service is up yet.</li>}
      <li>
        <span class="tag">TXT</span> your rules, such as <code>postern=hello:you@example.net</code>
      </li>
      {hosts.map((host) => (
        <li>
          <span class="tag">TXT</span> <Copyable text={`v=spf1 a:${host} -all`} label="SPF record" /> lets forwarded
          mail pass, if nothing else sends for the domain.
        </li>
      ))}
    </ul>
    <p>
      A destination may be a webhook, <code>postern=hello:https://hooks.example.net/in</code>. Calls are signed as
      Standard Webhooks say; verify them with this public key:
    </p>
    <Copyable text={webhookKey} label="webhook key" />
  </section>
);
