/** COPY, MOVE and their UID forms; EXPUNGE and UID EXPUNGE. RFC 9051 §6.4.3, §6.4.7–§6.4.9; RFC 6851; RFC 4315. */
import { type Code, ok } from "../answers.ts";
import { bounded } from "../bound.ts";
import { command, type Selected } from "../command.ts";
import { readMailbox } from "../names.ts";
import type { Copied } from "../port.ts";
import type { Decoder } from "../wire/decoder.ts";
import { type MessageSet, writeSet } from "../wire/sets.ts";
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
  async *run(s, { set, target }) {
    const { ranges, code } = bounded(s, s.view.uidsOf(set));
    const copied = copyUid(await s.box.copy(ranges, target).catch(tryCreate));
    if (code === null || copied === null) return ok(copied);
    yield `* OK [${copied}] Copied\r\n`;
    return ok(code);
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
    const { ranges, code } = bounded(s, s.view.uidsOf(set));
    const moved = await s.box.move(ranges, target).catch(tryCreate);
    const copied = copyUid(moved);
    // RFC 6851 §4.3: COPYUID comes untagged, before the EXPUNGEs, so that the client knows where they went.
    if (copied !== null) yield `* OK [${copied}] Moved\r\n`;
    return ok(code ?? highest(s, moved.modseq, moved.from.length));
  },
});

export const expunge = command({
  name: "EXPUNGE",
  in: "selected",
  uid: true,
  writes: true,
  capability: ["UIDPLUS"],
  parse: (d, uid) => (uid ? d.sp().set(true) : null),
  async run(s, set) {
    const { uids, modseq } = await s.box.expunge(set === null ? null : s.view.uidsOf(set));
    return ok(highest(s, modseq, uids.length));
  },
});

/** RFC 7162 §3.2.7: where something went, the new HIGHESTMODSEQ is in the tagged OK. */
function highest(s: Selected, modseq: number, gone: number): Code | null {
  return s.session.modes.qresync && gone > 0 ? `HIGHESTMODSEQ ${modseq}` : null;
}
