/**
 * What POP3 needs of a mailbox: the INBOX as one locked, numbered snapshot. RFC 1939. Expected refusals are thrown as errors
 * with a `code` from RFC 2449, 3206 and 6856.
 */
export type Pop3Login = { ok: true; maildrop: Maildrop } | { ok: false; why: "credentials" | "unavailable" | "in-use" };

export interface Maildrops {
  /** Takes the maildrop's one lock; `secret` is zeroed by the callee. */
  open(user: string, secret: Uint8Array, from: { ip: string }): Promise<Pop3Login>;
}

export interface Maildrop {
  /** Fixed for the session, ascending. UIDL strings are stable for a message's life. */
  readonly messages: readonly { uid: number; size: number; uidl: string }[];
  /** Whole message; null when another session expunged it. */
  read(uid: number): Promise<Uint8Array | null>;
  /** Header, the empty line and at most `lines` body lines, without reading the rest. */
  top(uid: number, lines: number): Promise<Uint8Array | null>;
  /** Deletes in one durable transaction and lets the lock go. */
  commit(deleted: readonly number[]): Promise<void>;
  /** Lets the lock go; deletes nothing. */
  release(): Promise<void>;
  onRevoked(listener: (why: "revoked" | "moving") => void): void;
}
