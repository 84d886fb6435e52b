/** SORT and THREAD, with their UID forms. RFC 5256, RFC 5957 (DISPLAY), RFC 5267 §3 (ESORT). */
import { Bad, ok } from "../answers.ts";
import { looksAt, mustFit } from "../bound.ts";
import { command, type Selected } from "../command.ts";
import type { SortKey, Threads } from "../port.ts";
import type { Decoder } from "../wire/decoder.ts";
import { isSilent, parseReturn, type Return, savedBy, writeResults } from "../wire/esearch.ts";
import { esearch, everything, highestOf, known, modseqOf, programOf, within } from "./search.ts";

const sortKeys: Record<string, SortKey["key"]> = {
  ARRIVAL: "arrival",
  CC: "cc",
  DATE: "date",
  FROM: "from",
  SIZE: "size",
  SUBJECT: "subject",
  TO: "to",
  DISPLAYFROM: "displayfrom",
  DISPLAYTO: "displayto",
};

function parseKey(d: Decoder): SortKey {
  let word = d.word();
  const reverse = word === "REVERSE";
  if (reverse) word = d.sp().word();
  const key = Object.hasOwn(sortKeys, word) ? sortKeys[word] : undefined;
  if (!key) throw new Bad(`Unknown sort key ${word}`);
  return { key, reverse };
}

function program(d: Decoder, s: Selected, wanted: Return | null) {
  const charset = d.sp().astring().toUpperCase();
  d.sp();
  return programOf(d, s, wanted, charset);
}

export const sort = command({
  name: "SORT",
  in: "selected",
  uid: true,
  holdsExpunge: true,
  capability: ["SORT", "SORT=DISPLAY", "ESORT"],
  parse: (d, _uid, s) => {
    d.sp();
    const wanted = parseReturn(d);
    if (wanted) d.sp();
    const keys = d.list(() => parseKey(d), 20);
    if (keys.length === 0) throw new Bad("Expected sort keys");
    return { wanted, keys, program: program(d, s, wanted) };
  },
  async *run(s, { wanted, keys, program }, uid) {
    if (wanted?.save) s.view.saved = new Uint32Array(0);
    if (program.hasModseq) s.session.modes.condstore = true;
    mustFit(s, looksAt(s, program.query));
    const uids = known(s, await s.box.sort(within(s, program.query), keys));
    if (wanted?.save) s.view.saved = savedBy(wanted, uids).slice().sort();
    if (wanted && isSilent(wanted)) return ok();
    const numbers = uid ? uids : uids.map((one) => s.view.numbers.seqOf(one));
    // RFC 7162 §3.1.6, §3.1.10: as SEARCH says it.
    const hasModseq = program.hasModseq && uids.length > 0;
    const modseq = hasModseq ? await modseqOf(s, wanted ?? everything, uids, await highestOf(s, uids)) : 0;
    yield wanted
      ? `${esearch(s, uid)}${writeResults(wanted, numbers)}${modseq ? ` MODSEQ ${modseq}` : ""}\r\n`
      : `* SORT${numbers.length > 0 ? ` ${numbers.join(" ")}` : ""}${modseq ? ` (MODSEQ ${modseq})` : ""}\r\n`;
    return ok();
  },
});

export const thread = command({
  name: "THREAD",
  in: "selected",
  uid: true,
  holdsExpunge: true,
  capability: ["THREAD=REFERENCES", "THREAD=ORDEREDSUBJECT"],
  parse: (d, _uid, s) => {
    const algorithm = d.sp().word();
    // RFC 5256 §3: arguments invalid.
    if (algorithm !== "REFERENCES" && algorithm !== "ORDEREDSUBJECT") throw new Bad("Unknown threading algorithm");
    return { algorithm, program: program(d, s, null) } as const;
  },
  async *run(s, { algorithm, program }, uid) {
    mustFit(s, looksAt(s, program.query));
    const threads = await s.box.thread(within(s, program.query), algorithm);
    const text = writeThreads(threads, (one) => (uid ? one : s.view.numbers.seqOf(one)));
    yield `* THREAD${text === "" ? "" : ` ${text}`}\r\n`;
    return ok();
  },
});

/** `(2)(3 6 (4 23)(44 7 96))`: a lone child follows its parent, several stand in parentheses. RFC 5256 §4. */
export function writeThreads({ uids, depths }: Threads, number: (uid: number) => number): string {
  const { parents, children } = family(depths);
  const open: number[] = [];
  let text = "";
  for (let i = 0; i < uids.length; i++) {
    const depth = depths[i] as number;
    while (open.length > 0 && (open[open.length - 1] as number) >= depth) {
      open.pop();
      text += ")";
    }
    const parent = parents[i] as number;
    const isAlone = parent >= 0 && children[parent] === 1;
    const isFirst = parent >= 0 && parent === i - 1;
    const uid = uids[i] as number;
    if (isFirst && uids[parent] !== 0) text += " ";
    if (!isAlone) {
      text += "(";
      open.push(depth);
    }
    if (uid !== 0) text += number(uid);
  }
  return text + ")".repeat(open.length);
}

/** Each row's parent (-1: none), and how many children each has. */
function family(depths: Uint32Array): { parents: Int32Array; children: Uint32Array } {
  const parents = new Int32Array(depths.length).fill(-1);
  const children = new Uint32Array(depths.length);
  const path: number[] = [];
  depths.forEach((depth, i) => {
    const parent = depth === 0 ? undefined : path[depth - 1];
    if (parent !== undefined) {
      parents[i] = parent;
      children[parent] = (children[parent] ?? 0) + 1;
    }
    path[depth] = i;
  });
  return { parents, children };
}
