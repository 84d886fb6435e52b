/**
 * After a restore. A mailbox file that runs behind its mirror opens read-only, since it may have been put back by somebody who wants
 * deleted mail to reappear. An operator who restored it says so with a mark that only the node key can make; then, at the next
 * unlock, every folder gets a new UIDVALIDITY and a modseq above any that clients have seen.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import { closeSync, existsSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "../../core/bytes.ts";
import { labels } from "../../core/seal/labels.ts";
import { nativePrimitives } from "../platform.ts";
import type { Database } from "../sqlite/database.ts";
import { NodeState } from "./node-state.ts";

const markName = "restored.mark";

/** For `postern restore`, before the daemon starts. `folder`: with the mailbox's files, wherever it lies yet. */
export function markRestored(folder: string, mailbox: string, nodeKey: Uint8Array): void {
  const file = openSync(join(folder, markName), "w", 0o600);
  writeSync(file, markOf(mailbox, nodeKey));
  fsyncSync(file);
  closeSync(file);
}

/** For `postern restore` of node.db itself: nobody logs in before keyslots were synced with the edge. */
export function markNodeRestored(dir: string, nodeKey: Uint8Array): void {
  const node = new NodeState(dir, nodeKey);
  node.awaitSync(true);
  node.close();
}

export function isMarkedRestored(folder: string, mailbox: string, nodeKey: Uint8Array): boolean {
  const path = join(folder, markName);
  if (!existsSync(path)) return false;
  const [mark, wanted] = [readFileSync(path), markOf(mailbox, nodeKey)];
  return mark.length === wanted.length && timingSafeEqual(mark, wanted);
}

export function unmarkRestored(folder: string): void {
  rmSync(join(folder, markName), { force: true });
}

function markOf(mailbox: string, nodeKey: Uint8Array): Buffer {
  const key = nativePrimitives.hkdf(nodeKey, new Uint8Array(0), utf8(labels.restoreMark), 32);
  return createHmac("sha256", key).update(mailbox).digest();
}

export function generationOf(db: Database): number {
  return db.value<number>("SELECT value FROM state WHERE name = 'generation'") ?? 0;
}

export function afterRestore(db: Database, mirror: { generation: number; highestModseq: number; now: number }): void {
  db.transaction(() => {
    const last = db.value<number>("SELECT value FROM state WHERE name = 'last_uidvalidity'") ?? 0;
    let next = Math.max(last, Math.floor(mirror.now / 1000));
    for (const id of db.column<number>("SELECT id FROM folder")) {
      const modseq = mirror.highestModseq + 1;
      next++;
      db.run(
        "UPDATE folder SET uidvalidity = ?, modseq = max(modseq, ?), forgotten_modseq = max(modseq, ?) WHERE id = ?",
        next,
        modseq,
        modseq,
        id,
      );
    }
    db.run("UPDATE state SET value = ? WHERE name = 'last_uidvalidity'", next);
    db.run("UPDATE state SET value = max(value, ?) + 1 WHERE name = 'generation'", mirror.generation);
  });
}
