/** One message, from the envelope to each copy's end: a timeline in plain words, the four checks, raw verdicts behind a fold. */
import type { FC } from "hono/jsx";
import type { Message, Step } from "../directory/activity.ts";
import { Icon } from "./icons.tsx";
import { Address, Badge, bytesText, FormToken, Head, Time } from "./parts.tsx";
import { stepWords, summaryOf, toneIcon, type Verdict, verdicts, type Word } from "./words.ts";

/** `retry`: the form's token, for somebody who may have the copies tried again that still wait for a node. */
export const MessageView: FC<{ message: Message; retry: string | null }> = ({ message, retry }) => {
  const summary = summaryOf(message);
  const copies = copiesOf(message.steps);
  return (
    <>
      <Head
        title={message.author || message.mailFrom || "No sender"}
        crumbs={<a href="/activity">Activity</a>}
        says={
          <>
            To <Address text={message.recipient} />. {summary.text}
          </>
        }
      >
        <Badge tone={summary.tone === "quiet" ? "pass" : summary.tone}>{fateOf(message, summary)}</Badge>
      </Head>
      <section class="card" aria-labelledby="way">
        <h2 id="way">What happened</h2>
        <ol class="timeline" data-timeline={message.id}>
          <Arrival message={message} />
          {copies.length === 1 && copies[0]?.steps.map(moment)}
        </ol>
        {copies.length > 1 && <Copies copies={copies} />}
        <Advice message={message} />
        {retry !== null && <Retry message={message} token={retry} />}
      </section>
      {message.proof && <Checks list={verdicts(message.proof)} />}
      <section class="card" aria-labelledby="envelope">
        <h2 id="envelope">Envelope</h2>
        <Envelope message={message} />
      </section>
      <details>
        <summary>Raw verdicts, for experts</summary>
        <pre class="raw" tabindex={0}>
          {JSON.stringify(
            { reason: message.reason, reply: message.reply, proof: message.proof, cloudflare: message.cloudflare },
            null,
            2,
          )}
        </pre>
      </details>
    </>
  );
};

/** One word for how it stands: a message that was accepted and then came to nothing is no success. */
function fateOf({ outcome }: Message, { tone }: Word): string {
  if (outcome !== "accepted") return outcome === "deferred" ? "put off" : outcome;
  if (tone === "fail") return "not delivered";
  return tone === "warn" ? "delayed" : "accepted";
}

/** What its owner can do where the reason lies with them. */
const Advice: FC<{ message: Message }> = ({ message }) => {
  const to = advice[message.reason];
  return to === undefined ? null : (
    <p class="soft">
      {to.says} <a href={`/domains/${message.domain}${to.path}`}>{to.link}</a>
    </p>
  );
};
const advice: Record<string, { says: string; link: string; path: string }> = {
  "no-such-address": { says: "Should this address exist?", link: "Add an alias for it", path: "" },
  "address-disabled": { says: "Is it wanted again?", link: "Switch the alias on", path: "?state=disabled" },
  "address-disabled-for-now": { says: "Is it wanted again?", link: "Switch the alias on", path: "?state=disabled" },
  "no-destination": {
    says: "The addresses it goes to have not said yes yet, or are paused.",
    link: "See the aliases",
    path: "",
  },
  denied: { says: "Was that a mistake?", link: "See the sender lists", path: "/senders" },
};

const Retry: FC<{ message: Message; token: string }> = ({ message, token }) => (
  <form method="post" action={`/activity/${message.id}/retry`} class="row">
    <FormToken token={token} />
    <button type="submit">Try again now</button>
    <span class="soft small">A copy waits for its node. We keep trying by ourselves for five days.</span>
  </form>
);

type Copy = { target: string; steps: Step[] };

/** Steps of one copy belong together, however they were interleaved. */
function copiesOf(steps: readonly Step[]): Copy[] {
  return [...Map.groupBy(steps, (step) => step.target)].map(([target, of]) => ({ target, steps: of }));
}

