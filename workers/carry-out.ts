/**
 * From a verdict to deeds. Accepted means durable: every copy is a sealed object in R2 before the sender hears 250, but for
 * at most one that Cloudflare forwards, which comes last (a throw after its success would not be retried; a caught failure
 * would lose the mail). Whatever fails becomes a deferral, and the sender's retry lands on the same keys.
 */
import { fromBase64 } from "../src/core/bytes.ts";
import type { RelayJob } from "../src/core/contract/handoff.ts";
import { isPathProven } from "../src/core/proof/path.ts";
import { authenticationResults } from "../src/core/proof/results.ts";
import type { Proof } from "../src/core/proof/types.ts";
import { type Reason, replyFor } from "../src/core/reply.ts";
import type { Copy, Verdict } from "../src/core/rules/decide.ts";
import { routeText } from "../src/core/rules/import/definition.ts";
import type { Skip, SkipReason } from "../src/core/rules/route.ts";
import { bare } from "../src/core/rules/standing.ts";
import type { Vacation } from "../src/core/rules/vacation.ts";
import { sealFrame, sealMessage } from "../src/core/seal/seal.ts";
import { answer } from "./answer.ts";
import { copyStep, type Ending, type Step } from "./directory/journal.ts";
import { openWorld } from "./directory/open.ts";
import type { DomainRef, Found } from "./directory/routes.ts";
import { ensureEndpoint } from "./directory/webhooks.ts";
import { promised } from "./journal-row.ts";
import type { Delivery, Outcome, Shared } from "./mail.ts";
import { type Edge, logTrouble } from "./platform.ts";
import { relayBox, spool } from "./spool.ts";
import { traceBlock } from "./trace.ts";
import { countMessage, isTxtDomain } from "./txt.ts";
import { askVerification } from "./verification.ts";
import { spoolWebhook } from "./webhook.ts";
import { installationKey } from "./webhook-key.ts";

/** `spooled`: keys to ring for once the ending is written. */
export type Done = Ending & { outcome: Outcome; spooled: readonly string[] };

/** An accepted delivery, with what its copies need. */
type Job = { delivery: Delivery; found: Found; proof: Proof; shared: Shared; edge: Edge; spooled: string[] };
type Deed = Omit<Step, "journal">;

export async function carryOut(delivery: Delivery, shared: Shared, edge: Edge): Promise<Done> {
  const { verdict, found } = delivery;
  if (delivery.seen) return done(delivery, shared, []);
  if (found.domain !== null && verdict.kind !== "drop") askUnverified(edge, found.domain, verdict.skips);
  if (verdict.kind !== "accept") return done(delivery, shared, verdict.kind === "refuse" ? skipped(verdict) : []);
  if (found.domain === null || shared.proof === null) throw new Error("accepted without a domain or a proof");
  return accept({ delivery, found, proof: shared.proof, shared, edge, spooled: [] }, verdict);
}

async function accept(job: Job, verdict: Extract<Verdict, { kind: "accept" }>): Promise<Done> {
  const { domain } = job.found;
  if (isTxtDomain(domain.id)) job.edge.later(countMessage(job.edge, domain.name));
  const steps = skipped(verdict);
  const last = verdict.copies.find((copy) => goesByCloudflare(copy, job));
  try {
    for (const copy of verdict.copies) if (copy !== last && copy.kind !== "answer") steps.push(await store(copy, job));
    if (last !== undefined) steps.push(await forward(last, job));
    for (const copy of verdict.copies) if (copy.kind === "answer") steps.push(...(await answered(copy.vacation, job)));
    return done(job.delivery, job.shared, steps, job.spooled);
  } catch (error) {
    logTrouble("carry-out", error);
    return deferred(job, steps, error instanceof NoWayOut ? "no-destination" : "store-trouble");
  }
}

/** The first message for an unverified destination asks its owner; the sender's next try may find it verified. */
function askUnverified(edge: Edge, domain: DomainRef, skips: readonly Skip[]): void {
  const wanting = skips.filter(({ why }) => why === "not-verified").slice(0, 5);
  for (const { target } of wanting) edge.later(askVerification(edge, domain, bare(target)));
}

