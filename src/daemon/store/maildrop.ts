/** INBOX for POP3, numbered and locked for one session: `pop3/port.ts` Maildrop. */
import type { StoreAccount } from "./account.ts";
import type { Section } from "./types.ts";

export class StoreMaildrop {
  readonly messages: readonly { uid: number; size: number; uidl: string }[];
  readonly #account: StoreAccount;
  readonly #folder: number;
  readonly #unlock: () => void;

  private constructor(account: StoreAccount, folder: number, messages: StoreMaildrop["messages"], unlock: () => void) {
    this.#account = account;
    this.#folder = folder;
    this.messages = messages;
    this.#unlock = unlock;
  }

  static async open(account: StoreAccount, unlock: () => void): Promise<StoreMaildrop> {
    const { session, thread } = account;
    const inbox = await thread.call("find", { session, name: "INBOX" });
    const folder = Number(inbox.id);
    const { uids, sizes } = await thread.call("sizes", { session, folder });
    const messages = Array.from(uids, (uid, i) => ({ uid, size: sizes[i] ?? 0, uidl: `${inbox.uidvalidity}.${uid}` }));
    return new StoreMaildrop(account, folder, messages, unlock);
  }

  read(uid: number): Promise<Uint8Array | null> {
    return this.#section(uid, { part: [], what: "all" });
  }

  /** RFC 1939 §7: the header, the empty line, and `lines` lines of the body. Reads on only as far as they reach. */
  async top(uid: number, lines: number): Promise<Uint8Array | null> {
    const header = await this.#section(uid, { part: [], what: "header" });
    if (header === null) return null;
    const parts = [header];
    for (let origin = 0, left = lines; left > 0; ) {
      const piece = await this.#section(uid, { part: [], what: "text", partial: { origin, count: 65_536 } });
      if (piece === null || piece.length === 0) break;
      origin += piece.length;
      const { end, found } = endOfLines(piece, left);
      left -= found;
      parts.push(piece.subarray(0, end));
    }
    return Buffer.concat(parts);
  }

  async #section(uid: number, section: Section): Promise<Uint8Array | null> {
    const { session, thread } = this.#account;
    const bytes = await thread.call("section", { session, folder: this.#folder, uid, section });
    return bytes instanceof Uint8Array ? bytes : null;
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

  onRevoked(listener: () => void): void {
    this.#account.onRevoked(listener);
  }
}

function endOfLines(bytes: Uint8Array, most: number): { end: number; found: number } {
  let found = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (++found === most) return { end: at + 1, found };
  }
  return { end: bytes.length, found };
}
