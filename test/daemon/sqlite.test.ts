// The one door to encrypted files: settings that hold, troubles told apart, migrations that keep what was.
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Database } from "../../src/daemon/sqlite/database.ts";
import { migrate } from "../../src/daemon/sqlite/migrate.ts";
import { Rests } from "../../src/daemon/sqlite/rests.ts";
import { Damaged, NotEncrypted, named, WrongKey } from "../../src/daemon/sqlite/trouble.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-sqlite-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const key = (byte = 1) => Buffer.alloc(32, byte);
const file = (name: string) => join(dir, name);

/** A mailbox file with a few hundred pages, closed. */
function filled(name: string): string {
  const db = Database.open(file(name), key(), "mailbox/inbox");
  db.transaction(() => {
    for (let i = 0; i < 200; i++) db.run("INSERT INTO piece VALUES (?, ?)", i, Buffer.alloc(9000, i));
  });
  db.close();
  return file(name);
}

/** What reading everything comes to. */
function read(path: string, with_: Buffer): unknown {
  try {
    const db = Database.open(path, with_, "mailbox/inbox");
    try {
      return db.all("SELECT * FROM piece").length;
    } finally {
      db.close();
    }
  } catch (cause) {
    return named(path, cause);
  }
}

describe("an encrypted file", () => {
  it("holds the settings that promises hang on", () => {
    const db = Database.open(file("settings.db"), key(), "queue", { checkpointPages: 4000 });
    const wanted = { synchronous: 2, journal_mode: "wal", temp_store: 2, foreign_keys: 1, trusted_schema: 0 };
    const others = {
      cell_size_check: 1,
      secure_delete: 2,
      page_size: 4096,
      wal_autocheckpoint: 4000,
      cache_size: -2000,
    };
    for (const [name, value] of Object.entries({ ...wanted, ...others })) {
      expect([name, db.value(`PRAGMA ${name}`)]).toEqual([name, value]);
    }
    db.close();
    const index = Database.open(file("index.db"), key(), "mailbox/index", { rebuildable: true });
    expect(index.value("PRAGMA synchronous")).toBe(1);
    index.close();
  });

  it("zeroes the key it was given, and takes none of another length", () => {
    const given = key();
    Database.open(file("key.db"), given, "node").close();
    expect(given.equals(Buffer.alloc(32))).toBe(true);
    for (const length of [0, 31, 33]) {
      expect(() => Database.open(file("short.db"), Buffer.alloc(length, 1), "node")).toThrow("32 bytes");
    }
    expect(existsSync(file("short.db"))).toBe(false);
  });

  it("tells a wrong key, a damaged page and a file in clear apart", () => {
    const path = filled("trouble.db");
    expect(read(path, key())).toBe(200);
    expect(read(path, key(2))).toBeInstanceOf(WrongKey);
    const bytes = readFileSync(path);
    bytes[4096 * 100 + 50] = (bytes[4096 * 100 + 50] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const damage = read(path, key());
    expect(damage).toBeInstanceOf(Damaged);
    expect(String(damage)).toContain(`${path} is damaged`);
    writeFileSync(path, Buffer.concat([Buffer.from("SQLite format 3\0"), bytes.subarray(16)]));
    expect(read(path, key())).toBeInstanceOf(NotEncrypted);
  });

  it("is ciphertext from the first byte to the last, its log too", () => {
    const path = file("cipher.db");
    const db = Database.open(path, key(), "mailbox/inbox");
    db.run("INSERT INTO piece VALUES (?, ?)", 1, Buffer.from("a-marker-to-find".repeat(100)));
    const written = [path, `${path}-wal`].map((one) => readFileSync(one).toString("latin1"));
    for (const text of written) expect(text).not.toMatch(/a-marker-to-find|CREATE TABLE|SQLite format/);
    db.close();
  });

  it("under another key keeps its rows, and the old key opens it no more", () => {
    const path = filled("rekey.db");
    const db = Database.open(path, key(), "mailbox/inbox");
    db.rekey(key(3));
    db.close();
    expect(read(path, key(3))).toBe(200);
    expect(read(path, key())).toBeInstanceOf(WrongKey);
  });
});

describe("a migration", () => {
  it("keeps the file as it was, once, beside it", () => {
    const path = file("old.db");
    const old = Database.open(path, key(), "queue");
    old.exec("CREATE TABLE had (x); INSERT INTO had VALUES (1)");
    old.close();
    const before = Database.open(path, key(), "queue");
    expect(existsSync(`${path}.before-2`)).toBe(false);
    // The second script of a made-up history.
    migrate(
      before,
      [..."12"].map((n) => `CREATE TABLE t${n} (x)`),
    );
    before.close();
    copyFileSync(`${path}.before-2`, file("kept.db"));
    const kept = Database.open(file("kept.db"), key(), "queue");
    expect(kept.value("SELECT x FROM had")).toBe(1);
    expect(kept.value("SELECT count(*) FROM sqlite_schema WHERE name = 't2'")).toBe(0);
    kept.close();
    expect(() => Database.open(path, key(), "queue")).toThrow("newer version");
  });

  it("keeps nothing of a file that can be rebuilt, and an index is begun anew", () => {
    const path = file("index-old.db");
    const old = Database.open(path, key(), "mailbox/index", { rebuildable: true });
    old.exec("INSERT INTO terms (rowid, text) VALUES (1, 'words'); UPDATE progress SET indexed_to = 9");
    old.exec("PRAGMA user_version = 1");
    old.close();
    const fresh = Database.open(path, key(), "mailbox/index", { rebuildable: true });
    expect(fresh.value("SELECT indexed_to FROM progress")).toBe(0);
    expect(fresh.value("SELECT rowid FROM terms WHERE terms MATCH 'wor'")).toBeUndefined();
    fresh.close();
    expect(readdirSync(dir).filter((name) => name.startsWith("index-old.db.before"))).toEqual([]);
  });

  it("that fails half way leaves nothing of itself", () => {
    const db = Database.open(file("half.db"), key(), "queue");
    expect(() => migrate(db, ["", "CREATE TABLE new (x); INSERT INTO nowhere VALUES (1)"])).toThrow("nowhere");
    expect(db.version).toBe(1);
    expect(db.value("SELECT count(*) FROM sqlite_schema WHERE name = 'new'")).toBe(0);
    db.close();
  });
});

describe("an encrypted file at rest", () => {
  /** SQLite keeps one beside each file that somebody has open. */
  const isOpen = (path: string) => existsSync(`${path}-shm`);
  const opened = (name: string) => Database.open(file(name), key(), "mailbox/inbox");

  it("is closed when nobody used it for a while, and opened by the next statement", async () => {
    const db = opened("rests.db");
    const keys: Buffer[] = [];
    const next = () => {
      const one = key();
      keys.push(one);
      return one;
    };
    new Rests(5).keep(db, { key: next });
    for (let i = 1; i <= 3; i++) {
      db.run("INSERT INTO piece VALUES (?, ?)", i, Buffer.alloc(9, i));
      await expect.poll(() => isOpen(db.path), { timeout: 20_000 }).toBe(false);
      expect(db.inTransaction).toBe(false);
      expect(db.column("SELECT id FROM piece")).toHaveLength(i);
    }
    expect(keys).toEqual(Array(keys.length).fill(Buffer.alloc(32)));
    db.close();
    expect(isOpen(db.path)).toBe(false);
    expect(() => db.value("SELECT 1")).toThrow("is closed");
  });

  it("does not rest in a transaction, and keeps its settings", async () => {
    const [busy, idle] = [opened("busy.db"), opened("idle.db")];
    const rests = new Rests(5);
    busy.run("BEGIN IMMEDIATE");
    for (const db of [busy, idle]) rests.keep(db, { key });
    await expect.poll(() => isOpen(idle.path), { timeout: 20_000 }).toBe(false);
    expect(isOpen(busy.path)).toBe(true);
    busy.run("INSERT INTO piece VALUES (1, x'00')");
    busy.run("COMMIT");
    expect(busy.value("SELECT count(*) FROM piece")).toBe(1);
    idle.holdPages(64);
    const settings = ["cache_size", "synchronous", "secure_delete", "temp_store", "foreign_keys", "trusted_schema"];
    expect(settings.map((name) => idle.value(`PRAGMA ${name}`))).toEqual([-64, 2, 2, 2, 1, 0]);
    for (const db of [busy, idle]) db.close();
  });

  it("is missed when it is gone, not made anew, and found when it is back", async () => {
    const db = opened("gone.db");
    db.run("INSERT INTO piece VALUES (1, x'00')");
    let isRight = true;
    const woken = () => {
      if (!isRight) throw new Error("another one");
    };
    new Rests(5).keep(db, { key, woken });
    await expect.poll(() => isOpen(db.path), { timeout: 20_000 }).toBe(false);
    renameSync(db.path, `${db.path}.away`);
    expect(() => db.value("SELECT id FROM piece")).toThrow("unable to open");
    expect(existsSync(db.path)).toBe(false);
    renameSync(`${db.path}.away`, db.path);
    isRight = false;
    for (let i = 0; i < 2; i++) expect(() => db.value("SELECT id FROM piece")).toThrow("another one");
    isRight = true;
    expect(db.value("SELECT id FROM piece")).toBe(1);
    db.close();
  });
});
