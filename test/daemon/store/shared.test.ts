// Large parts that repeat are stored once: whatever is filed, copied, moved and expunged, in any order and either way of filing, every
// message comes back byte for byte, and exactly the stretches that somebody still shows are there, each once.
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { Database } from "../../../src/daemon/sqlite/database.ts";
import { append, appendStored, copy, expungeUids, move, purge, whole } from "../../../src/daemon/store/changing.ts";
import { checkMailbox } from "../../../src/daemon/store/check.ts";
import { bodyOf } from "../../../src/daemon/store/fetching.ts";
import { makeFirstFolders } from "../../../src/daemon/store/folders.ts";
import { Mailbox } from "../../../src/daemon/store/mailbox.ts";
import { locate } from "../../../src/daemon/store/mime/map.ts";
import { prepareMessage } from "../../../src/daemon/store/prepare.ts";
import { fileInTurns, slicesOf } from "../../../src/daemon/store/streaming.ts";
import { attachment, withAttachments } from "./mail-like.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-shared-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const pause = async () => undefined;
const facts = { flags: [], internalDate: 1 };
const large = [0, 1, 2].map((n) => attachment(n, 70_000 + n * 40_000));
const folders = ["INBOX", "Archive"] as const;

let made = 0;
function open(path = join(dir, `${made++}.db`)): Mailbox {
  const db = Database.open(path, Buffer.alloc(32, 1), "mailbox/mail");
  const hooks = { now: () => 1, soon: (work: () => void) => void setImmediate(work), committed: () => undefined };
  const one = new Mailbox(
    { id: "m", bodyMac: new Uint8Array(32).fill(9), quotaBytes: 1e9, readOnly: false },
    db,
    hooks,
  );
  if (one.generation === 0) one.writeNow(makeFirstFolders);
  return one;
}

const idOf = (mailbox: Mailbox, name: string) => mailbox.folderNamed(name)?.id ?? 0;

async function file(mailbox: Mailbox, folder: string, raw: Buffer, streamed: boolean): Promise<void> {
  if (streamed) {
    const show = (write: Parameters<typeof appendStored>[0], message: Parameters<typeof appendStored>[2]) =>
      appendStored(write, folder, message, facts);
    await fileInTurns(mailbox, slicesOf(Buffer.from(raw)), show, pause);
  } else mailbox.writeNow((write) => append(write, folder, [{ prepared: prepareMessage(raw), ...facts }]));
}

/** The model: what each folder shows, by UID. */
class Model {
  readonly shown = new Map<string, Map<number, Buffer>>(folders.map((name) => [name, new Map()]));
  readonly #next = new Map<string, number>();

  add(folder: string, raw: Buffer): void {
    const uid = this.#next.get(folder) ?? 1;
    this.#next.set(folder, uid + 1);
    this.shown.get(folder)?.set(uid, raw);
  }

  /** UID of the nth one there; null when the folder is empty. */
  pick(folder: string, nth: number): number | null {
    const uids = [...(this.shown.get(folder)?.keys() ?? [])];
    return uids[nth % uids.length] ?? null;
  }

  take(folder: string, uid: number): Buffer {
    const raw = this.shown.get(folder)?.get(uid) ?? Buffer.alloc(0);
    this.shown.get(folder)?.delete(uid);
    return raw;
  }
}

type Step =
  | { kind: "file"; folder: number; attachments: number[]; streamed: boolean; subject: number }
  | { kind: "copy" | "move" | "expunge"; folder: number; nth: number }
  | { kind: "purge" }
  | { kind: "reopen" };

const place = fc.integer({ min: 0, max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant("file" as const),
    folder: place,
    attachments: fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 3 }),
    streamed: fc.boolean(),
    subject: fc.integer({ min: 0, max: 9 }),
  }),
  fc.record({
    kind: fc.constantFrom("copy" as const, "move" as const, "expunge" as const),
    folder: place,
    nth: fc.nat(9),
  }),
  fc.constant({ kind: "purge" as const }),
  fc.constant({ kind: "reopen" as const }),
);

async function take(mailbox: Mailbox, model: Model, one: Exclude<Step, { kind: "reopen" }>): Promise<void> {
  if (one.kind === "purge") return mailbox.writeNow((write) => void purge(write, 100));
  const [name = "", other = ""] = one.folder === 0 ? folders : [...folders].reverse();
  if (one.kind === "file") {
    const raw = Buffer.from(
      withAttachments(
        `${one.subject}`,
        one.attachments.map((n) => large[n] ?? ""),
      ),
      "latin1",
    );
    await file(mailbox, name, raw, one.streamed);
    return model.add(name, raw);
  }
  const uid = model.pick(name, one.nth);
  if (uid === null) return;
  const folder = idOf(mailbox, name);
  if (one.kind === "copy") {
    mailbox.writeNow((write) => void whole(copy(write, folder, [[uid, uid]], other)));
    model.add(other, model.shown.get(name)?.get(uid) ?? Buffer.alloc(0));
  } else if (one.kind === "move") {
    mailbox.writeNow((write) => void whole(move(write, folder, [[uid, uid]], other)));
    model.add(other, model.take(name, uid));
  } else {
    mailbox.writeNow((write) => void whole(expungeUids(write, folder, [[uid, uid]])));
    model.take(name, uid);
  }
}