function skipped({ skips }: { skips: readonly Skip[] }): Deed[] {
  return skips.map(({ target, why }) => ({ kind: "skip", target, ok: false, detail: skipText[why] }));
}

/** No node is there to relay through. */
class NoWayOut extends Error {}

async function store(copy: Exclude<Copy, { kind: "answer" }>, job: Job): Promise<Deed> {
  switch (copy.kind) {
    case "file":
      return file(copy, job);
    case "forward":
      return relay(copy, job);
    case "webhook":
      return webhook(copy, job);
  }
}

async function file({ mailbox, folder, flags }: Extract<Copy, { kind: "file" }>, job: Job): Promise<Deed> {
  const { delivery, proof, shared, edge } = job;
  const { envelope } = shared.mail;
  const { recipient } = delivery.found;
  const trace = traceBlock({ envelope, recipient, proof, journal: delivery.journal }, edge.config.authservId);
  const { receivedAt, mailFrom } = envelope;
  const inner = { receivedAt, mailFrom, recipient, folder, flags, trace, proofSummary: summary(proof) };
  const key = { publicKey: fromBase64(mailbox.publicKey), keyId: mailbox.keyId };
  const sealed = sealMessage({ ...key, inner, raw: shared.clean }, edge.seal);
  const place = { node: mailbox.node, box: mailbox.id, id: shared.keys.idFor(recipient, mailbox.id) };
  job.spooled.push(await spool(edge, place, { journal: delivery.journal, at: receivedAt }, sealed));
  return {
    id: copyStep(delivery.journal, place.id),
    kind: "seal",
    target: mailbox.address,
    ok: true,
    detail: folder === "INBOX" ? "" : `for the folder ${folder}`,
  };
}

type Forward = Extract<Copy, { kind: "forward" }>;

async function relay(copy: Forward, job: Job): Promise<Deed> {
  const { delivery, found, shared, edge } = job;
  const { relay: through } = found.domain;
  if (through === null) throw new NoWayOut();
  const route = copy.route === null ? "" : ` ${routeText(copy.route)}`;
  const id = shared.keys.idFor(delivery.found.recipient, `${copy.address}${route}`);
  const key = { publicKey: fromBase64(through.publicKey), keyId: through.keyId };
  const sealed = sealFrame({ ...key, head: relayJob(id, copy, job), raw: shared.clean }, edge.seal);
  const facts = { journal: delivery.journal, at: shared.mail.envelope.receivedAt };
  job.spooled.push(await spool(edge, { node: through.node, box: relayBox, id }, facts, sealed));
  return { id: copyStep(delivery.journal, id), kind: "relay", target: copy.address, ok: true, detail: route.trim() };
}

function relayJob(id: string, { address, route }: Forward, { delivery, found, proof, shared, edge }: Job): RelayJob {
  const { mailFrom, receivedAt, smtputf8 } = shared.mail.envelope;
  return {
    id,
    mailFrom,
    domain: found.domain.name,
    forwardedFor: found.recipient,
    recipient: address,
    route,
    journalId: delivery.journal,
    receivedAt,
    authResults: resultsValue(proof, edge.config.authservId),
    arcCv: proof.arc.cv === "temperror" ? "fail" : proof.arc.cv, // RFC 8617 §5.2: a chain that can't be validated is failed
    dmarcPassed: proof.dmarc.result === "pass" || shared.mail.envelope.vouched,
    pathProven: isPathProven(mailFrom, proof),
    smtputf8,
  };
}

/** The receiver is known by its URL as its owner wrote it; `$1` is filled in for the call alone. */
async function webhook({ url, groups }: Extract<Copy, { kind: "webhook" }>, job: Job): Promise<Deed> {
  const { delivery, found, proof, shared, edge } = job;
  const { mailFrom, ip, helo, receivedAt } = shared.mail.envelope;
  const { recipient } = delivery.found;
  const own = isTxtDomain(found.domain.id) ? await installationKey(edge) : null;
  const endpoint = await ensureEndpoint(openWorld(edge.env.DIRECTORY), found.domain.id, url, own);
  const { journal } = delivery;
  const id = shared.keys.idFor(recipient, `webhook ${url}`);
  const head = { mailFrom, recipient, ip, helo, receivedAt, proof, groups };
  job.spooled.push(await spoolWebhook(edge, { endpoint: endpoint.id, id, head, raw: shared.clean, journal }));
  return { id: copyStep(journal, id), kind: "queued", target: url, ok: true, detail: "" };
}

