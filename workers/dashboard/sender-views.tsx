/** How lists of allowed and denied senders look. */
import type { FC } from "hono/jsx";
import { roleAtLeast } from "../api/row.ts";
import type { DomainView } from "../directory/domains.ts";
import type { Problem } from "../directory/problem.ts";
import type { SenderRule } from "../directory/sender-rules.ts";
import type { Visitor } from "../sign-in/visitor.ts";
import { DomainHead } from "./domain-head.tsx";
import { Icon } from "./icons.tsx";
import { Badge, Empty, Field, FormToken, fieldAria } from "./parts.tsx";
/** Whose list: where its form goes, and what is said of it. */
export type SenderList = { of: "domain" | "alias" | "account"; path: string; name: string };
type SenderProps = {
  visitor: Visitor;
  /** Null for one's own list. */
  domain: DomainView | null;
  list: SenderList;
  rules: SenderRule[];
  value: string;
  problem: Problem | null;
};
const matches: Record<SenderRule["match"], string> = {
  address: "address",
  domain: "domain and its subdomains",
  tld: "everything under",
  cidr: "network",
};

export const SendersView: FC<SenderProps> = (props) => {
  const { visitor, domain, list, rules } = props;
  const may = domain === null || roleAtLeast(domain.role, "admin");
  return (
    <>
      {domain === null ? <h1>Senders, in all your domains</h1> : <DomainHead domain={domain} at="senders" />}
      <Which {...props} />
      {may && <SenderForm {...props} />}
      {rules.length === 0 ? (
        <Empty icon="rules" title="Nobody is listed">
          <p>
            Deny a sender who pesters you: by address, domain, last label (.xyz) or network. Allow one to except it from
            a wider deny. A forgery is refused whatever the list says.
          </p>
        </Empty>
      ) : (
        <div class="card flush">
          <table class="fold-table">
            <tbody>
              {rules.map((rule) => (
                <tr>
                  <td>
                    {rule.act === "allow" ? <Badge tone="pass">allowed</Badge> : <Badge tone="fail">denied</Badge>}
                  </td>
                  <td class="grow">
                    <span class="address">{rule.match === "tld" ? `.${rule.value}` : rule.value}</span>{" "}
                    <span class="soft small">{matches[rule.match]}</span>
                  </td>
                  <td class="soft">
                    {rule.act === "deny" && (rule.answer === "drop" ? "dropped silently" : "refused (550)")}
                  </td>
                  <td class="acts">
                    {may && (
                      <form method="post" action={`${list.path}/remove`}>
                        <FormToken token={visitor.formToken} />
                        <button class="plain small-button" name="rule" value={rule.id} type="submit">
                          Remove<span class="out-of-sight"> {rule.value}</span>
                        </button>
                      </form>
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
};

/** The nearest list that says anything decides: alias, then domain, then account (`core/rules/senders.ts`). */
const Which: FC<SenderProps> = ({ domain, list }) => {
  if (domain === null) return <p class="soft">For every domain that you own; a domain’s own list goes before it.</p>;
  if (list.of === "alias")
    return (
      <p class="soft">
        For mail to <span class="address">{list.name}</span> only; it goes before{" "}
        <a href={`/domains/${domain.id}/senders`}>the list of {domain.name}</a>.
      </p>
    );
  return (
    <p class="soft">
      For all of {domain.name}; an alias’s own list, on its page, goes before it, and behind it comes{" "}
      <a href="/senders">your list for all domains that you own</a>.
    </p>
  );
};

const SenderForm: FC<SenderProps> = ({ visitor, list, value, problem }) => (
  <section class="card" aria-label="Add a sender">
    <form method="post" action={list.path} class="stack">
      <FormToken token={visitor.formToken} />
      <div class="columns">
        <Field id="value" label="Sender" wrong={problem?.detail ?? null}>
          <input
            id="value"
            name="value"
            class="mono"
            value={value}
            placeholder="spam.example, .xyz or 192.0.2.0/24"
            required
            maxlength={320}
            autocomplete="off"
            autocapitalize="none"
            spellcheck={false}
            {...fieldAria("value", { wrong: problem !== null })}
          />
        </Field>
        <Field id="act" label="Is">
          <select id="act" name="act">
            <option value="deny">denied</option>
            <option value="allow">allowed</option>
          </select>
        </Field>
        <Field id="answer" label="If denied, it is">
          <select id="answer" name="answer">
            <option value="reject">told so (550)</option>
            <option value="drop">told nothing, and dropped</option>
          </select>
        </Field>
      </div>
      <div>
        <button class="main" type="submit">
          <Icon name="plus" />
          Add to the list
        </button>
      </div>
    </form>
  </section>
);
