/**
 * Webhooks on their way (F8): each waits in R2, sealed to the edge's transit key, until the receiver answers 2xx. Tries are
 * spread over three days with jitter, each is logged; a receiver that fails for days or says 410 is switched off and its owner
 * told. Redirects are not followed, and a name that resolves to an inner address is not called.
 */
import { z } from "zod";
import { utf8 } from "../src/core/bytes.ts";
import { isPublicAddress } from "../src/core/net-address.ts";
import type { Proof } from "../src/core/proof/types.ts";
import { sealFrame } from "../src/core/seal/seal.ts";
import { buildPayload } from "../src/core/webhook/payload.ts";
import { signWebhook } from "../src/core/webhook/sign.ts";
import { checkTarget, fillTarget } from "../src/core/webhook/target.ts";
import { addSteps } from "./directory/journal.ts";
import { openWorld, type World } from "./directory/open.ts";
import { ownHosts, tellOwner } from "./directory/owners.ts";
import {
  type Endpoint,
  endpointById,
  lastAttempt,
  logAttempt,
  removeEndpoint,
  setEndpointState,
} from "./directory/webhooks.ts";
import { type Edge, logTrouble } from "./platform.ts";
import { rawLink } from "./raw-link.ts";
import { countOrRefuse, limits } from "./sign-in/limit.ts";
import { keyOf, type SpoolFacts, type SpoolPlace, spool, waitingFor } from "./spool.ts";
import { openTransit, transitKey } from "./transit.ts";

/** Stands where a node's id stands in the keys of mail for nodes. */
export const webhookNode = "edge";

const headSchema = z.strictObject({
  mailFrom: z.string(),
  recipient: z.string(),
  ip: z.string().nullable(),
  helo: z.string().nullable(),
  receivedAt: z.int(),
  proof: z.custom<Proof>((value) => typeof value === "object").nullable(),
  /** Of the regular expression that matched, for `$1` in the URL. */
  groups: z.array(z.string()).default([]),
});
type Head = z.infer<typeof headSchema>;

/** Seconds after each failed try: three days in all. */
const schedule = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 72_000];
/** Each is moved by up to a tenth, so that receivers that were down are not hit by everything at once. */
const jitter = 0.1;
const timeoutMs = 15_000;
/** Failing for so long switches a receiver off. */
const disableAfterMs = 5 * 86_400_000;
/** A raw message above this goes as a link. */
const rawInBody = 1024 * 1024;
const answerBytes = 1024;

export async function spoolWebhook(
  edge: Edge,
  message: { endpoint: string; id: string; head: Head; raw: Uint8Array; journal: string },
): Promise<string> {
  const { day, recipient } = await transitKey(edge);
  const sealed = sealFrame({ ...recipient, head: message.head, raw: message.raw }, edge.seal);
  const facts = { journal: message.journal, at: edge.clock(), day };
  return spool(edge, { node: webhookNode, box: message.endpoint, id: message.id }, facts, sealed);
}

export type Tried = "handed-off" | "gone" | "waiting" | "parked" | { later: number };

/** One try, if one is due; `byHand` makes it due. */
export async function tryWebhook(
  edge: Edge,
  place: SpoolPlace,
  object: R2ObjectBody,
  facts: SpoolFacts,
  byHand: boolean,
): Promise<Tried> {
  const world = openWorld(edge.env.DIRECTORY);
  const endpoint = await endpointById(world, place.box);
  if (endpoint === null || facts.day === undefined) return "gone";
  const last = await lastAttempt(world, endpoint.id, place.id);
  const due = byHand || last === null || (last.nextAt !== null && last.nextAt <= edge.clock());
  if (!due) return last.nextAt === null ? "parked" : "waiting";
  if (endpoint.state === "disabled" && !byHand) return "parked";
  const started = edge.clock();
  const sealed = new Uint8Array(await object.arrayBuffer());
  const answer = await call(edge, endpoint, place, facts, sealed);
  const ok = answer.status >= 200 && answer.status < 300;
  const attempt = (last?.attempt ?? 0) + 1;
  const wait = ok ? null : waitAfter(edge, attempt);
  const nextAt = wait === null ? null : edge.clock() + wait * 1000;
  const log = { endpoint: endpoint.id, journal: facts.journal, message: place.id, attempt, at: started, ok, nextAt };
  await logAttempt(world, { id: edge.newId(), ...log, ...answer, latencyMs: edge.clock() - started });
  if (ok) return delivered(edge, place, facts, answer.status);
  await judge(edge, endpoint, answer.status, started);
  return wait === null ? giveUp(edge, place, facts, answer) : { later: wait };
}

