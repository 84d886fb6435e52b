/** How an explanation looks: the outcome in a sentence, each copy, which alias decided and why the others did not. */
import type { FC } from "hono/jsx";
import type { DomainView } from "../directory/domains.ts";
import type { Explained } from "../explain.ts";
import type { Visitor } from "../sign-in/visitor.ts";
import { DomainHead } from "./domain-head.tsx";
import { Icon } from "./icons.tsx";
import { Address, Badge, Field, FormToken, fieldAria, VerdictBadge } from "./parts.tsx";
import { reasonWords, type Tone, verdicts } from "./words.ts";

export type ExplainForm = { local: string; mailFrom: string; ip: string; helo: string; raw: string };
type Names = ReadonlyMap<string, string>;
type Props = { visitor: Visitor; domain: DomainView; asked: ExplainForm; answer: Explained | null; names: Names };

export const ExplainView: FC<Props> = ({ visitor, domain, asked, answer, names }) => (
  <>
    <DomainHead domain={domain} at="explain" />
    <section class="card stack" aria-labelledby="ask">
      <h2 id="ask">What would happen to a message?</h2>
      <form method="post" action={`/domains/${domain.id}/explain`} class="stack">
        <FormToken token={visitor.formToken} />
        <div class="columns">
          <Field id="local" label="To">
            <div class="suffix">
              <input
                id="local"
                name="local"
                class="mono"
                value={asked.local}
                required
                maxlength={320}
                autocomplete="off"
                autocapitalize="none"
                spellcheck={false}
              />
              <span>@{domain.name}</span>
            </div>
          </Field>
          <Field id="mailFrom" label="From">
            <input
              id="mailFrom"
              name="mailFrom"
              class="mono"
              value={asked.mailFrom}
              placeholder="bob@example.com"
              maxlength={320}
              autocomplete="off"
              autocapitalize="none"
              spellcheck={false}
            />
          </Field>
          <Field id="ip" label="Sending server's IP" hint="Only needed to check a pasted message's SPF.">
            <input
              id="ip"
              name="ip"
              class="mono"
              value={asked.ip}
              maxlength={64}
              autocomplete="off"
              {...fieldAria("ip", { hint: true })}
            />
          </Field>
        </div>
        <details open={asked.raw !== ""}>
          <summary>Paste a whole message</summary>
          <Field
            id="raw"
            label="Message with its headers"
            hint="Its signatures are checked as they would be on arrival. It is not kept."
          >
            <textarea
              id="raw"
              name="raw"
              class="mono"
              rows={8}
              maxlength={200_000}
              {...fieldAria("raw", { hint: true })}
            >
              {asked.raw}
            </textarea>
          </Field>
        </details>
        <div>
          <button class="main" type="submit">
            Explain
          </button>
        </div>
      </form>
    </section>
    {answer && <Answer answer={answer} names={names} />}
  </>
);

const tones: Record<Explained["outcome"], Tone> = {
  accepted: "pass",
  dropped: "quiet",
  deferred: "warn",
  refused: "fail",
};
const words: Record<Explained["outcome"], string> = {
  accepted: "It would be accepted.",
  dropped: "It would be accepted and dropped.",
  deferred: "The sender would be asked to try later.",
  refused: "It would be refused.",
};

const Answer: FC<{ answer: Explained; names: Names }> = ({ answer, names }) => (
  <>
    <section class="card stack" aria-labelledby="answer" role="status">
      <div class="row">
        <h2 id="answer">{words[answer.outcome]}</h2>
        <Badge tone={tones[answer.outcome]}>{answer.outcome === "deferred" ? "put off" : answer.outcome}</Badge>
      </div>
      {answer.outcome !== "accepted" && <p>{reasonWords(answer.reason)}</p>}
      <p class="soft">
        The sender would be told: <code>{answer.reply}</code>
      </p>
      {answer.sender !== "none" && <p class="soft">The sender is on the list of those {answer.sender}.</p>}
      <ul class="checks">
        {answer.copies.map((copy) => (
          <li class="check">
            <span class="mail-glyph pass">
              <Icon name={copy.kind === "file" ? "mailboxes" : copy.kind === "webhook" ? "hook" : "arrow"} />
            </span>
            <div>
              <Address text={names.get(copy.target) ?? copy.target} />
              <div class="soft">{copy.says}</div>
            </div>
          </li>
        ))}
        {answer.skips.map((skip) => (
          <li class="check">
            <span class="mail-glyph warn">
              <Icon name="dash" />
            </span>
            <div>
              <Address text={names.get(skip.target) ?? skip.target} />
              <div class="soft">nothing: {skip.why.replaceAll("-", " ")}</div>
            </div>
          </li>
        ))}
      </ul>
      {answer.proof && (
        <div class="row">
          {verdicts(answer.proof).map((one) => (
            <VerdictBadge verdict={one} />
          ))}
        </div>
      )}
    </section>
    {answer.aliases.length > 0 && <Aliases answer={answer} />}
  </>
);

const says: Record<Explained["aliases"][number]["says"], [Tone, string]> = {
  decides: ["pass", "decides"],
  outranked: ["quiet", "outranked"],
  unusable: ["fail", "unusable"],
  "no-match": ["quiet", "no match"],
};

const Aliases: FC<{ answer: Explained }> = ({ answer }) => (
  <section class="card flush" aria-labelledby="why">
    <div class="toolbar">
      <h2 id="why">Which alias, and why not the others</h2>
    </div>
    <table class="fold-table">
      <tbody>
        {answer.aliases.slice(0, 60).map((one) => (
          <tr class={one.state === "disabled" ? "off" : undefined}>
            <td class="grow">
              <span class="address">{one.pattern}</span> <span class="tag">{one.kind}</span>
            </td>
            <td>
              <Badge tone={says[one.says][0]}>{says[one.says][1]}</Badge>
            </td>
            <td class="soft wide-cell">{one.why}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </section>
);
