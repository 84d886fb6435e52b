/**
 * What a node took but no copy of its disk holds yet: the sealed object stays in R2 under `.kept/node/box/hand-off id`, where nothing
 * rings for it; the sweep counts it. It goes when a copy surely holds it, with its mailbox, or after seven days, which operators
 * are told. A node that was put back from a copy gets what came since again; ids make that harmless.
 */
import { and, eq, type SQL, sql } from "drizzle-orm";
import { z } from "zod";
import { type Cover, keptStateSchema, type Restored } from "../src/core/contract/handoff.ts";
import { limits } from "../src/core/limits.ts";
import { among } from "./directory/among.ts";
import { coverOf, type Node } from "./directory/nodes.ts";
import { tellOperators } from "./directory/owners.ts";
import { mailbox, node } from "./directory/schema.ts";
import { type Edge, logTrouble } from "./platform.ts";
import { factsOf, keyOf, metadataOf, placeOf, ring, type SpoolFacts, type SpoolPlace } from "./spool.ts";
import { dayOf } from "./transit.ts";

const root = ".kept/";
const keptForMs = 7 * 86_400_000;
/** A node whose clock is further from ours than half of this takes no call of ours; the other half is for a clock that was set since. */
const marginMs = 2 * limits.callSkewSeconds * 1000;
/** Pages of 1,000 looked through in a sweep, for one node; the next goes on. */
const pagesPerSweep = 5;
/** Objects looked at in one beat of a restored node; the next goes on. */
const perBeat = 200;
/** As many connections as the platform opens for one event. */
const atOnce = 6;

type Kept = { key: string; place: SpoolPlace; facts: SpoolFacts; handedAt: number; size: number };

/** Before the spool's own copy is deleted. */
export async function keep(
  edge: Edge,
  { place, facts }: { place: SpoolPlace; facts: SpoolFacts },
  sealed: Uint8Array,
): Promise<void> {
  const customMetadata = { ...metadataOf(facts), handed: String(edge.clock()) };
  await edge.env.SPOOL.put(root + keyOf(place), sealed, { customMetadata });
}

/** With its mailbox, whoever waits for what they lost. */
export async function dropKept(edge: Edge, of: { id: string; node: string }): Promise<void> {
  const prefix = `${root}${of.node}/${of.id}/`;
  for (let more = true; more; ) {
    const { objects, truncated } = await edge.env.SPOOL.list({ prefix });
    if (objects.length > 0) await edge.env.SPOOL.delete(objects.map(({ key }) => key));
    more = truncated;
  }
}

/** Part of the sweep: deletes what need not be kept any more. Rests while a node waits for what it lost, but not for ever. */
export async function tidyKept(edge: Edge, of: Pick<Node, "id" | "facts">): Promise<void> {
  const notes = notesOf(of);
  const { restore } = notes;
  if (restore && !restore.done && edge.clock() - restore.heardAt < keptForMs) return;
  const from = notes.tidiedTo ?? null;
  let after = from;
  let counted = (from === null ? null : notes.counting) ?? { count: 0, bytes: 0 };
  for (let page = 0; page < pagesPerSweep; page++) {
    const { found, last } = await listed(edge, of.id, after, 1000);
    const left = await tidy(edge, of, found);
    counted = { count: counted.count + left.length, bytes: left.reduce((sum, { size }) => sum + size, counted.bytes) };
    after = last;
    if (last === null) break;
  }
  if (after === null) await note(edge, of.id, "held", { ...counted, at: edge.clock() });
  else await note(edge, of.id, "counting", counted);
  if (after !== from) await note(edge, of.id, "tidiedTo", after);
}

