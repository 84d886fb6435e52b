/** FETCH and UID FETCH. RFC 9051 §6.4.5, §6.4.9; RFC 7162 §3.1.4, §3.2.6; RFC 9394. */
import { Bad, No, ok } from "../answers.ts";
import { bounded, ended } from "../bound.ts";
import { command, type Replies, type Reply, type Selected } from "../command.ts";
import type { Rows, UidRanges, Want } from "../port.ts";
import { type Overlay, Renderer, Writer } from "../render.ts";
import { vanishedSince } from "../resync.ts";
import { type FetchModifiers, type Item, parseItems, parseModifiers } from "../wire/fetch.ts";
import { type MessageSet, rangesOf } from "../wire/sets.ts";

type Args = { set: MessageSet; items: Item[]; modifiers: FetchModifiers };

export const fetch = command({
  name: "FETCH",
  in: "selected",
  uid: true,
  holdsExpunge: true,
  parse: (d, uid): Args => ({ set: d.sp().set(uid), items: parseItems(d.sp()), modifiers: parseModifiers(d) }),
  run,
});

async function* run(s: Selected, { set, items, modifiers }: Args, uid: boolean): Replies {
  const { modes } = s.session;
  if (modifiers.vanished && (!modes.qresync || !uid || modifiers.changedSince === null)) {
    throw new Bad("VANISHED needs UID FETCH, QRESYNC and CHANGEDSINCE");
  }
  if (modifiers.changedSince !== null || items.some((item) => item.kind === "modseq")) modes.condstore = true;
  const wanted = s.view.uidsOf(set);
  if (modifiers.partial) fits(s, modifiers.partial);
  const { ranges, limit } = bounded(s, modifiers.partial ? slice(s, wanted, modifiers.partial) : wanted);
  if (modifiers.vanished) yield await vanishedSince(s, modifiers.changedSince ?? 0, wanted);
  const asked = withImplied(items, uid, modifiers.changedSince !== null, modes.uidonly);
  if (modifiers.changedSince === null && isAboutFlags(asked) && s.view.knowsFlags) {
    yield* remembered(s, ranges, asked);
    return ok(limit);
  }
  const told = yield* rows(s, ranges, asked, modifiers.changedSince);
  // RFC 9051 §7.1: some of the messages asked for by number are gone, and the client cannot know yet.
  const isShort = !uid && modifiers.changedSince === null && told < s.view.numbers.countIn(ranges);
  return yield* ended(limit, isShort ? "EXPUNGEISSUED" : null);
}

/** Nothing that ever changes: then what was read a moment ago is as good. */
function isLasting(items: readonly Item[]): boolean {
  return items.every(({ kind }) => kind !== "flags" && kind !== "modseq" && kind !== "binary.size");
}

function isAboutFlags(items: readonly Item[]): boolean {
  const kinds = items.map(({ kind }) => kind).join(" ");
  return kinds === "flags" || kinds === "uid flags" || kinds === "flags uid";
}

function sayer(order: string): (uid: number, flags: string) => string {
  if (order === "flags") return (_uid, flags) => `FLAGS (${flags})`;
  if (order.startsWith("uid")) return (uid, flags) => `UID ${uid} FLAGS (${flags})`;
  return (uid, flags) => `FLAGS (${flags}) UID ${uid}`;
}

const LINES = 2000;

/** FLAGS and UIDs as the session knows them anyway. */
function* remembered({ view, session }: Selected, ranges: UidRanges, items: readonly Item[]): Generator<Reply> {
  const { numbers, flags } = view;
  const { uidonly } = session.modes;
  const word = uidonly ? "UIDFETCH" : "FETCH";
  const say = sayer(items.map(({ kind }) => kind).join(" "));
  let lines = "";
  let held = 0;
  for (const [first, last] of ranges) {
    for (let seq = numbers.below(first) + 1, end = numbers.below(last + 1); seq <= end; seq++) {
      const uid = numbers.uidAt(seq);
      lines += `* ${uidonly ? uid : seq} ${word} (${say(uid, view.withRecent(uid, flags.textOf(seq)))})\r\n`;
      if (++held % LINES > 0) continue;
      yield lines;
      lines = "";
    }
  }
  yield lines;
}

/** RFC 9051 §6.4.9: a UID FETCH always answers UID; RFC 7162 §3.1.4.1: CHANGEDSINCE always MODSEQ; RFC 9586 §3.2: UIDFETCH has it in front. */
function withImplied(items: readonly Item[], uid: boolean, changed: boolean, uidonly: boolean): Item[] {
  const has = (kind: Item["kind"]): boolean => items.some((item) => item.kind === kind);
  const first: Item[] = uid && !uidonly && !has("uid") ? [{ kind: "uid" }] : [];
  const last: Item[] = changed && !has("modseq") ? [{ kind: "modseq" }] : [];
  const middle = uidonly ? items.filter((item) => item.kind !== "uid") : items;
  return [...first, ...middle, ...last];
}