function waitAfter(edge: Edge, attempt: number): number | null {
  const base = schedule[attempt - 1];
  if (base === undefined) return null;
  const chance = ((edge.random(1)[0] ?? 0) / 255) * 2 - 1;
  return Math.max(1, Math.round(base * (1 + jitter * chance)));
}

export type Answer = { status: number; answer: string };

/** `status` 0 where nobody was called or nobody answered. */
async function call(
  edge: Edge,
  endpoint: Endpoint,
  place: SpoolPlace,
  facts: SpoolFacts,
  sealed: Uint8Array,
): Promise<Answer> {
  return answered(async () => {
    const { head, raw } = await opened(edge, facts, sealed);
    const url = fillTarget(endpoint.url, head.groups);
    return post(edge, endpoint, url, place.id, () => payload(edge, place, facts, { head, raw, sealed }));
  });
}

/**
 * A letter of ours, signed and built like any: so a receiver is tried before mail depends on it. Once only, and no word in its
 * log: whether it takes a letter of ours says nothing of those that wait.
 */
export async function testWebhook(edge: Edge, world: World, endpoint: Endpoint, recipient: string): Promise<Answer> {
  await countOrRefuse(world, limits.webhookTest, endpoint.domain);
  const raw = utf8(testLetter(recipient, edge.clock()));
  const facts = { mailFrom: "", recipient, ip: null, helo: null, proof: null, receivedAt: edge.clock() };
  const id = `test-${edge.newId()}`;
  return answered(() => {
    const url = fillTarget(endpoint.url, []);
    return post(edge, endpoint, url, id, () => buildPayload({ id, ...facts, raw }));
  });
}

/** With what waits for it. */
export async function dropWebhook(edge: Edge, world: World, endpoint: Endpoint): Promise<void> {
  await removeEndpoint(world, endpoint);
  for await (const { key } of waitingFor(edge, `${webhookNode}/${endpoint.id}/`)) await edge.env.SPOOL.delete(key);
}

function testLetter(recipient: string, now: number): string {
  return [
    `From: Postern <${recipient}>`,
    `To: <${recipient}>`,
    "Subject: A test of your webhook",
    `Date: ${new Date(now).toUTCString().replace("GMT", "+0000")}`,
    "",
    "If you can read this, your webhook works.",
    "",
  ].join("\r\n");
}

async function answered(work: () => Promise<Answer>): Promise<Answer> {
  try {
    return await work();
  } catch (error) {
    logTrouble("webhook", error);
    return { status: 0, answer: "no answer" };
  }
}