/** Answers what is left of them. */
async function tidy(edge: Edge, of: Pick<Node, "id" | "facts">, found: readonly Kept[]): Promise<Kept[]> {
  const cover = coverOf(of);
  const deleted = await deletedAmong(edge, found);
  const isIdle = (one: Kept): boolean => deleted.has(one.place.box) || (cover !== null && isCovered(one, cover));
  const isExpired = ({ handedAt }: Kept): boolean => edge.clock() - handedAt > keptForMs;
  const idle = found.filter(isIdle);
  const expired = found.filter((one) => isExpired(one) && !isIdle(one));
  if (cover !== null && expired.length > 0) await alarm(edge, of.id, expired.length);
  const keys = new Set([...idle, ...expired].map(({ key }) => key));
  if (keys.size > 0) await edge.env.SPOOL.delete([...keys]);
  return found.filter(({ key }) => !keys.has(key));
}

/**
 * Begins putting back what was handed over after the copy was made, or goes on with it, after the answer; answers the restore's id once
 * there is no more. What the node takes meanwhile is kept anew, and is none of this.
 */
export async function putBackKept(
  edge: Edge,
  id: string,
  before: Node["facts"],
  restored: Restored,
): Promise<string | null> {
  const known = notesOf({ facts: before }).restore;
  if (known?.id === restored.id && known.done) return restored.id;
  const state =
    known?.id === restored.id ? known : { id: restored.id, heardAt: edge.clock(), after: null, done: false };
  if (state !== known) await note(edge, id, "restore", state);
  edge.later(putBackRound(edge, id, state, restored));
  return null;
}

async function putBackRound(edge: Edge, id: string, state: Restoring, { from, mailboxes }: Restored): Promise<void> {
  const { found, last } = await listed(edge, id, state.after, perBeat);
  const boxes = mailboxes === null ? null : new Set(mailboxes);
  const lost = found.filter(
    ({ place, handedAt }) =>
      handedAt + marginMs > from && handedAt <= state.heardAt && (boxes === null || boxes.has(place.box)),
  );
  for (let at = 0; at < lost.length; at += atOnce)
    await Promise.all(lost.slice(at, at + atOnce).map((one) => putBack(edge, one)));
  ring(
    edge,
    lost.map(({ place }) => keyOf(place)),
  );
  const isMine = sql`json_extract(${node.facts}, '$.kept.restore.id') = ${state.id}
    and not json_extract(${node.facts}, '$.kept.restore.done')`;
  await note(edge, id, "restore", { ...state, after: last, done: last === null }, isMine);
}

/** Its five days begin anew. It stays here too: by now it may have been handed over, and be the one that was kept for that. */
async function putBack(edge: Edge, { key, place, facts }: Kept): Promise<void> {
  const object = await edge.env.SPOOL.get(key);
  if (object === null) return;
  const customMetadata = metadataOf({ ...facts, at: edge.clock() });
  await edge.env.SPOOL.put(keyOf(place), object.body, { onlyIf: { etagDoesNotMatch: "*" }, customMetadata });
}

/** The mailbox lives elsewhere now: from here on only a copy of that node ends the keeping. Answers how many there were, at most a thousand. */
export async function rekeep(
  edge: Edge,
  { box, from, to }: { box: string; from: string; to: string },
): Promise<number> {
  const prefix = `${root}${from}/${box}/`;
  const { objects } = await edge.env.SPOOL.list({ prefix, limit: 1000, include: ["customMetadata"] });
  const found = objects.flatMap(keptOf);
  for (let at = 0; at < found.length; at += atOnce)
    await Promise.all(found.slice(at, at + atOnce).map((one) => keepFor(edge, to, one)));
  return found.length;
}

/** Written there before it is deleted here. */
async function keepFor(edge: Edge, to: string, { key, place, facts }: Kept): Promise<void> {
  const object = await edge.env.SPOOL.get(key);
  if (object === null) return;
  const customMetadata = { ...metadataOf(facts), handed: String(edge.clock()) };
  await edge.env.SPOOL.put(root + keyOf({ ...place, node: to }), object.body, { customMetadata });
  await edge.env.SPOOL.delete(key);
}

