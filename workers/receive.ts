/**
 * The inbound pipeline, the same for both entrances. A recipient's outcome is accepted only once what was accepted is
 * durable; whatever goes wrong on our side is a deferral, never an exception. The envelope decides, never a To: field.
 */
import { prove } from "../src/core/proof/prove.ts";
import { stripForged } from "../src/core/proof/results.ts";
import type { Proof } from "../src/core/proof/types.ts";
import { replyFor } from "../src/core/reply.ts";
import { resolve } from "../src/core/rules/aliases.ts";
import { decide } from "../src/core/rules/decide.ts";
import type { Route } from "../src/core/rules/route.ts";
import { carryOut } from "./carry-out.ts";
import { type DedupeKeys, dedupeKeys } from "./dedupe.ts";
import { closeJournal, openJournal } from "./directory/journal.ts";
import { type LookedUp, lookUp } from "./directory/routes.ts";
import { seenBefore } from "./directory/seen.ts";
import { journalRow } from "./journal-row.ts";
import type { Delivery, Envelope, Incoming, Outcome, Receipt } from "./mail.ts";
import { type Message, readMessage } from "./message.ts";
import { type Edge, logTrouble } from "./platform.ts";

export async function receive(mail: Incoming, edge: Edge): Promise<Receipt> {
  try {
    return await pipeline(mail, edge);
  } catch (error) {
    logTrouble("receive", error);
    return { outcomes: mail.recipients.map(trouble), dmarcPassed: false };
  }
}

async function pipeline(mail: Incoming, edge: Edge): Promise<Receipt> {
  const found = await lookUp(edge.env.DIRECTORY, mail.recipients); // the one round trip to the directory
  const routes = found.map((one) => routeOf(one, mail.envelope));
  const message = readMessage(mail.raw);
  const keys = dedupeKeys(edge.config.dedupeSecret, mail.envelope.mailFrom, mail.below);
  const [seen, proof] = await Promise.all([seenAmong(found, keys, edge), authenticate(mail, message, routes, edge)]);
  const deliveries = found.map((one, i) => delivery(one, decideFor(routes[i], message, proof), keys, seen, edge));
  await openJournal(
    edge,
    deliveries.filter((one) => !one.seen).map((one) => journalRow(one, mail, message, proof, edge)),
  ); // before anything leaves
  const shared = { mail, clean: stripForged(mail.raw, edge.config.authservId), proof, keys };
  const done = [];
  for (const one of deliveries) done.push(await carryOut(one, shared, edge)); // one by one: sealing holds megabytes
  await closeJournal(edge, done);
  return { outcomes: done.map(({ outcome }) => outcome), dmarcPassed: proof?.dmarc.result === "pass" };
}

/** A node is believed only for the domains assigned to it. */
function routeOf(found: LookedUp, { entrance, assertedBy }: Envelope): Route {
  const elsewhere = found.domain === null || (entrance === "door" && found.domain.node !== assertedBy);
  if (elsewhere) return { kind: "refused", reason: "domain-not-here", match: null, skips: [] };
  return resolve(found.address, found.candidates);
}

function seenAmong(found: readonly LookedUp[], keys: DedupeKeys, edge: Edge): Promise<ReadonlySet<string>> {
  return seenBefore(
    edge.db,
    found.map((one) => keys.keyFor(one.recipient)),
  );
}

/** Null where nobody will take the message anyway: then nothing is asked of anybody's DNS. */
async function authenticate(
  mail: Incoming,
  message: Message,
  routes: readonly Route[],
  edge: Edge,
): Promise<Proof | null> {
  if (message.trouble !== null || routes.every((route) => route.kind === "refused")) return null;
  const { mailFrom, helo, ip } = mail.envelope;
  const { authservId, trustedSealers } = edge.config;
  const input = { raw: mail.raw, mailFrom, helo, ip, now: edge.clock(), authservId, trustedSealers };
  return prove(input, { dns: edge.dns, crypto: edge.crypto });
}

function decideFor(route: Route | undefined, message: Message, proof: Proof | null): ReturnType<typeof decide> {
  const known = route ?? { kind: "refused", reason: "edge-trouble", match: null, skips: [] };
  return decide({ route: known, trouble: message.trouble, size: message.raw.length, proof });
}

function delivery(
  found: LookedUp,
  verdict: Delivery["verdict"],
  keys: DedupeKeys,
  seen: ReadonlySet<string>,
  edge: Edge,
): Delivery {
  return { found, verdict, journal: edge.newId(), seen: seen.has(keys.keyFor(found.recipient)) };
}

function trouble(recipient: string): Outcome {
  return { recipient, kind: "deferred", reason: "edge-trouble", reply: replyFor("edge-trouble") };
}