async function compare(mailbox: Mailbox, model: Model): Promise<void> {
  const alive = new Set<string>();
  for (const [name, messages] of model.shown) {
    const folder = idOf(mailbox, name);
    expect(mailbox.db.column("SELECT uid FROM entry WHERE folder = ? ORDER BY uid", folder)).toEqual([
      ...messages.keys(),
    ]);
    for (const [uid, raw] of messages) {
      const body = bodyOf(mailbox, folder, uid);
      expect(Buffer.from(body?.whole() ?? []).equals(raw)).toBe(true);
      for (const part of large) if (raw.includes(part)) alive.add(createHash("sha256").update(part).digest("hex"));
    }
  }
  const sizes = [...model.shown.values()].flatMap((messages) => [...messages.values()].map(({ length }) => length));
  expect(mailbox.usedBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  mailbox.writeNow((write) => void purge(write, 1000));
  const stored = mailbox.db.column<Buffer>("SELECT digest FROM shared").map((digest) => digest.toString("hex"));
  expect(stored.sort()).toEqual([...alive].sort());
  const chunks = "SELECT count(*) FROM shared_body WHERE id / 65536 NOT IN (SELECT id FROM shared)";
  expect(mailbox.db.value(chunks)).toBe(0);
  expect(await checkMailbox(mailbox, pause)).toMatchObject({ damaged: [], structure: [] });
}

describe("parts that repeat", () => {
  it("are stored once, and come back byte for byte, whatever happens", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 14 }), async (steps) => {
        const path = join(dir, `${made++}.db`);
        let mailbox = open(path);
        const model = new Model();
        for (const one of steps) {
          if (one.kind === "reopen") {
            mailbox.close();
            mailbox = open(path);
          } else await take(mailbox, model, one);
        }
        await compare(mailbox, model);
        mailbox.close();
      }),
      { numRuns: 25 },
    );
  });

  it("take the room of one", () => {
    const mailbox = open();
    const part = attachment(7, 1_000_000);
    const pages = () => mailbox.db.value<number>("PRAGMA page_count") ?? 0;
    const sizes = [1, 2, 3, 4].map((n) => {
      const raw = Buffer.from(withAttachments(`${n}`, [part, part]), "latin1");
      mailbox.writeNow((write) => append(write, "INBOX", [{ prepared: prepareMessage(raw), ...facts }]));
      return pages() * 4096;
    });
    expect(sizes[0]).toBeLessThan(1_400_000);
    expect((sizes[3] ?? 0) - (sizes[0] ?? 0)).toBeLessThan(50_000);
    mailbox.close();
  });

  it("are read in part without reading the rest", () => {
    const mailbox = open();
    const part = attachment(8, 2_000_000);
    const raw = Buffer.from(withAttachments("partial", [part]), "latin1");
    mailbox.writeNow((write) => append(write, "INBOX", [{ prepared: prepareMessage(raw), ...facts }]));
    const body = bodyOf(mailbox, idOf(mailbox, "INBOX"), 1);
    const read: string[] = [];
    const tuples = mailbox.db.tuples.bind(mailbox.db);
    mailbox.db.tuples = (text, ...values) => {
      read.push(text);
      return tuples(text, ...values);
    };
    const at = raw.indexOf(part) + 900_000;
    expect(Buffer.from(body?.range(at, at + 1000) ?? []).equals(raw.subarray(at, at + 1000))).toBe(true);
    expect(read).toEqual(["SELECT codec, bytes FROM shared_body WHERE id = ?"]);
    mailbox.close();
  });

  it("that are damaged are named in each message that shows them, and what is beside them can be read", async () => {
    const mailbox = open();
    const [a, b] = [attachment(9, 300_000), attachment(10, 100_000)];
    for (const parts of [[a, b], [b], [a]]) {
      const raw = Buffer.from(withAttachments("damaged", parts), "latin1");
      mailbox.writeNow((write) => append(write, "INBOX", [{ prepared: prepareMessage(raw), ...facts }]));
    }
    mailbox.db.run("DELETE FROM shared_body WHERE id = 65536 + 1");
    const { damaged, structure } = await checkMailbox(mailbox, pause);
    const what = "bytes are missing";
    expect(damaged).toEqual([
      { folder: "INBOX", uid: 1, what, lost: ["2"] },
      { folder: "INBOX", uid: 3, what, lost: ["2"] },
    ]);
    expect(structure).toEqual([]);
    const body = bodyOf(mailbox, idOf(mailbox, "INBOX"), 1);
    const third = body && locate(body.map, [3]);
    expect(Buffer.from(body?.range(third?.[1] ?? 0, third?.[2] ?? 0) ?? []).toString("latin1")).toBe(b);
    mailbox.db.run("UPDATE shared SET refs = refs + 1 WHERE id = 2");
    const counted = "a shared stretch is not counted as often as it is shown: 2";
    expect((await checkMailbox(mailbox, pause)).structure).toEqual([counted]);
    mailbox.close();
  });
});
