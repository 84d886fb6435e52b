/**
 * Schemas grow by numbered scripts, append-only: each is applied whole or not at all. The file as it was before is kept beside it
 * until somebody deletes it, since no migration can be taken back otherwise; what can be rebuilt is not, for a rotated key has to leave
 * nothing under the old one. A file from a newer version is refused.
 */
import { copyFileSync, readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Database } from "./database.ts";

/** Folders below `migrations/`. */
export type Migrations = "node" | "queue" | "mailbox/mail" | "mailbox/index" | "mailbox/inbox";

export function migrate(db: Database, scripts: readonly string[], keeps = true): void {
  const have = db.version;
  if (have > scripts.length) throw new Error(`${db.path} was written by a newer version`);
  if (keeps && have > 0 && have < scripts.length) keepBefore(db, have);
  for (const [i, script] of scripts.entries()) {
    if (i < have) continue;
    db.transaction(() => {
      db.exec(script);
      db.exec(`PRAGMA user_version = ${i + 1}`);
    });
  }
}

function keepBefore(db: Database, version: number): void {
  db.checkpoint();
  copyFileSync(db.path, `${db.path}.before-${version + 1}`);
}

const texts = new Map<Migrations, string[]>();

export function scriptsOf(migrations: Migrations): string[] {
  const had = texts.get(migrations);
  if (had) return had;
  const dir = fileURLToPath(new URL(`../../../migrations/${migrations}/`, import.meta.url));
  const names = readdirSync(dir).filter((name) => /^\d{4}_\w+\.sql$/.test(name));
  const scripts = names.sort().map((name) => readFileSync(dir + name, "utf8"));
  texts.set(migrations, scripts);
  return scripts;
}
