/** SEARCH and UID SEARCH. RFC 9051 §6.4.4; RFC 7162 §3.1.5; RFC 5182. */
import { Bad, No, ok } from "../answers.ts";
import { bounded, looksAt } from "../bound.ts";
import { command, type Replies, type Selected } from "../command.ts";
import type { Modes } from "../modes.ts";
import type { Query } from "../port.ts";
import type { Decoder } from "../wire/decoder.ts";
import { isSilent, parseReturn, type Return, savedBy, writeResults } from "../wire/esearch.ts";
import { parseProgram, type SearchProgram, type SearchSpace } from "../wire/search.ts";
import { rangesOf } from "../wire/sets.ts";

type Args = { wanted: Return | null; program: SearchProgram };

export const search = command({
  name: "SEARCH",
  in: "selected",
  uid: true,
  holdsExpunge: true,
  parse: (d, _uid, s): Args => {
    d.sp();
    const wanted = parseReturn(d);
    if (wanted) d.sp();
    return { wanted, program: programOf(d, s, wanted, charset(d, s.session.modes)) };
  },
  run,
});

/** The program; where it can't be run at all, `$` is emptied (RFC 5182 §2.1: after NO, not after BAD). */
export function programOf(d: Decoder, s: Selected, wanted: Return | null, charset: string | null): SearchProgram {
  try {
    return parseProgram(d, spaceOf(s), charset);
  } catch (error) {
    if (wanted?.save && error instanceof No) s.view.saved = new Uint32Array(0);
    throw error;
  }
}

export function charset(d: Decoder, { utf8 }: Modes): string | null {
  if (!d.takeWord("CHARSET")) return null;
  // RFC 6855 §3.
  if (utf8) throw new Bad("CHARSET is not allowed once UTF8=ACCEPT is on");
  const name = d.sp().astring().toUpperCase();
  d.sp();
  return name;
}

export function spaceOf({ view }: Selected): SearchSpace {
  return { uidsOf: (set) => view.uidsSought(set), recentFrom: view.recentFrom };
}

export const everything: Return = { min: false, max: false, all: true, count: false, save: false, partial: null };

async function* run(s: Selected, { wanted, program }: Args, uid: boolean): Replies {
  // RFC 5182 §2.1: a search that fails leaves `$` empty.
  if (wanted?.save) s.view.saved = new Uint32Array(0);
  if (program.hasModseq) s.session.modes.condstore = true;
  const { ranges, limit } = bounded(s, looksAt(s, program.query));
  const query: Query = limit ? { kind: "and", of: [{ kind: "uids", ranges }, program.query] } : program.query;
  const remembered = s.view.knowsFlags ? s.view.flags.search(query) : null;
  const found = remembered ? { uids: remembered, highestModseq: 0 } : await s.box.search(query);
  const uids = known(s, found.uids);
  if (wanted?.save) s.view.saved = savedBy(wanted, uids);
  if (wanted && isSilent(wanted)) return ok(limit);
  const numbers = uid ? uids : s.view.numbers.seqsOf(uids);
  const modseq =
    program.hasModseq && uids.length > 0 ? await modseqOf(s, wanted ?? everything, uids, found.highestModseq) : 0;
  // RFC 9051 appendix A: once rev2 is on, every SEARCH answers ESEARCH.
  yield wanted || s.session.modes.rev2
    ? `${esearch(s, uid)}${writeResults(wanted ?? everything, numbers)}${modseq ? ` MODSEQ ${modseq}` : ""}\r\n`
    : `* SEARCH${numbers.length > 0 ? ` ${numbers.join(" ")}` : ""}${modseq ? ` (MODSEQ ${modseq})` : ""}\r\n`;
  return ok(limit);
}

export function esearch(s: Selected, uid: boolean): string {
  return `* ESEARCH (TAG "${s.session.tag}")${uid ? " UID" : ""}`;
}

/** Those this session was told of: a number that the client has not heard would confuse it. */
export function known(s: Selected, uids: Uint32Array): Uint32Array {
  return uids.every((uid) => s.view.numbers.seqOf(uid) > 0)
    ? uids
    : uids.filter((uid) => s.view.numbers.seqOf(uid) > 0);
}

/** RFC 7162 §3.1.10: with MIN or MAX alone it is the modseq of those messages, else the highest of all found. */
export async function modseqOf(s: Selected, wanted: Return, uids: Uint32Array, highest: number): Promise<number> {
  if (wanted.all || wanted.count || wanted.partial || !(wanted.min || wanted.max)) return highest;
  const ends = [...(wanted.min ? [uids[0] ?? 0] : []), ...(wanted.max ? [uids[uids.length - 1] ?? 0] : [])];
  let modseq = 0;
  for (const uid of ends) {
    for await (const rows of s.box.fetch([[uid, uid]], {})) modseq = Math.max(modseq, ...rows.modseqs);
  }
  return modseq;
}

/** Where the store did not say it. */
export async function highestOf(s: Selected, uids: Uint32Array): Promise<number> {
  let highest = 0;
  for await (const { modseqs } of s.box.fetch(rangesOf(uids.slice().sort()), {})) {
    for (const modseq of modseqs) highest = Math.max(highest, modseq);
  }
  return highest;
}

/** The query, held to what this session knows. */
export function within(s: Selected, query: Query): Query {
  return { kind: "and", of: [{ kind: "uids", ranges: [[1, Math.max(1, s.view.numbers.lastUid)]] }, query] };
}
