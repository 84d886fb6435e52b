/** APPEND of one message or several, all or none. RFC 9051 §6.3.12, RFC 3502, RFC 4315 (APPENDUID), RFC 6855 §4 (UTF8). */
import { Bad, No, ok } from "../answers.ts";
import { type Authenticated, command, type Selected } from "../command.ts";
import { mayBeNamed, readMailbox } from "../names.ts";
import type { NewMessage } from "../port.ts";
import { parseDateTime } from "../wire/dates.ts";
import type { Decoder } from "../wire/decoder.ts";
import type { LiteralHeader } from "../wire/reader.ts";
import { writeSet } from "../wire/sets.ts";

const MOST_MESSAGES = 100;
const MOST_NAME = 4096;
/** Of one MULTIAPPEND together: it is in memory until the last byte came. */
const MOST_TOGETHER = 4;

export const append = command({
  name: "APPEND",
  in: "authenticated",
  capability: ["MULTIAPPEND"],
  admit,
  parse: (d, _uid, s) => {
    const name = readMailbox(d.sp(), s.session.modes);
    const messages: NewMessage[] = [];
    do {
      messages.push(parseMessage(d.sp()));
    } while (d.is(" "));
    return { name, messages };
  },
  async run(s, { name, messages }) {
    const { uidvalidity, uids } = await s.account.append(name, messages).catch(tryCreate(name));
    return ok(`APPENDUID ${uidvalidity} ${writeSet(uids)}`);
  },
});

/** RFC 9051 §6.3.12: a missing target is TRYCREATE, so that the client may make it and come again; unless it can't be made. */
export function tryCreate(name: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof Error && "code" in error && error.code === "NONEXISTENT") throw noTarget(name);
    throw error;
  };
}

function noTarget(name: string): No {
  return new No(mayBeNamed(name) ? "TRYCREATE" : "NONEXISTENT", "No such folder");
}

export function parseMessage(d: Decoder): NewMessage {
  const flags = d.is("(") ? d.list(() => d.flag()) : [];
  if (flags.length > 0 || d.is(" ")) d.take(" ");
  const internalDate = d.is('"') ? parseDateTime(d.string()) : null;
  if (internalDate !== null) d.sp();
  if (!d.takeWord("UTF8")) return { flags, internalDate, bytes: messageBytes(d) };
  d.sp().expect("(");
  const bytes = messageBytes(d);
  d.expect(")");
  return { flags, internalDate, bytes };
}

function messageBytes(d: Decoder): Buffer {
  const { bytes, binary } = d.literal();
  if (bytes.length === 0) throw new No("CANNOT", "An empty message cannot be stored");
  // RFC 9051 §4.3: only literal8 may hold NUL.
  if (!binary && bytes.includes(0)) throw new Bad("NUL in a literal; use a binary literal");
  return bytes;
}

/** Before a message's bytes come: is it small enough, and is there a folder for it. */
export async function admit(s: Authenticated | Selected, literal: LiteralHeader, d: Decoder): Promise<void> {
  d.sp();
  if (d.isEnd()) {
    // The literal is the folder's name.
    if (literal.size > MOST_NAME) throw new Bad("Name too long");
    return;
  }
  const most = s.session.server.limits.messageBytes;
  // RFC 7889 §4: too big is said before the bytes are sent.
  if (literal.size > most) throw new No("TOOBIG", "Message too large");
  const held = d.held();
  if (held.count > MOST_MESSAGES || held.bytes + literal.size > most * MOST_TOGETHER) {
    throw new No("LIMIT", "Too much in one command");
  }
  s.session.holding.take(s.account.mailboxId, literal.size);
  // A client that does not wait for "+" has sent the bytes already: the handler will say it.
  if (!literal.sync || held.count > 1) return;
  const name = readMailbox(d, s.session.modes);
  const [counts] = await s.account.counts([name]);
  if (!counts) throw noTarget(name);
}
