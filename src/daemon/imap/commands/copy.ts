/** COPY, MOVE and their UID forms; EXPUNGE and UID EXPUNGE. RFC 9051 §6.4.3, §6.4.7–§6.4.9; RFC 6851; RFC 4315. */
import { type Code, ok } from "../answers.ts";
import { type Bounded, bounded, ended, mustFit } from "../bound.ts";
import { command, type Selected } from "../command.ts";
import { readMailbox } from "../names.ts";
import type { Copied, Query, UidRanges } from "../port.ts";
import type { Decoder } from "../wire/decoder.ts";
import { type MessageSet, rangesOf, writeSet } from "../wire/sets.ts";
import { tryCreate } from "./append.ts";

const parse = (d: Decoder, uid: boolean, s: Selected): { set: MessageSet; target: string } => ({
  set: d.sp().set(uid),
  target: readMailbox(d.sp(), s.session.modes),
});

/** null when no message was there: COPYUID has no empty set (RFC 4315 §3). */
function copyUid({ uidvalidity, from, to }: Copied): Code | null {
  return from.length === 0 ? null : `COPYUID ${uidvalidity} ${writeSet(from)} ${writeSet(to)}`;
}

export const copy = command({
  name: "COPY",
  in: "selected",
  uid: true,
  parse,
  async run(s, { set, target }) {
    const ranges = s.view.uidsOf(set);
    mustFit(s, ranges);
    return ok(copyUid(await s.box.copy(ranges, target).catch(tryCreate(target))));
  },
});

export const move = command({
  name: "MOVE",
  in: "selected",
  uid: true,
  writes: true,
  capability: ["MOVE"],
  parse,
  async *run(s, { set, target }) {
    const { ranges, limit } = bounded(s, s.view.uidsOf(set));
    const moved = await s.box.move(ranges, target).catch(tryCreate(target));
    const copied = copyUid(moved);
    // RFC 6851 §4.3: COPYUID comes untagged, before the EXPUNGEs, so that the client knows where they went.
    if (copied !== null) yield `* OK [${copied}] Moved\r\n`;
    return yield* ended(limit, highest(s, moved.modseq, moved.from.length));
  },
});

export const expunge = command({
  name: "EXPUNGE",
  in: "selected",
  uid: true,
  writes: true,
  capability: ["UIDPLUS"],
  parse: (d, uid) => (uid ? d.sp().set(true) : null),
  async *run(s, set) {
    const { ranges, limit } = set === null ? all : await deletedIn(s, s.view.uidsOf(set));
    const { uids, modseq } = await s.box.expunge(ranges);
    return yield* ended(limit, highest(s, modseq, uids.length));
  },
});

/** RFC 9738 §3.1: EXPUNGE and CLOSE have no limit. */
const all = { ranges: null, limit: null };

/** It is the messages with \Deleted that count. */
async function deletedIn(s: Selected, ranges: UidRanges): Promise<Bounded> {
  if (bounded(s, ranges).limit === null) return { ranges, limit: null };
  const isDeleted: Query = { kind: "flag", flag: "\\Deleted", set: true };
  const { uids } = await s.box.search({ kind: "and", of: [{ kind: "uids", ranges }, isDeleted] });
  return bounded(s, rangesOf(uids));
}

/** RFC 7162 §3.2.7: where something went, the new HIGHESTMODSEQ is in the tagged OK. */
function highest(s: Selected, modseq: number, gone: number): Code | null {
  return s.session.modes.qresync && gone > 0 ? `HIGHESTMODSEQ ${modseq}` : null;
}