const moment = (step: Step) => <Moment at={step.at} word={stepWords(step)} detail={step.detail} />;

/** Several copies: each folds its way up behind where it stands now, open while something is wrong with it. */
const Copies: FC<{ copies: Copy[] }> = ({ copies }) => (
  <>
    <h3 class="copies-title">{copies.length} copies</h3>
    <ul class="copies">
      {copies.map(({ steps }) => {
        const last = steps.at(-1);
        const word = last && stepWords(last);
        return (
          word && (
            <li>
              <span class={`mail-glyph ${word.tone}`}>
                <Icon name={word.icon} />
              </span>
              <details open={word.tone === "fail" || word.tone === "warn"}>
                <summary class="check-title">{word.text}</summary>
                <ol class="timeline">{steps.map(moment)}</ol>
              </details>
            </li>
          )
        );
      })}
    </ul>
  </>
);

const Arrival: FC<{ message: Message }> = ({ message }) => {
  const { outcome } = message;
  const from = message.entrance === "cloudflare" ? "by Cloudflare's mail servers" : "at your own mail server";
  const says =
    message.size === 0
      ? `Somebody asked ${from} to take a message. It was turned away before its text was sent.`
      : `Came in ${from}, ${bytesText(message.size)}.`;
  const came: Word = { tone: "quiet", icon: "forward", text: says };
  const verdict: Word =
    outcome === "accepted"
      ? { tone: "pass", icon: "check", text: "Accepted." }
      : {
          tone: outcome === "refused" ? "fail" : "warn",
          icon: outcome === "refused" ? "cross" : "clock",
          text: summaryOf(message).text,
        };
  return (
    <>
      <Moment at={message.at} word={came} detail="" />
      <Moment
        at={message.at}
        word={verdict}
        detail={outcome === "accepted" ? "" : `The sender was told: ${message.reply}`}
      />
    </>
  );
};

const Moment: FC<{ at: number; word: Word; detail: string }> = ({ at, word, detail }) => (
  <li>
    <span class={`mail-glyph ${word.tone}`}>
      <Icon name={word.icon} />
    </span>
    <div>
      <div>{word.text}</div>
      {detail !== "" && <div class="soft small">{detail}</div>}
      <div class="soft small">
        <Time at={at} exact />
      </div>
    </div>
  </li>
);

const Checks: FC<{ list: Verdict[] }> = ({ list }) => (
  <section class="card" aria-labelledby="checks">
    <h2 id="checks">Who really sent it</h2>
    <ul class="checks">
      {list.map((one) => (
        <li class="check">
          <span class={`mail-glyph ${one.tone}`}>
            <Icon name={toneIcon(one.tone)} />
          </span>
          <div>
            <strong>{one.name}</strong> <span class="soft">{one.result}</span>
            <div>{one.plain}</div>
            {one.why !== "" && <div class="soft small">{one.why}</div>}
          </div>
        </li>
      ))}
    </ul>
  </section>
);

const Envelope: FC<{ message: Message }> = ({ message }) => (
  <dl class="facts">
    <dt>From (author)</dt>
    <dd>{message.size === 0 ? "not known: no message was sent" : <Address text={message.author || "none"} />}</dd>
    <dt>Bounces go to</dt>
    <dd>
      <Address text={message.mailFrom || "nobody: it is a notice itself"} />
    </dd>
    <dt>Recipient</dt>
    <dd>
      <Address text={message.recipient} />
    </dd>
    <dt>Sending server</dt>
    <dd>
      {message.helo ?? "unknown"} {message.ip && <span class="soft">({message.ip})</span>}
      {message.assertedBy && <span class="soft small"> as the node {message.assertedBy} saw it</span>}
    </dd>
    <dt>Received</dt>
    <dd>
      <Time at={message.at} />
    </dd>
    <dt>Kept in this list until</dt>
    <dd>
      <Time at={message.expiresAt} />
    </dd>
  </dl>
);
