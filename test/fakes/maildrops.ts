/** The POP3 port over the memory mailboxes. */
import type { Maildrop, Maildrops, Pop3Login } from "../../src/daemon/pop3/port.ts";
import type { MemoryMailbox, MemoryMailboxes } from "./mailboxes.ts";

export class MemoryMaildrops implements Maildrops {
  readonly #mailboxes: MemoryMailboxes;

  constructor(mailboxes: MemoryMailboxes) {
    this.#mailboxes = mailboxes;
  }

  async open(user: string, secret: Uint8Array): Promise<Pop3Login> {
    const login = await this.#mailboxes.login(user, secret);
    if (!login.ok) return login;
    const mailbox = this.#mailboxes.mailbox(user);
    if (mailbox.popLocked) return { ok: false, why: "in-use" };
    mailbox.popLocked = true;
    return { ok: true, maildrop: new MemoryMaildrop(mailbox) };
  }
}

class MemoryMaildrop implements Maildrop {
  readonly #mailbox: MemoryMailbox;
  readonly messages: Maildrop["messages"];

  constructor(mailbox: MemoryMailbox) {
    this.#mailbox = mailbox;
    const { folder, messages } = mailbox.need("INBOX");
    this.messages = messages.map(({ uid, raw }) => ({ uid, size: raw.length, uidl: `${folder.uidvalidity}.${uid}` }));
  }

  async read(uid: number): Promise<Uint8Array | null> {
    return this.#mailbox.need("INBOX").messages.find((m) => m.uid === uid)?.raw ?? null;
  }

  async top(uid: number, lines: number): Promise<Uint8Array | null> {
    const m = this.#mailbox.need("INBOX").messages.find((one) => one.uid === uid);
    if (!m) return null;
    const body = m.mime.body.split(/(?<=\n)/).slice(0, lines);
    return Buffer.from(m.mime.header + body.join(""), "latin1");
  }

  async commit(deleted: readonly number[]): Promise<void> {
    this.#mailbox.expunge("INBOX", deleted);
    this.#mailbox.popLocked = false;
  }

  async release(): Promise<void> {
    this.#mailbox.popLocked = false;
  }

  onRevoked(listener: (why: "revoked") => void): void {
    this.#mailbox.revoked.add(listener);
  }
}
