/**
 * SMTP conversations that ended well stay open for a moment, so that the next message for the same host goes out without
 * dialling, EHLO and TLS anew. Bounded in number, age and messages: hosts count each of them against us.
 */
import type { Conversation, Sent } from "./smtp.ts";

export type ReuseRules = {
  /** Idle conversations with one host, and with all. */
  perHost: number;
  inAll: number;
  /** Messages of one conversation. */
  messages: number;
  /** ms without a message. */
  idleMs: number;
};

// As Postfix does it: two seconds idle are nobody's burden, and as long as a queue that runs needs.
export const reuseRules: ReuseRules = { perHost: 5, inAll: 40, messages: 100, idleMs: 2000 };

type Idle = { key: string; conversation: Conversation; expiry: NodeJS.Timeout };

export class Reuse {
  readonly #rules: ReuseRules;
  /** Oldest first. */
  readonly #idle = new Set<Idle>();
  #closed = false;

  constructor(rules: Partial<ReuseRules> = {}) {
    this.#rules = { ...reuseRules, ...rules };
  }

  /** One that is open, the most recently used; null: dial. `key` says host, address, port and security. */
  take(key: string): Conversation | null {
    for (const one of [...this.#idle].filter((idle) => idle.key === key).reverse()) {
      this.#forget(one);
      if (one.conversation.isOpen) return one.conversation;
    }
    return null;
  }

  /** Kept when the message was taken and the bounds allow, closed otherwise. */
  give(key: string, conversation: Conversation, { kind }: Sent): void {
    const here = [...this.#idle].filter((idle) => idle.key === key).length;
    const full = here >= this.#rules.perHost || this.#idle.size >= this.#rules.inAll;
    const spent = kind !== "taken" || conversation.taken >= this.#rules.messages || !conversation.isOpen;
    if (full || spent || this.#closed) {
      conversation.close();
      return;
    }
    // By the real clock: it is a matter of sockets, not of the queue's days. It keeps no process alive.
    const expiry = setTimeout(() => this.#end(one), this.#rules.idleMs).unref();
    const one: Idle = { key, conversation, expiry };
    this.#idle.add(one);
  }

  close(): void {
    this.#closed = true;
    for (const one of this.#idle) this.#end(one);
  }

  #end(one: Idle): void {
    this.#forget(one);
    one.conversation.close();
  }

  #forget(one: Idle): void {
    clearTimeout(one.expiry);
    this.#idle.delete(one);
  }
}