async function* rows(
  s: Selected,
  ranges: UidRanges,
  items: Item[],
  since: number | null,
): AsyncGenerator<Reply, number> {
  const renderer = new Renderer(s.view, items, s.session.modes);
  const marksSeen = !s.box.readOnly && items.some((item) => item.kind === "section" && item.seen);
  let told = 0;
  let undecodable = false;
  const { flags, numbers } = s.view;
  const isAhead = since === null && !marksSeen && numbers.countIn(ranges) === 1 && isLasting(items);
  const learns = since === null && !isAhead && numbers.countIn(ranges) === numbers.count;
  const { changes } = flags;
  const want = wantOf(items, since);
  const only = isAhead ? numbers.uidsIn(ranges)[0] : undefined;
  const progress = { done: 0, goal: numbers.countIn(ranges) };
  s.session.progress = progress;
  for await (const batch of only === undefined ? s.box.fetch(ranges, want) : s.ahead.fetch(only, want)) {
    if (learns) flags.learn(batch);
    if (marksSeen) renderer.overlay = await markSeen(s, batch);
    if (items.some((item) => item.kind === "binary.size")) undecodable ||= await sizes(s, renderer, items, batch);
    undecodable ||= batch.sections?.some(({ state }) => state?.includes(2)) === true;
    const w = new Writer();
    renderer.render(w, batch);
    told += batch.uids.length;
    progress.done = told;
    yield* w.take();
  }
  if (learns) flags.finish(changes);
  // RFC 3516 §4.3.
  if (undecodable) throw new No("UNKNOWN-CTE", "Some parts have an unknown transfer encoding");
  return told;
}

function wantOf(items: readonly Item[], since: number | null): Want {
  const has = (kind: Item["kind"]): boolean => items.some((item) => item.kind === kind);
  const sections = items.flatMap((item) => (item.kind === "section" ? [item.section] : []));
  return {
    envelope: has("envelope"),
    structure: has("structure"),
    basicStructure: has("body"),
    preview: has("preview"),
    ids: has("emailid") || has("threadid"),
    ...(sections.length > 0 && { sections }),
    ...(since !== null && { changedSince: since }),
  };
}

/** RFC 9051 §6.4.5: BODY[] and its like set \Seen; those that had it stay as they are. */
async function markSeen(s: Selected, batch: Rows): Promise<Overlay> {
  const unseen = batch.flagSets.map((flags) => !flags.includes("\\Seen"));
  const uids = batch.uids.filter((_uid, i) => unseen[batch.flagSet[i] as number]);
  if (uids.length === 0) return new Map();
  const { changed } = await s.box.setFlags(rangesOf(uids), { mode: "add", flags: ["\\Seen"] }, null);
  const texts = changed.flagSets.map((flags) => flags.join(" "));
  return new Map(
    Array.from(changed.uids, (uid, i) => [
      uid,
      { flags: texts[changed.flagSet[i] as number] ?? "", modseq: changed.modseqs[i] as number },
    ]),
  );
}

/** True when some part could not be decoded. */
async function sizes(s: Selected, renderer: Renderer, items: readonly Item[], batch: Rows): Promise<boolean> {
  const all = new Map<string, Map<number, number | null>>();
  let undecodable = false;
  for (const item of items) {
    if (item.kind !== "binary.size") continue;
    const known = new Map<number, number | null>();
    for (const uid of batch.uids) {
      const size = await s.box.binarySize(uid, item.part);
      undecodable ||= size === "undecodable";
      known.set(uid, size === "undecodable" ? null : size);
    }
    all.set(item.label, known);
  }
  renderer.sizes = all;
  return undecodable;
}

/** FETCH responses outside a FETCH (NOTIFY's MessageNew): \Seen stays as it is. */
export async function tellRows(s: Selected, uids: Uint32Array, items: Item[]): Promise<string> {
  const renderer = new Renderer(s.view, withImplied(items, true, false, s.session.modes.uidonly), s.session.modes);
  const w = new Writer();
  for await (const batch of s.box.fetch(rangesOf(uids), wantOf(items, null))) renderer.render(w, batch);
  return Buffer.concat(w.take()).toString("latin1");
}

/** RFC 9738 §3.1: a page larger than the limit is refused whole. */
function fits({ session }: Selected, { first, last }: { first: number; last: number }): void {
  const most = session.server.limits.messages;
  if (Math.abs(last - first) >= most) throw new No(`MESSAGELIMIT ${most}`, "Too many messages for one command");
}

/** RFC 9394 §3.3: the n-th to m-th of the messages named, counted from the end when negative. */
function slice(s: Selected, ranges: UidRanges, { first, last }: { first: number; last: number }): UidRanges {
  const uids = s.view.numbers.uidsIn(ranges);
  const part =
    first > 0
      ? uids.subarray(first - 1, last)
      : uids.subarray(Math.max(0, uids.length + last), uids.length + first + 1);
  return rangesOf(part);
}
