/** What became of each message. */
import { z } from "zod";
import { copiesWaiting, tryByHand } from "../../by-hand.ts";
import { activity, message } from "../../directory/activity.ts";
import { domainsOf } from "../../directory/domains.ts";
import { domainOfJournal } from "../../directory/journal.ts";
import { notFound } from "../../directory/problem.ts";
import { openEdge } from "../../platform.ts";
import { type Personal, personal, within } from "../row.ts";
import { activityQuery, id, messageShape, page, retriedShape } from "../shapes.ts";

const tag = "Activity";

/** The ids of the domains that the visitor may read about; one of them when one is asked for. */
async function readable(call: Personal, only?: string): Promise<string[]> {
  const ids = (await domainsOf(call.world, call.visitor.account.id)).map((domain) => domain.id);
  if (only === undefined) return ids;
  if (!ids.includes(only)) throw notFound("domain");
  return [only];
}

export const activityRows = [
  personal("activity:read", {
    method: "GET",
    path: "/activity",
    name: "activity",
    tag,
    says: "Messages received, newest first, with verdicts and what became of each copy",
    query: activityQuery,
    answer: page(messageShape),
    async run(call) {
      const { domain, after, ...filter } = call.query;
      const domains = await readable(call, domain);
      const { rows, next } = await activity(call.world, { ...filter, before: after, domains });
      return { items: rows, next };
    },
  }),
  personal("activity:read", {
    method: "GET",
    path: "/activity/:message",
    name: "message",
    tag,
    says: "One message's timeline",
    params: z.object({ message: id }),
    answer: messageShape,
    run: async (call) => message(call.world, await readable(call), call.params.message),
  }),
  within("admin", "mailboxes:write", {
    method: "POST",
    path: "/activity/:message/retry",
    name: "retryMessage",
    tag,
    says: "Hand over now the copies of a message that no node has taken yet, also those given up after five days",
    params: z.object({ message: id }),
    answer: retriedShape,
    domainOf: (call) => domainOfJournal(call.world.db, call.params.message),
    async run(call) {
      const edge = openEdge(call.env, { waitUntil: call.later });
      const found = await message(call.world, [call.domain.id], call.params.message);
      const waiting = await copiesWaiting(edge, found);
      return { waiting: waiting.length, first: await tryByHand(edge, waiting) };
    },
  }),
];
