/**
 * What happened since the client was last here: VANISHED (EARLIER) and FETCH, for SELECT (QRESYNC …) and UID FETCH (… VANISHED).
 * RFC 7162 §3.2.5, §3.2.6.
 */
import type { Reply, Selected } from "./command.ts";
import type { UidRanges } from "./port.ts";
import type { Snapshot } from "./session.ts";
import type { Resync } from "./wire/select.ts";
import { contains, intersection, resolve, writeRanges, writeSet } from "./wire/sets.ts";

export async function* resync(s: Selected, snapshot: Snapshot, wanted: Resync): AsyncGenerator<Reply, void> {
  // RFC 7162 §3.2.5.1: another UIDVALIDITY makes the client's whole memory void.
  if (wanted.uidvalidity !== snapshot.counts.folder.uidvalidity) return;
  const known = wanted.known ? resolve(wanted.known.ranges, s.view.numbers.lastUid) : null;
  yield await vanishedSince(s, wanted.modseq, known, alreadyKnown(s, wanted));
  const all: UidRanges = known ?? [[1, 0xffffffff]];
  for await (const rows of s.box.fetch(all, { changedSince: wanted.modseq })) {
    let lines = "";
    const texts = rows.flagSets.map((flags) => flags.join(" "));
    rows.uids.forEach((uid, i) => {
      lines += s.view.flagLine(uid, texts[rows.flagSet[i] ?? 0] ?? "", rows.modseqs[i] ?? 0);
    });
    yield lines;
  }
}

/** `* VANISHED (EARLIER) …`, or nothing. `above`: UIDs up to it are known to be right. */
export async function vanishedSince(s: Selected, modseq: number, known: UidRanges | null, above = 0): Promise<string> {
  const history = await s.box.expungedSince(modseq);
  const gone =
    history === null ? missing(s, known, above) : history.filter((uid) => (known ? contains(known, uid) : uid > 0));
  const told = typeof gone === "string" ? gone : writeSet(gone);
  return told === "" ? "" : `* VANISHED (EARLIER) ${told}\r\n`;
}

/** Where history does not reach: every UID that is not there (RFC 7162 §3.2.5.2 allows to say more than needed). */
function missing(s: Selected, known: UidRanges | null, above: number): string {
  const gaps: [number, number][] = [];
  let next = above + 1;
  for (const uid of s.view.numbers.uids) {
    if (uid <= above) continue;
    if (uid > next) gaps.push([next, uid - 1]);
    next = uid + 1;
  }
  if (s.view.uidNext > next) gaps.push([next, s.view.uidNext - 1]);
  return writeRanges(known ? intersection(gaps, known) : gaps);
}

/** RFC 7162 §3.2.5.2: where the client's numbers and UIDs agree up to some message, nothing before it has vanished. */
function alreadyKnown(s: Selected, { match }: Resync): number {
  if (!match) return 0;
  const seqs = expand(match.seqs.ranges, s.view.numbers.count);
  const uids = expand(match.uids.ranges, s.view.numbers.lastUid);
  let agreed = 0;
  for (let i = 0; i < Math.min(seqs.length, uids.length); i++) {
    if (s.view.numbers.uidAt(seqs[i] ?? 0) !== uids[i]) break;
    agreed = uids[i] ?? 0;
  }
  return agreed;
}

const MOST = 10_000;

function expand(ranges: Parameters<typeof resolve>[0], last: number): number[] {
  const numbers: number[] = [];
  for (const [a, b] of resolve(ranges, last)) {
    for (let n = a; n <= b && numbers.length < MOST; n++) numbers.push(n);
  }
  return numbers;
}
