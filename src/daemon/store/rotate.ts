/** A mailbox file taken over from the master key before a rotation: bodies' MACs first, then every page. Safe to begin again. */
import { createHmac } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { PreviousKey } from "../../core/contract/mailbox.ts";
import { deriveKeys, type MailboxKeys } from "../../core/seal/keys.ts";
import { openPrevious } from "../../core/seal/rotate.ts";
import { nativePrimitives } from "../platform.ts";
import { Database } from "../sqlite/database.ts";
import { WrongKey } from "../sqlite/trouble.ts";
import { sharedMac } from "./shared.ts";

/** Keys of all former master keys, newest first, as far as each opens the one before it. */
export function formerKeys(masterKey: Uint8Array, mailbox: string, previous: readonly PreviousKey[]): MailboxKeys[] {
  const former: MailboxKeys[] = [];
  let newer = masterKey;
  for (const one of previous) {
    const old = openPrevious(newer, mailbox, one, nativePrimitives);
    if (newer !== masterKey) newer.fill(0);
    if (old === null) return former;
    former.push(deriveKeys(old, nativePrimitives));
    newer = old;
  }
  if (newer !== masterKey) newer.fill(0);
  return former;
}

/** Opens `mail.db` under `keys`, taking it over from a former key where that is the one it is under. */
export function openMail(
  path: string,
  keys: MailboxKeys,
  former: readonly MailboxKeys[],
): { db: Database; rotated: boolean } {
  try {
    return { db: Database.open(path, Buffer.from(keys.mailKey), "mailbox/mail"), rotated: false };
  } catch (cause) {
    if (!(cause instanceof WrongKey) || !existsSync(path)) throw cause;
    for (const old of former) {
      const db = openUnder(path, old.mailKey);
      if (!db) continue;
      remac(db, keys.bodyMac);
      dropKept(path);
      db.rekey(Buffer.from(keys.mailKey));
      return { db, rotated: true };
    }
    throw cause;
  }
}

function openUnder(path: string, key: Uint8Array): Database | null {
  try {
    return Database.open(path, Buffer.from(key), "mailbox/mail");
  } catch (cause) {
    if (cause instanceof WrongKey) return null;
    throw cause;
  }
}

function remac(db: Database, bodyMac: Uint8Array): void {
  db.transaction(() => {
    for (const [id, digest] of db.tuples<[number, Uint8Array]>("SELECT id, digest FROM message")) {
      const mac = createHmac("sha256", bodyMac).update(digest).digest().subarray(0, 16);
      db.run("UPDATE message SET body_mac = ? WHERE id = ?", mac, id);
    }
    for (const [id, digest] of db.tuples<[number, Uint8Array]>("SELECT id, digest FROM shared")) {
      db.run("UPDATE shared SET mac = ? WHERE id = ?", sharedMac(bodyMac, digest), id);
    }
  });
}

// What a migration kept is under the old key, which somebody may have stolen.
function dropKept(path: string): void {
  for (const name of readdirSync(dirname(path))) {
    if (name.startsWith(`${basename(path)}.before-`)) rmSync(join(dirname(path), name));
  }
}

export function wipeKeys(keys: MailboxKeys): void {
  for (const key of Object.values(keys)) key.fill(0);
}
