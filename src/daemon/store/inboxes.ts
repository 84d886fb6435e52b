/** The locked inboxes of one store thread, opened when mail comes for them. Files stay open for those that mail last came for. */
import { join } from "node:path";
import { utf8 } from "../../core/bytes.ts";
import { labels } from "../../core/seal/labels.ts";
import { nativePrimitives } from "../platform.ts";
import { Database } from "../sqlite/database.ts";
import { Inbox } from "./inbox.ts";
import type { Hooks } from "./mailbox.ts";
import { madeFolder } from "./place.ts";

const most = 64;

export class Inboxes {
  readonly #options: { dir: string; nodeKey: Uint8Array };
  readonly #soon: Hooks["soon"];
  /** Least recently used first. */
  readonly #open = new Map<string, Inbox>();

  constructor(options: { dir: string; nodeKey: Uint8Array }, soon: Hooks["soon"]) {
    this.#options = options;
    this.#soon = soon;
  }

  /** `isNeeded`: those that stay open whatever comes. */
  open(id: string, isNeeded: (id: string) => boolean): Inbox {
    const inbox = this.#open.get(id) ?? this.#fresh(id);
    this.#open.delete(id);
    this.#open.set(id, inbox);
    this.#shed(id, isNeeded);
    return inbox;
  }

  #fresh(id: string): Inbox {
    const { dir, nodeKey } = this.#options;
    return openInbox(madeFolder(dir, id), id, nodeKey, this.#soon);
  }

  #shed(newest: string, isNeeded: (id: string) => boolean): void {
    for (const [id, inbox] of this.#open) {
      if (this.#open.size <= most) return;
      // The newest was asked for just now: with every other one open it would be its turn.
      if (!inbox.isBusy && !isNeeded(id) && id !== newest) this.forget(id);
    }
  }

  forget(id: string): void {
    this.#open.get(id)?.close();
    this.#open.delete(id);
  }

  close(): void {
    for (const id of [...this.#open.keys()]) this.forget(id);
  }
}

/** The locked inbox of mailbox `id` in a folder: the node's key opens it, for it holds only ciphertext. */
export function openInbox(folder: string, id: string, nodeKey: Uint8Array, soon: Hooks["soon"]): Inbox {
  return new Inbox(openInboxFile(folder, id, nodeKey), { now: Date.now, soon });
}

export function openInboxFile(folder: string, id: string, nodeKey: Uint8Array): Database {
  const key = nativePrimitives.hkdf(nodeKey, utf8(id), utf8(labels.inboxKey), 32);
  return Database.open(join(folder, "inbox.db"), Buffer.from(key.buffer), "mailbox/inbox");
}
