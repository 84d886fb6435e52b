/** STORE and UID STORE. RFC 9051 §6.4.6; RFC 7162 §3.1.3 (UNCHANGEDSINCE). */
import { Bad, No } from "../answers.ts";
import { bounded, ended } from "../bound.ts";
import { command, type Reply, type Selected } from "../command.ts";
import type { FlagChange, Flagged, UidRanges } from "../port.ts";
import type { Decoder } from "../wire/decoder.ts";
import { type MessageSet, writeSet } from "../wire/sets.ts";

type Args = { set: MessageSet; unchangedSince: number | null; change: FlagChange; silent: boolean };

export const store = command({
  name: "STORE",
  in: "selected",
  uid: true,
  writes: true,
  holdsExpunge: true,
  parse,
  async *run(s, { set, unchangedSince, change, silent }, uid) {
    if (unchangedSince !== null) s.session.modes.condstore = true;
    if (change.mode !== "remove" && !s.view.keywords.hasRoomFor(change.flags)) {
      throw new No("LIMIT", "Too many keywords in this folder");
    }
    const { ranges, limit } = bounded(s, s.view.uidsOf(set));
    const { changed, modified } = await s.box.setFlags(ranges, change, unchangedSince);
    if (!silent || s.session.modes.condstore) yield* told(s, changed, uid, silent);
    if (modified.length === 0) return yield* ended(limit, isShort(s, ranges, changed, uid) ? "EXPUNGEISSUED" : null);
    const left = Uint32Array.from(modified);
    return yield* ended(limit, `MODIFIED ${writeSet(uid ? left : s.view.numbers.seqsOf(left))}`);
  },
});

/** RFC 9051 §7.1: some of the messages meant by number are gone, and the client cannot know yet. */
function isShort({ view }: Selected, ranges: UidRanges, { uids }: Flagged, uid: boolean): boolean {
  return !uid && uids.length < view.numbers.countIn(ranges);
}

function parse(d: Decoder, uid: boolean): Args {
  const set = d.sp().set(uid);
  d.sp();
  const unchangedSince = d.is("(") ? modifier(d) : null;
  const mode = d.take("+") ? "add" : d.take("-") ? "remove" : "set";
  const word = d.word();
  if (word !== "FLAGS" && word !== "FLAGS.SILENT") throw new Bad("Expected FLAGS");
  return { set, unchangedSince, change: { mode, flags: flagList(d.sp()) }, silent: word === "FLAGS.SILENT" };
}

function modifier(d: Decoder): number {
  let modseq = 0;
  d.list(() => {
    if (d.word() !== "UNCHANGEDSINCE") throw new Bad("Unknown STORE modifier");
    modseq = d.sp().number64();
  }, 1);
  d.sp();
  return modseq;
}

/** (flag-list / (flag *(SP flag))) */
function flagList(d: Decoder): string[] {
  if (d.is("(")) return d.list(() => d.flag());
  const flags = [d.flag()];
  while (d.take(" ")) flags.push(d.flag());
  return flags;
}

const LINES = 1000;

function* told(s: Selected, changed: Flagged, uid: boolean, silent: boolean): Generator<Reply> {
  const { modes } = s.session;
  const texts = changed.flagSets.map((flags) => flags.join(" "));
  let lines = "";
  for (let i = 0; i < changed.uids.length; i++) {
    const id = changed.uids[i] as number;
    const prefix = s.view.prefix(id);
    if (prefix === "") continue;
    const items = [
      ...((uid || modes.qresync) && !modes.uidonly ? [`UID ${id}`] : []),
      // RFC 7162 §3.1.3: .SILENT hides the flags, not the MODSEQ.
      ...(silent ? [] : [`FLAGS (${s.view.withRecent(id, texts[changed.flagSet[i] as number] ?? "")})`]),
      ...(modes.condstore ? [`MODSEQ (${changed.modseqs[i]})`] : []),
    ];
    lines += `${prefix}${items.join(" ")})\r\n`;
    if (i % LINES === LINES - 1) {
      yield lines;
      lines = "";
    }
  }
  yield lines;
}
