/**
 * The inbound pipeline, the same for both entrances. A recipient's outcome is accepted only once what was accepted is
 * durable; whatever goes wrong on our side is a deferral, never an exception. The envelope decides, never a To: field.
 */
import { isPathProven } from "../src/core/proof/path.ts";
import { prove } from "../src/core/proof/prove.ts";
import { stripForged } from "../src/core/proof/results.ts";
import type { Proof } from "../src/core/proof/types.ts";
import { replyFor } from "../src/core/reply.ts";
import { decide } from "../src/core/rules/decide.ts";
import type { Route } from "../src/core/rules/route.ts";
import { type Sender, senderOf } from "../src/core/rules/senders.ts";
import { carryOut, type Done } from "./carry-out.ts";
import { type DedupeKeys, dedupeKeys } from "./dedupe.ts";
import { closeJournal, openJournal } from "./directory/journal.ts";
import type { LookedUp } from "./directory/routes.ts";
import { seenBefore } from "./directory/seen.ts";
import { journalRow } from "./journal-row.ts";
import type { Delivery, Incoming, Outcome, Receipt } from "./mail.ts";
import { type Message, readMessage } from "./message.ts";
import { type Edge, logTrouble } from "./platform.ts";
import { tooFast } from "./rate.ts";
import { routeOf, rulingOf, troubleFor } from "./route.ts";
import { ring } from "./spool.ts";
import { isTxtDomain } from "./txt.ts";
import { vacationFor } from "./vacation.ts";
import { whereTo } from "./where-to.ts";

export async function receive(mail: Incoming, edge: Edge): Promise<Receipt> {
  try {
    return await pipeline(mail, edge);
  } catch (error) {
    logTrouble("receive", error);
    return { outcomes: mail.recipients.map(trouble), pathProven: false };
  }
}

async function pipeline(mail: Incoming, edge: Edge): Promise<Receipt> {
  const { envelope } = mail;
  const message = readMessage(mail.raw);
  const sender = senderOf(envelope.mailFrom, message.author, envelope.ip);
  const found = await whereTo(edge, mail.recipients, sender, envelope.assertedBy); // the one round trip to the directory
  const routes = found.map((one) => routeOf(one, envelope.assertedBy));
  const keys = dedupeKeys(edge.config.dedupeSecret, envelope.mailFrom, mail.below);
  const [fast, seen, proof] = await Promise.all([
    tooFast(edge, envelope, mail.recipients),
    seenAmong(found, keys, edge),
    authenticate(mail, message, routes, edge),
  ]);
  const now = edge.clock();
  const deliveries = found.map((one, i): Delivery => {
    const verdict = verdictFor(one, routes[i], { message, sender, fast, proof, mailFrom: envelope.mailFrom, now });
    return { found: one, verdict, journal: edge.newId(), seen: seen.has(keys.keyFor(one.recipient)) };
  });
  await openJournal(
    edge,
    deliveries
      .filter((one) => !one.seen && one.found.domain !== null)
      .map((one) => journalRow(one, mail, message, proof, edge)),
  ); // before anything leaves
  const shared = { mail, header: message.header, clean: stripForged(mail.raw, edge.config.authservId), proof, keys };
  const done: Done[] = [];
  for (const one of deliveries) done.push(await carryOut(one, shared, edge)); // one by one: sealing holds megabytes
  await closeJournal(edge, done).catch((error: unknown) => closeLater(edge, done, error));
  ring(
    edge,
    done.flatMap(({ spooled }) => spooled),
  );
  const pathProven = proof !== null && isPathProven(envelope.mailFrom, proof);
  return { outcomes: done.map(({ outcome }) => outcome), pathProven };
}

/**
 * What was accepted is durable or gone by Cloudflare's forward() by now: to ask for it again because the journal can't be
 * written would double it. A row that says so is tried once more.
 */
function closeLater(edge: Edge, done: readonly Done[], error: unknown): void {
  logTrouble("journal", error);
  edge.later(closeJournal(edge, done));
}

type Known = {
  message: Message;
  sender: Sender;
  fast: ReadonlySet<string>;
  proof: Proof | null;
  mailFrom: string;
  now: number;
};

function verdictFor(found: LookedUp, route: Route | undefined, known: Known): Delivery["verdict"] {
  const { message, sender, fast, proof } = known;
  const to = route ?? { kind: "refused", reason: "edge-trouble", match: null, skips: [] };
  const trouble = fast.has(found.recipient) ? "rate-limited" : troubleFor(message, found);
  const provenOnly = found.domain !== null && isTxtDomain(found.domain.id);
  return decide({
    route: to,
    trouble,
    provenOnly,
    vacation: vacationFor(found, to, known),
    sender: rulingOf(found, to, sender),
    size: message.raw.length,
    proof,
  });
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
  const proof = await prove(input, { dns: edge.dns, crypto: edge.crypto });
  return mail.envelope.vouched ? judgedBefore(proof) : proof;
}

// Between two domains at one node there is no sending server whose IP a policy could speak of.
function judgedBefore({ dmarc, ...proof }: Proof): Proof {
  const reason = `${dmarc.reason}; passed when the message first came in`;
  return { ...proof, dmarc: { ...dmarc, disposition: "none", reason } };
}

function trouble(recipient: string): Outcome {
  return { recipient, kind: "deferred", reason: "edge-trouble", reply: replyFor("edge-trouble") };
}
