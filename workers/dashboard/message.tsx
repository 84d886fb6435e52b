/** A message in the activity list: who to whom, what became of it, the four checks. Also sent alone, to pages that watch. */
import type { FC } from "hono/jsx";
import type { Message } from "../directory/activity.ts";
import { Icon } from "./icons.tsx";
import { Badge, Time, VerdictBadge } from "./parts.tsx";
import { summaryOf, type Verdict, verdicts } from "./words.ts";

export const MessageRow: FC<{ message: Message; names: Names }> = ({ message, names }) => {
  const word = summaryOf(named(message, names));
  return (
    <article class="mail" id={`m-${message.id}`}>
      <span class={`mail-glyph ${word.tone}`}>
        <Icon name={word.icon} />
      </span>
      <div class="mail-who">
        <a href={`/activity/${message.id}`}>{message.author || message.mailFrom || "no sender"}</a>
        <span class="arrow" aria-hidden="true">
          →
        </span>
        <span class="out-of-sight">to</span>
        <span class="address">{message.recipient}</span>
      </div>
      <div class="mail-when">
        <Time at={message.at} />
      </div>
      <div class="mail-what">{word.text}</div>
      <div class="mail-badges">{message.proof && <Badges list={verdicts(message.proof)} />}</div>
    </article>
  );
};

/** What speaks for or against the sender; checks that found nothing either way are on the message's own page. */
const Badges: FC<{ list: Verdict[] }> = ({ list }) => {
  const telling = list.filter(({ tone }) => tone !== "quiet");
  if (telling.length === 0) return <Badge tone="quiet">not proven</Badge>;
  return (
    <>
      {telling.map((one) => (
        <VerdictBadge verdict={one} />
      ))}
    </>
  );
};

/** Names for ids that steps point to: mailboxes by address, webhooks by URL. */
export type Names = ReadonlyMap<string, string>;

/** What the steps of these messages point to, for `namesFor`. */
export function stepsOf(messages: readonly Message[]): Message["steps"] {
  return messages.flatMap(({ steps }) => steps);
}

export function named(message: Message, names: Names): Message {
  return {
    ...message,
    steps: message.steps.map((step) => ({ ...step, target: names.get(step.target) ?? step.target })),
  };
}
