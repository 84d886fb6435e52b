/** The locked inboxes of one store thread, opened when mail comes for them. Files stay open for those that mail last came for. */
import { join } from "node:path";
import { utf8 } from "../../core/bytes.ts";
import { labels } from "../../core/seal/labels.ts";
import { nativePrimitives } from "../platform.ts";
import { Database } from "../sqlite/database.ts";
import type { Rests } from "../sqlite/rests.ts";
import { Inbox } from "./inbox.ts";
import type { Hooks } from "./mailbox.ts";
import { madeFolder } from "./place.ts";

const most = 64;

export class Inboxes {
  readonly #options: { dir: string; nodeKey: Uint8Array };
  readonly #soon: Hooks["soon"];
  readonly #rests: Rests;
  /** Least recently used first. */
  readonly #open = new Map<string, Inbox>();

  constructor(options: { dir: string; nodeKey: Uint8Array }, soon: Hooks["soon"], rests: Rests) {
    this.#options = options;
    this.#soon = soon;
    this.#rests = rests;
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
    const file = openInboxFile(madeFolder(dir, id), id, nodeKey);
    this.#rests.keep(file, { key: () => inboxKey(id, nodeKey) });
    return new Inbox(file, { now: Date.now, soon: this.#soon });
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
  return Database.open(join(folder, "inbox.db"), inboxKey(id, nodeKey), "mailbox/inbox");
}

function inboxKey(id: string, nodeKey: Uint8Array): Buffer {
  return Buffer.from(nativePrimitives.hkdf(nodeKey, utf8(id), utf8(labels.inboxKey), 32).buffer);
}