async function post(
  edge: Edge,
  endpoint: Endpoint,
  url: string,
  id: string,
  build: () => Promise<unknown>,
): Promise<Answer> {
  const objection = await objectionTo(edge, url);
  if (objection !== null) return { status: 0, answer: `not called: ${objection}` };
  const body = utf8(JSON.stringify(await build()));
  const stamp = { id, timestamp: Math.floor(edge.clock() / 1000), body };
  const headers = await signWebhook({ ...stamp, secrets: endpoint.secrets }, edge.crypto);
  const response = await fetch(url, {
    method: "POST",
    headers: { ...headers, "content-type": "application/json", "user-agent": "Postern-Webhooks" },
    body,
    redirect: "manual",
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.status, answer: await firstKilobyte(response) };
}

type Opened = { head: Head; raw: Uint8Array };

async function opened(edge: Edge, { day }: SpoolFacts, sealed: Uint8Array): Promise<Opened> {
  const { head, raw } = await openTransit(edge, day ?? "", sealed);
  return { head: headSchema.parse(head), raw };
}

async function payload(edge: Edge, place: SpoolPlace, facts: SpoolFacts, of: Opened & { sealed: Uint8Array }) {
  const { groups: _, ...head } = of.head;
  const rawAt = of.raw.length > rawInBody ? await rawLink(edge, place, facts.day ?? "", of.sealed) : null;
  return buildPayload({ id: place.id, ...head, raw: of.raw, ...(rawAt === null ? {} : { rawAt }) });
}

/** Why this URL is not called, in words for its owner. As far as a Worker can tell: `fetch` resolves the name once more. */
async function objectionTo(edge: Edge, url: string): Promise<string | null> {
  const { allowLoopback } = edge.config;
  const target = checkTarget(url, { ownHosts: await ownHosts(edge), allowLoopback });
  if (!target.ok) return target.text;
  if (allowLoopback) return null;
  const [four, six] = await Promise.all([edge.dns.resolve(target.host, "A"), edge.dns.resolve(target.host, "AAAA")]);
  const found = [four, six].flatMap((answer) => (answer.kind === "found" ? answer.records : []));
  if (found.length === 0) return "its name has no address";
  return found.every(isPublicAddress) ? null : "its name leads to an inner address";
}

async function firstKilobyte(response: Response): Promise<string> {
  const reader: ReadableStreamDefaultReader<Uint8Array> | undefined = response.body?.getReader();
  const bytes = new Uint8Array(answerBytes);
  let at = 0;
  while (reader !== undefined && at < answerBytes) {
    const { value, done } = await reader.read();
    if (done) break;
    bytes.set(value.subarray(0, answerBytes - at), at);
    at = Math.min(answerBytes, at + value.length);
  }
  await reader?.cancel();
  return new TextDecoder().decode(bytes.subarray(0, at)).replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, "?");
}

async function delivered(edge: Edge, place: SpoolPlace, { journal }: SpoolFacts, status: number): Promise<Tried> {
  await edge.env.SPOOL.delete(keyOf(place));
  const step = {
    id: `webhook:${place.id}`,
    journal,
    kind: "webhook",
    target: place,
    ok: true,
    detail: `answered ${status}`,
  };
  await addSteps(edge, [step]);
  return "handed-off";
}

async function giveUp(edge: Edge, place: SpoolPlace, { journal }: SpoolFacts, last: Answer): Promise<Tried> {
  const detail = `tried for three days, at last ${last.status === 0 ? last.answer : last.status}; can be replayed by hand`;
  await addSteps(edge, [
    { id: `webhook-failed:${place.id}`, journal, kind: "failed", target: place, ok: false, detail },
  ]);
  return "parked";
}

/** Standard Webhooks: 410 asks to be called no more. */
async function judge(edge: Edge, endpoint: Endpoint, status: number, now: number): Promise<void> {
  const tired = endpoint.failingSince !== null && now - endpoint.failingSince > disableAfterMs;
  if (endpoint.state === "disabled" || (status !== 410 && !tired)) return;
  await setEndpointState(openWorld(edge.env.DIRECTORY), endpoint, "disabled");
  const why = status === 410 ? "It answered 410, which asks us to stop." : "It has been failing for five days.";
  await tellOwner(edge, endpoint.domain, {
    id: `webhook-off-${endpoint.id}-${now}`,
    subject: "A webhook was switched off",
    text: `The webhook ${endpoint.url} was switched off.\n${why}\nSwitch it on again once it works; messages of the last six days can be replayed.\n`,
  });
}
