/** REPLACE and UID REPLACE: a new message in and the old one out, in one step. RFC 8508. */
import { Bad, No, ok } from "../answers.ts";
import { command, type Selected } from "../command.ts";
import { readMailbox } from "../names.ts";
import type { Decoder } from "../wire/decoder.ts";
import type { LiteralHeader } from "../wire/reader.ts";
import { admit as admitMessage, parseMessage, tryCreate } from "./append.ts";

export const replace = command({
  name: "REPLACE",
  in: "selected",
  uid: true,
  writes: true,
  capability: ["REPLACE"],
  admit: async (s: Selected, literal: LiteralHeader, d: Decoder) => {
    d.sp().set(true);
    await admitMessage(s, literal, d);
  },
  parse: (d, uid, s) => ({
    set: d.sp().set(uid),
    name: readMailbox(d.sp(), s.session.modes),
    message: parseMessage(d.sp()),
  }),
  async *run(s, { set, name, message }) {
    const [only, more] = s.view.uidsOf(set);
    // RFC 8508 §3.1: one message, by its number or UID.
    if (more || (only && only[0] !== only[1])) throw new Bad("REPLACE takes one message");
    if (!only || s.view.numbers.seqOf(only[0]) === 0) throw new No("NONEXISTENT", "No such message");
    const { uidvalidity, uid, modseq } = await s.box.replace(only[0], name, message).catch(tryCreate(name));
    yield `* OK [APPENDUID ${uidvalidity} ${uid}] Replacement filed\r\n`;
    return ok(s.session.modes.qresync ? `HIGHESTMODSEQ ${modseq}` : null);
  },
});
