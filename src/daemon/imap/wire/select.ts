/** select-params: (CONDSTORE) and (QRESYNC (...)). RFC 7162 §7. */
import { Bad } from "../answers.ts";
import type { Decoder } from "./decoder.ts";
import type { MessageSet } from "./sets.ts";

export type Resync = {
  uidvalidity: number;
  modseq: number;
  known: MessageSet | null;
  /** Message numbers and the UIDs the client thinks they had. */
  match: { seqs: MessageSet; uids: MessageSet } | null;
};
export type SelectOptions = { condstore: boolean; qresync: Resync | null };

export function parseSelectOptions(d: Decoder): SelectOptions {
  const options: SelectOptions = { condstore: false, qresync: null };
  if (!d.take(" ")) return options;
  d.list(() => {
    const word = d.word();
    if (word === "CONDSTORE") options.condstore = true;
    else if (word === "QRESYNC") options.qresync = parseResync(d.sp());
    else throw new Bad(`Unknown parameter ${word}`);
  }, 2);
  return options;
}

function parseResync(d: Decoder): Resync {
  d.expect("(");
  const resync: Resync = { uidvalidity: d.nzNumber(), modseq: d.sp().number64(), known: null, match: null };
  if (d.take(" ") && !d.is("(")) {
    resync.known = d.set(true);
    if (d.take(" ")) resync.match = parseMatch(d);
  } else if (d.is("(")) resync.match = parseMatch(d);
  d.expect(")");
  return resync;
}

function parseMatch(d: Decoder): NonNullable<Resync["match"]> {
  d.expect("(");
  const seqs = d.set(false);
  const uids = d.sp().set(true);
  d.expect(")");
  return { seqs, uids };
}
