/** INBOX for POP3, numbered and locked for one session: `pop3/port.ts` Maildrop. */
import { readHeader } from "../../core/message/header.ts";
import type { SessionEnd, StoreAccount } from "./account.ts";
import { ReadAhead } from "./ahead.ts";

/** A message of this size is read whole for TOP: one question instead of two, and read ahead. */
const small = 64 * 1024;

export class StoreMaildrop {
  readonly messages: readonly { uid: number; size: number; uidl: string }[];
  readonly #account: StoreAccount;
  readonly #folder: number;
  readonly #unlock: () => void;
  readonly #ahead: ReadAhead;

  private constructor(account: StoreAccount, folder: number, messages: StoreMaildrop["messages"], unlock: () => void) {
    this.#account = account;
    this.#folder = folder;
    this.messages = messages;
    this.#unlock = unlock;
    this.#ahead = new ReadAhead(messages, folder, () => ({ thread: account.thread, session: account.session }));
  }

  static async open(account: StoreAccount, unlock: () => void): Promise<StoreMaildrop> {
    const { session, thread } = account;
    const inbox = await thread.call("find", { session, name: "INBOX" });
    const folder = Number(inbox.id);
    const { uids, sizes } = await thread.call("sizes", { session, folder });
    const messages = Array.from(uids, (uid, i) => ({ uid, size: sizes[i] ?? 0, uidl: `${inbox.uidvalidity}.${uid}` }));
    return new StoreMaildrop(account, folder, messages, unlock);
  }

  async read(uid: number): Promise<Uint8Array | null> {
    const place = this.#placeOf(uid);
    return place === null ? null : this.#ahead.read(place, "all");
  }

  /** RFC 1939 §7: the header, the empty line, and `lines` lines of the body. Reads on only as far as they reach. */
  async top(uid: number, lines: number): Promise<Uint8Array | null> {
    const place = this.#placeOf(uid);
    if (place === null) return null;
    if (lines > 0 && (this.messages[place]?.size ?? 0) <= small) {
      const whole = await this.#ahead.read(place, "all");
      return whole && topOf(whole, lines);
    }
    const header = await this.#ahead.read(place, "header");
    return header && this.#withLines(uid, header, lines);
  }

  async #withLines(uid: number, header: Uint8Array, lines: number): Promise<Uint8Array> {
    const parts = [header];
    for (let origin = 0, left = lines; left > 0; ) {
      const piece = await this.#ahead.section(uid, {
        part: [],
        what: "text",
        partial: { origin, count: 65_536 },
      });
      if (piece === null || piece.length === 0) break;
      origin += piece.length;
      const { end, found } = endOfLines(piece, left);
      left -= found;
      parts.push(piece.subarray(0, end));
    }
    return Buffer.concat(parts);
  }

  #placeOf(uid: number): number | null {
    let low = 0;
    let high = this.messages.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.messages[middle]?.uid ?? 0) < uid) low = middle + 1;
      else high = middle;
    }
    return this.messages[low]?.uid === uid ? low : null;
  }

  async commit(deleted: readonly number[]): Promise<void> {
    const { session, thread } = this.#account;
    try {
      const ranges = [...deleted].sort((a, b) => a - b).map((uid) => [uid, uid] as const);
      if (ranges.length > 0) await thread.call("expungeUids", { session, folder: this.#folder, ranges });
    } finally {
      await this.release();
    }
  }

  async release(): Promise<void> {
    this.#unlock();
    await this.#account.logout();
  }

  onRevoked(listener: (why: SessionEnd) => void): void {
    this.#account.onRevoked(listener);
  }
}

function topOf(message: Uint8Array, lines: number): Uint8Array {
  const { bodyAt } = readHeader(message);
  return message.subarray(0, bodyAt + endOfLines(message.subarray(bodyAt), lines).end);
}

function endOfLines(bytes: Uint8Array, most: number): { end: number; found: number } {
  let found = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (++found === most) return { end: at + 1, found };
  }
  return { end: bytes.length, found };
}
