/** What became of each message. */
import { z } from "zod";
import { copiesWaiting, tryByHand } from "../../by-hand.ts";
import { activity, message } from "../../directory/activity.ts";
import { domainsOf } from "../../directory/domains.ts";
import { domainOfJournal } from "../../directory/journal.ts";
import { notFound } from "../../directory/problem.ts";
import { reportPage } from "../../directory/reports.ts";
import { statsOf } from "../../directory/stats.ts";
import { liveEvent, mostSeconds, subscribe } from "../../live.ts";
import { openEdge } from "../../platform.ts";
import { type Personal, personal, streamed, within } from "../row.ts";
import { activityQuery, cursorQuery, id, messageShape, page, retriedShape, time } from "../shapes.ts";

const tag = "Activity";

const counted = z.object({ accepted: z.int(), refused: z.int(), deferred: z.int() });
const tallied = z.object({ result: z.string(), n: z.int() });
const latency = z.object({ p50: z.number(), p95: z.number(), p99: z.number(), n: z.int() });
const statsShape = z.object({
  days: z.array(counted.extend({ day: z.string().describe("YYYY-MM-DD, UTC") })),
  verdicts: z.object({ spf: z.array(tallied), dkim: z.array(tallied), dmarc: z.array(tallied) }),
  reasons: z.array(tallied.extend({ outcome: z.string() })).describe("Why mail was refused or put off"),
  junk: z.int().describe("Taken, and filed as Junk"),
  senders: z.array(z.object({ sender: z.string(), n: z.int() })),
  latency: latency.nullable().describe("Milliseconds from arrival to the last good step of a copy"),
});

const reportShape = z.object({
  id,
  domain: id,
  kind: z.enum(["dmarc", "tls"]),
  org: z.string().describe("Who reports"),
  begins: time,
  ends: time,
  good: z.int().describe("Messages that passed, or connections that were safe"),
  bad: z.int(),
  lines: z.array(z.unknown()),
});

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
    byDomain: true,
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
    path: "/stats",
    name: "stats",
    tag,
    says: "Figures over what the journal still keeps: by day and verdict, by check, senders, how long copies took",
    byDomain: true,
    query: z.object({ domain: id.optional(), days: z.coerce.number().int().min(1).max(90).default(30) }),
    answer: statsShape,
    run: async (call) => statsOf(call.world, await readable(call, call.query.domain), call.query.days),
  }),
  personal("activity:read", {
    method: "GET",
    path: "/reports",
    name: "reports",
    tag,
    says: "What other services report about your domains, newest first: DMARC and TLS-RPT",
    byDomain: true,
    query: cursorQuery.extend({
      after: id.optional(),
      domain: id.optional(),
      kind: z.enum(["dmarc", "tls"]).optional(),
    }),
    answer: page(reportShape),
    async run(call) {
      const { domain, kind, after, limit } = call.query;
      return reportPage(call.world, { domains: await readable(call, domain), kind, after, limit });
    },
  }),
  streamed("activity:read", {
    path: "/activity/live",
    name: "liveActivity",
    tag,
    says: "Hear of messages and of what becomes of them as it happens (server-sent events); ends after `seconds`: open it again",
    byDomain: true,
    query: z.object({
      domain: id.optional(),
      seconds: z.coerce.number().int().min(1).max(mostSeconds).default(mostSeconds),
    }),
    events: liveEvent,
    async run(call) {
      const { domain, seconds } = call.query;
      const domains = await readable(call, domain);
      if (domains.length === 0) throw notFound("domain");
      return subscribe(call.env, { visitor: call.visitor, domains, seconds });
    },
  }),
  personal("activity:read", {
    method: "GET",
    path: "/activity/:message",
    name: "message",
    tag,
    says: "One message's timeline",
    byDomain: true,
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
