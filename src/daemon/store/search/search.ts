/** SEARCH over a folder in slices, so that other sessions of the same thread get their turn between two. */
import type { Mailbox } from "../mailbox.ts";
import type { Query } from "../types.ts";
import { Candidate, type CandidateTuple } from "./candidate.ts";
import { compile } from "./query.ts";

/** Lets other work run. */
export type Pause = () => Promise<void>;

/** Work between two pauses. */
const sliceMs = 6;
const rowsAtOnce = 2000;

/** Matching candidates in UID order. */
export async function findMatches(mailbox: Mailbox, folder: number, query: Query, pause: Pause): Promise<Candidate[]> {
  const test = compile(query, mailbox.hooks.now(), mailbox.mayHold);
  const found: Candidate[] = [];
  let until = performance.now() + sliceMs;
  for (let from = 1; ; ) {
    const rows = mailbox.db.tuples<CandidateTuple>(
      `SELECT uid, message, flags, keywords, modseq, internal_date, saved_at, size FROM entry
       WHERE folder = ? AND uid >= ? ORDER BY uid LIMIT ?`,
      folder,
      from,
      rowsAtOnce,
    );
    for (const row of rows) {
      const one = new Candidate(mailbox, row);
      if (test.holds(one)) found.push(one);
      if (performance.now() < until) continue;
      await pause();
      until = performance.now() + sliceMs;
    }
    const last = rows.at(-1);
    if (!last || rows.length < rowsAtOnce) return found;
    from = last[0] + 1;
  }
}

export async function search(mailbox: Mailbox, folder: number, query: Query, pause: Pause) {
  const found = await findMatches(mailbox, folder, query, pause);
  let highestModseq = 0;
  if (asksForModseq(query)) for (const { modseq } of found) highestModseq = Math.max(highestModseq, modseq);
  return { uids: Uint32Array.from(found, ({ uid }) => uid), highestModseq };
}

function asksForModseq(query: Query): boolean {
  if (query.kind === "modseq") return true;
  if (query.kind === "not") return asksForModseq(query.of);
  return (query.kind === "and" || query.kind === "or") && query.of.some(asksForModseq);
}
