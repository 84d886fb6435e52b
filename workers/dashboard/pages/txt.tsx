/** TXT rules of a domain: what its records say, what is wrong in them, whether they count, and records that hide their rules. */
import { type Context, Hono } from "hono";
import type { FC } from "hono/jsx";
import { z } from "zod";
import { utf8 } from "../../../src/core/bytes.ts";
import { type RecordRules, readRecords } from "../../../src/core/rules/records/read.ts";
import { maxSealedBytes, sealRecord } from "../../../src/core/rules/records/sealed.ts";
import { roleAtLeast } from "../../api/row.ts";
import { type DomainView, domainNamed, setTxtRules } from "../../directory/domains.ts";
import { openEdge } from "../../platform.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { readDomainRecords, txtKey } from "../../txt.ts";
import { DomainHead } from "../domain-head.tsx";
import { formOf, signedIn } from "../guard.tsx";
import { Copyable, Field, FormToken, fieldAria, Notice } from "../parts.tsx";
import { domainHere } from "../reader.ts";
import { page } from "../shell.tsx";

export const txtPages = new Hono<App>();

type Sealed = { rules: string; record: string | null; problems: string[] };

txtPages.get(
  "/domains/:domain/txt",
  signedIn(async (c, visitor) => show(c, visitor, await domainHere(c, visitor), null)),
);

txtPages.post(
  "/domains/:domain/txt",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const { enabled } = await formOf(c, visitor, z.object({ enabled: z.enum(["yes", "no"]) }));
    await setTxtRules(c.get("world"), domain, enabled === "yes");
    return c.redirect(`/domains/${domain.id}/txt?done=settings-changed`, 303);
  }),
);

txtPages.post(
  "/domains/:domain/txt/seal",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor);
    const { rules } = await formOf(c, visitor, z.object({ rules: z.string().trim().min(1).max(2000) }));
    return show(c, visitor, domain, seal(c, domain.name, rules));
  }),
);

function seal(c: Context<App>, domain: string, rules: string): Sealed {
  const problems = readRecords([`postern=${rules}`], { domain }).problems.map(({ text }) => text);
  if (utf8(rules).length > maxSealedBytes)
    return { rules, record: null, problems: [`One record holds at most ${maxSealedBytes} bytes: make several.`] };
  const edge = openEdge(c.env, c.executionCtx);
  return { rules, record: sealRecord(rules, domain, txtKey(edge), edge.random), problems };
}

async function show(c: Context<App>, visitor: Visitor, domain: DomainView, sealed: Sealed | null) {
  const [rules, row] = await Promise.all([
    readDomainRecords(openEdge(c.env, c.executionCtx), domain.name),
    domainNamed(c.get("world"), domain.name),
  ]);
  const view = <TxtView {...{ visitor, domain, rules, on: row?.txtRules ?? false, sealed }} />;
  return page(c, visitor, { title: `TXT rules · ${domain.name}`, at: "domains" }, view);
}

type Props = { visitor: Visitor; domain: DomainView; rules: RecordRules | null; on: boolean; sealed: Sealed | null };

const TxtView: FC<Props> = (props) => {
  const { visitor, domain, rules, on } = props;
  return (
    <>
      <DomainHead domain={domain} at="txt" />
      <section class="card stack" aria-labelledby="records">
        <h2 id="records">Rules in TXT records</h2>
        <p>
          Records that begin with <code>postern=</code> or <code>forward-email=</code> can hold rules too. Aliases here
          always come first. {on ? "They count for this domain." : "They do not count for this domain."}
        </p>
        <Found rules={rules} />
        {roleAtLeast(domain.role, "admin") && (
          <form method="post" action={`/domains/${domain.id}/txt`}>
            <FormToken token={visitor.formToken} />
            <button type="submit" name="enabled" value={on ? "no" : "yes"}>
              {on ? "Let them count no more" : "Let them count"}
            </button>
          </form>
        )}
      </section>
      <SealCard {...props} />
    </>
  );
};

const Found: FC<{ rules: RecordRules | null }> = ({ rules }) => {
  if (rules === null) return <Notice tone="warn">The domain's DNS does not answer just now.</Notice>;
  if (!rules.present) return <p class="soft">There is no such record at the domain.</p>;
  return (
    <>
      {rules.problems.map(({ level, at, text }) => (
        <Notice tone={level === "error" ? "fail" : "warn"}>
          {at === null ? "" : `Record ${at}: `}
          {text}
        </Notice>
      ))}
      <ul>
        {rules.aliases.slice(0, 100).map(({ kind, pattern, state, disabledReply, destinations }) => (
          <li>
            <code>{kind === "regex" ? `/${pattern}/` : pattern}</code>:{" "}
            {state === "disabled" ? `off (${disabledReply})` : destinations.map(({ target }) => target).join(", ")}
          </li>
        ))}
      </ul>
    </>
  );
};

const SealCard: FC<Props> = ({ visitor, domain, sealed }) => (
  <section class="card stack" aria-labelledby="seal">
    <h2 id="seal">A record that hides its rules</h2>
    <p>Anybody can read DNS. A sealed record is read here only, and counts for {domain.name} only.</p>
    {sealed?.problems.map((text) => (
      <Notice tone="warn">{text}</Notice>
    ))}
    {sealed?.record && <Copyable text={sealed.record} label="Copy the record" />}
    <form method="post" action={`/domains/${domain.id}/txt/seal`} class="stack">
      <FormToken token={visitor.formToken} />
      <Field id="rules" label="Rules" hint="As after postern=, such as hello:you@example.net,*:all@example.net">
        <input
          id="rules"
          name="rules"
          class="mono"
          value={sealed?.rules ?? ""}
          maxlength={2000}
          required
          {...fieldAria("rules", { hint: true })}
        />
      </Field>
      <div>
        <button type="submit">Seal</button>
      </div>
    </form>
  </section>
);
