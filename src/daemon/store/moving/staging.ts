/**
 * Mailboxes that are being fetched from another node: each in a folder beside its place, with its locked inbox under this node's key.
 * Installing one is a rename, and is safe to begin again.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Carried, CarriedIn } from "../inbox-carry.ts";
import { openInboxFile } from "../inboxes.ts";
import { folderOf, syncFolder } from "../place.ts";
import { markRestored } from "../restore.ts";

const suffix = ".arriving";

export function arrivingFolder(dir: string, mailbox: string): string {
  return folderOf(dir, mailbox) + suffix;
}

export class Staging {
  readonly #place: { dir: string; nodeKey: Uint8Array };
  readonly #open = new Map<string, CarriedIn>();

  constructor(place: { dir: string; nodeKey: Uint8Array }) {
    this.#place = place;
  }

  /** An empty folder; what an earlier try left is gone. */
  begin(mailbox: string): void {
    this.drop(mailbox);
    const folder = arrivingFolder(this.#place.dir, mailbox);
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#open.set(mailbox, new CarriedIn(openInboxFile(folder, mailbox, this.#place.nodeKey)));
  }

  take(mailbox: string, items: readonly Carried[]): void {
    this.#inbox(mailbox).take(items);
  }

  /** All of it was taken: durable when this returns. */
  end(mailbox: string, restored: boolean): void {
    this.#inbox(mailbox).close();
    this.#open.delete(mailbox);
    const folder = arrivingFolder(this.#place.dir, mailbox);
    if (restored) markRestored(folder, mailbox, this.#place.nodeKey);
    for (const one of [folder, dirname(folder), this.#place.dir]) syncFolder(one);
  }

  drop(mailbox: string): void {
    try {
      this.#open.get(mailbox)?.close();
    } finally {
      this.#open.delete(mailbox);
      rmSync(arrivingFolder(this.#place.dir, mailbox), { recursive: true, force: true });
    }
  }

  /** `clear` makes the place free. Where the folder is gone already, a run before this one got as far as that. */
  install(mailbox: string, clear: () => void): void {
    const folder = arrivingFolder(this.#place.dir, mailbox);
    if (!existsSync(folder)) return;
    clear();
    renameSync(folder, folderOf(this.#place.dir, mailbox));
    syncFolder(dirname(folder));
  }

  /** Removes what was cut off by the end of an earlier run. Answers which of `whole` are neither aside nor in their place. */
  tidy(whole: readonly string[]): string[] {
    const all = join(this.#place.dir, "mailboxes");
    for (const name of existsSync(all) ? readdirSync(all) : []) {
      if (!name.endsWith(suffix) || whole.includes(name.slice(0, -suffix.length))) continue;
      rmSync(join(all, name), { recursive: true, force: true });
    }
    const { dir } = this.#place;
    return whole.filter((id) => !existsSync(arrivingFolder(dir, id)) && !existsSync(folderOf(dir, id)));
  }

  #inbox(mailbox: string): CarriedIn {
    const inbox = this.#open.get(mailbox);
    if (!inbox) throw new Error("a mailbox that never began to arrive");
    return inbox;
  }
}