// No margin at the beginning: within minutes of losing its disk no node begins with an empty one and a wrong clock.
function isCovered({ handedAt }: Kept, { since, until }: Cover): boolean {
  return handedAt >= since && handedAt + marginMs <= until;
}

async function listed(
  edge: Edge,
  id: string,
  after: string | null,
  limit: number,
): Promise<{ found: Kept[]; last: string | null }> {
  const prefix = `${root}${id}/`;
  const more = after === null ? {} : { startAfter: after };
  const page = await edge.env.SPOOL.list({ prefix, limit, include: ["customMetadata"], ...more });
  return { found: page.objects.flatMap(keptOf), last: page.truncated ? (page.objects.at(-1)?.key ?? null) : null };
}

/** What can't be read is as old as its object: it goes after seven days too. */
function keptOf(object: R2Object): Kept[] {
  const place = placeOf(object.key.slice(root.length));
  const uploaded = object.uploaded.getTime();
  const facts = factsOf(object) ?? { journal: "", at: uploaded };
  const handedAt = Number(object.customMetadata?.["handed"] ?? uploaded);
  return place === null ? [] : [{ key: object.key, place, facts, handedAt, size: object.size }];
}

async function deletedAmong(edge: Edge, found: readonly Kept[]): Promise<Set<string>> {
  if (found.length === 0) return new Set();
  const boxes = new Set(found.map(({ place }) => place.box));
  const rows = await edge.db
    .select({ id: mailbox.id })
    .from(mailbox)
    .where(sql`${among(mailbox.id, boxes)} and ${mailbox.state} = 'deleted'`);
  return new Set(rows.map(({ id }) => id));
}

/** Once a day for a node, by the notice's id. What can't be told is in the log. */
async function alarm(edge: Edge, id: string, count: number): Promise<void> {
  console.error(JSON.stringify({ where: "kept", trouble: "in no copy for seven days", node: id, count }));
  const notice = {
    id: `kept-${id}-${dayOf(edge.clock())}`,
    subject: `Node ${id} has not been backed up for a week`,
    text: `Mail that node ${id} took more than seven days ago is in no copy of it. The edge kept it until now and keeps it no longer:
if the node's disk is lost, so is this mail. Make a copy with "postern backup", and see why none was made.
`,
  };
  await tellOperators(edge, notice).catch((error: unknown) => logTrouble("kept", error));
}

const restoringSchema = z.object({
  id: z.string(),
  /** What was handed over later reached the node that was put back. */
  heardAt: z.number(),
  /** Looked through up to this key. */
  after: z.string().nullable(),
  done: z.boolean(),
});
type Restoring = z.infer<typeof restoringSchema>;
/** The edge's own notes, in the node's row. */
const notesSchema = z.object({
  tidiedTo: z.string().nullish(),
  /** Of the keys up to there. */
  counting: keptStateSchema.omit({ at: true }).optional(),
  /** Of all, when they were last looked through to the end; for operators. */
  held: keptStateSchema.optional(),
  restore: restoringSchema.optional(),
});
type Notes = z.infer<typeof notesSchema>;

function notesOf({ facts }: Pick<Node, "facts">): Notes {
  const parsed = notesSchema.safeParse(facts?.["kept"] ?? {});
  return parsed.success ? parsed.data : {};
}

/** `only`: where this holds of the row; a slow event does not undo what a later one noted. */
async function note<K extends keyof Notes>(
  edge: Edge,
  id: string,
  name: K,
  value: Notes[K],
  only?: SQL,
): Promise<void> {
  const kept = sql`json_set(coalesce(json_extract(${node.facts}, '$.kept'), '{}'), ${`$.${name}`}, json(${JSON.stringify(value)}))`;
  const facts = sql`json_set(coalesce(${node.facts}, '{}'), '$.kept', json(${kept}))`;
  await edge.db
    .update(node)
    .set({ facts })
    .where(and(eq(node.id, id), only));
}