/** After everything else, and never the reason for a deferral. */
async function answered(vacation: Vacation, { delivery, found, shared, edge, spooled }: Job): Promise<Deed[]> {
  const { mailFrom } = shared.mail.envelope;
  const id = shared.keys.idFor(delivery.found.recipient, "answer");
  const facts = { vacation, found, mailFrom, header: shared.header, id, journal: delivery.journal };
  try {
    const key = await answer(edge, facts);
    if (key === null) return [];
    spooled.push(key);
    const step = copyStep(delivery.journal, id);
    return [{ id: step, kind: "answer", target: mailFrom, ok: true, detail: "automatic answer" }];
  } catch (error) {
    logTrouble("answer", error);
    return [{ kind: "answer", target: mailFrom, ok: false, detail: "the automatic answer could not be stored" }];
  }
}

/** Verified with us for this domain's people *and* at Cloudflare, and this is Cloudflare's entrance. */
function goesByCloudflare(copy: Copy, { found, shared }: Job): copy is Forward {
  if (copy.kind !== "forward" || copy.route !== null || shared.mail.forward === null) return false;
  return found.standings.verified.get(bare(copy.address))?.cloudflare === true;
}

async function forward(copy: Forward, job: Job): Promise<Deed> {
  try {
    await job.shared.mail.forward?.(copy.address, job.found.recipient);
    return { kind: "forward", target: copy.address, ok: true, detail: "by Cloudflare" };
  } catch (error) {
    logTrouble("forward", error);
    return relay(copy, job); // if that can't be stored either, the deferral is honest: nothing of this copy has left
  }
}

function done(delivery: Delivery, shared: Shared, deeds: readonly Deed[], spooled: readonly string[] = []): Done {
  const { recipient } = delivery.found;
  const said = delivery.seen
    ? promised({ kind: "drop", reason: "address-disabled", match: null })
    : promised(delivery.verdict);
  const outcome: Outcome = { recipient, ...said };
  const seenKey = said.kind === "accepted" && !delivery.seen ? shared.keys.keyFor(recipient) : null;
  return { ...ending(delivery, deeds), outcome, changed: false, seenKey, spooled };
}

function deferred({ delivery, spooled }: Job, deeds: readonly Deed[], reason: Reason): Done {
  const outcome: Outcome = { recipient: delivery.found.recipient, kind: "deferred", reason, reply: replyFor(reason) };
  return { ...ending(delivery, deeds), outcome, changed: true, seenKey: null, spooled };
}

function ending(delivery: Delivery, deeds: readonly Deed[]): Pick<Done, "journal" | "domain" | "steps"> {
  const { journal } = delivery;
  return { journal, domain: delivery.found.domain?.id ?? "", steps: deeds.map((deed) => ({ ...deed, journal })) };
}

function summary({ spf, dkim, dmarc, arc }: Proof): string {
  const signed = dkim.some(({ result }) => result === "pass") ? "pass" : (dkim[0]?.result ?? "none");
  return `spf=${spf.result} dkim=${signed} dmarc=${dmarc.result} arc=${arc.cv}`;
}

/** The value without the field's name, unfolded. */
function resultsValue(proof: Proof, authservId: string): string {
  const field = authenticationResults(proof, authservId);
  return field
    .slice(field.indexOf(":") + 1)
    .replace(/\r\n[ \t]+/g, " ")
    .trim();
}

const skipText: Record<SkipReason, string> = {
  paused: "paused after failures",
  "loops-to-itself": "points back to the same address",
  "alias-too-deep": "an alias behind an alias behind an alias",
  "alias-gone": "no such alias any more",
  "mailbox-gone": "no such mailbox any more",
  "endpoint-off": "webhook switched off",
  "bad-address": "not a valid address",
  "same-as-another": "same as another destination",
  "over-the-fan-out": "more than 25 destinations",
  "not-verified": "not verified by its owner yet",
  suppressed: "its owner asked never to be written to",
};
