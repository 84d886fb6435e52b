/** SEARCH over a folder in slices, so that other sessions of the same thread get their turn between two. */
import type { Mailbox } from "../mailbox.ts";
import type { Query } from "../types.ts";
import { Candidate, type CandidateTuple, type WordsTuple, wordColumns } from "./candidate.ts";
import { compile, type Test } from "./query.ts";

/** Lets other work run. */
export type Pause = () => Promise<void>;

/** Work between two pauses. */
const sliceMs = 6;
const rowsAtOnce = 2000;

const entryColumns = "e.uid, e.message, e.flags, e.keywords, e.modseq, e.internal_date, e.saved_at, e.size";
const bare = `SELECT ${entryColumns} FROM entry e WHERE e.folder = ? AND e.uid >= ? ORDER BY e.uid LIMIT ?`;
const withWords = `SELECT ${entryColumns}, ${wordColumns} FROM entry e CROSS JOIN words w ON w.message = e.message
  WHERE e.folder = ? AND e.uid >= ? ORDER BY e.uid LIMIT ?`;

/** Matching candidates in UID order. `words`: the caller will look at the words of all of them. */
export async function findMatches(
  mailbox: Mailbox,
  folder: number,
  query: Query,
  pause: Pause,
  words = false,
): Promise<Candidate[]> {
  const test = compile(query, mailbox.hooks.now(), mailbox.mayHold);
  const joined = words || test.cost === 1;
  const found: Candidate[] = [];
  let until = performance.now() + sliceMs;
  for (let from = 1; ; ) {
    const rows = mailbox.db.tuples<[...CandidateTuple, ...WordsTuple]>(
      joined ? withWords : bare,
      folder,
      from,
      rowsAtOnce,
    );
    for (const row of rows) {
      const [uid, message, flags, keywords, modseq, internalDate, savedAt, size, ...rest] = row;
      const entry: CandidateTuple = [uid, message, flags, keywords, modseq, internalDate, savedAt, size];
      const one = new Candidate(mailbox, entry, joined ? rest : null);
      if (holds(mailbox, folder, test, one)) found.push(one);
      if (performance.now() < until) continue;
      await pause();
      until = performance.now() + sliceMs;
    }
    const last = rows.at(-1);
    if (!last || rows.length < rowsAtOnce) return found;
    from = last[0] + 1;
  }
}

// Between two pauses another session may expunge what this one is about to look at.
function holds(mailbox: Mailbox, folder: number, test: Test, one: Candidate): boolean {
  try {
    return test.holds(one);
  } catch (cause) {
    const isThere = mailbox.db.value("SELECT 1 FROM entry WHERE folder = ? AND uid = ?", folder, one.uid) !== undefined;
    if (isThere) throw cause;
    return false;
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
