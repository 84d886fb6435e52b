/** Where a mailbox's files lie. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";

export function folderOf(dir: string, mailbox: string): string {
  // Ids come from the edge: none may name a path outside.
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(mailbox)) throw new RangeError("not a mailbox id");
  return join(dir, "mailboxes", mailbox);
}

/** The same, made where it is missing. */
export function madeFolder(dir: string, mailbox: string): string {
  const folder = folderOf(dir, mailbox);
  if (existsSync(folder)) return folder;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // A folder that a power cut takes away takes the mail in it along.
  for (const one of [dirname(folder), dir]) syncFolder(one);
  return folder;
}

/** What was made, renamed or removed in it is durable. */
export function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  fsyncSync(folder);
  closeSync(folder);
}
