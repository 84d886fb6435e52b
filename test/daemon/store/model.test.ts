// Random sequences of operations on the encrypted mailbox and on a model that a reader can check by eye: flags, UIDs, modseqs, expunges,
// copies, moves and quota must agree after every step.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { Database } from "../../../src/daemon/sqlite/database.ts";
import { append, copy, expunge, move, purge, setFlags, whole } from "../../../src/daemon/store/changing.ts";
import { fetchBatch } from "../../../src/daemon/store/fetching.ts";
import { countsNamed, makeFirstFolders } from "../../../src/daemon/store/folders.ts";
import { Mailbox } from "../../../src/daemon/store/mailbox.ts";
import { prepareMessage } from "../../../src/daemon/store/prepare.ts";
import type { UidRanges } from "../../../src/daemon/store/types.ts";

type Message = { uid: number; flags: Set<string>; modseq: number; size: number; text: string };
type Box = {
  name: string;
  uidnext: number;
  modseq: number;
  messages: Message[];
  gone: { uid: number; modseq: number }[];
};
type Op =
  | { kind: "append"; box: number; size: number; flags: string[] }
  | {
      kind: "flags";
      box: number;
      from: number;
      to: number;
      mode: "set" | "add" | "remove";
      flags: string[];
      since: number | null;
    }
  | { kind: "copy" | "move"; box: number; target: number; from: number; to: number }
  | { kind: "expunge"; box: number; ranges: boolean; from: number; to: number };

const names = ["INBOX", "Archive", "Trash"];
const quota = 6000;
const flag = fc.constantFrom("\\Seen", "\\Deleted", "\\Flagged", "$Work", "other");
const box = fc.nat({ max: 2 });
const uid = fc.integer({ min: 1, max: 12 });
const op: fc.Arbitrary<Op> = fc.oneof(
  fc.record({
    kind: fc.constant("append" as const),
    box,
    size: fc.integer({ min: 30, max: 900 }),
    flags: fc.array(flag, { maxLength: 3 }),
  }),
  fc.record({
    ...{ kind: fc.constant("flags" as const), box, from: uid, to: uid, flags: fc.array(flag, { maxLength: 3 }) },
    mode: fc.constantFrom("set" as const, "add" as const, "remove" as const),
    since: fc.option(fc.integer({ min: 1, max: 20 })),
  }),
  fc.record({ kind: fc.constantFrom("copy" as const, "move" as const), box, target: box, from: uid, to: uid }),
  fc.record({ kind: fc.constant("expunge" as const), box, ranges: fc.boolean(), from: uid, to: uid }),
);

class Model {
  readonly boxes: Box[] = names.map((name) => ({ name, uidnext: 1, modseq: 1, messages: [], gone: [] }));
  box(i: number): Box {
    const found = this.boxes[i];
    if (!found) throw new Error("no such box");
    return found;
  }
  get used(): number {
    return this.boxes.flatMap(({ messages }) => messages).reduce((sum, { size }) => sum + size, 0);
  }
  add(to: Box, message: Omit<Message, "uid" | "modseq">, modseq: number): void {
    to.messages.push({ ...message, flags: new Set(message.flags), uid: to.uidnext++, modseq });
    to.modseq = modseq;
  }
  remove(from: Box, which: readonly Message[], modseq: number): void {
    if (which.length === 0) return;
    from.messages = from.messages.filter((one) => !which.includes(one));
    from.gone.push(...which.map(({ uid }) => ({ uid, modseq })));
    from.modseq = modseq;
  }

  /** Answers false where the quota refuses. */
  apply(op: Op, text: string): boolean {
    const at = this.box(op.box);
    const [from, to] = op.kind === "append" ? [0, 0] : [Math.min(op.from, op.to), Math.max(op.from, op.to)];
    const chosen = at.messages.filter(({ uid }) => uid >= from && uid <= to);
    if (op.kind === "append") {
      if (this.used + text.length > quota) return false;
      this.add(at, { flags: new Set(op.flags), size: text.length, text }, at.modseq + 1);
    } else if (op.kind === "flags") {
      const next = at.modseq + 1;
      for (const one of chosen) {
        if (op.since !== null && one.modseq > op.since) continue;
        const now = new Set(op.mode === "set" ? op.flags : one.flags);
        for (const name of op.flags) op.mode === "remove" ? now.delete(name) : now.add(name);
        if ([...now].sort().join() === [...one.flags].sort().join()) continue;
        Object.assign(one, { flags: now, modseq: next });
        at.modseq = next;
      }
    } else if (op.kind === "expunge") {
      const marked = (op.ranges ? chosen : at.messages).filter(({ flags }) => flags.has("\\Deleted"));
      this.remove(at, marked, at.modseq + 1);
    } else {
      const target = this.box(op.target);
      const size = chosen.reduce((sum, one) => sum + one.size, 0);
      if (op.kind === "copy" && this.used + size > quota) return false;
      const next = target.modseq + 1;
      for (const one of chosen) this.add(target, one, next);
      if (op.kind === "move") this.remove(at, chosen, target === at ? next : at.modseq + 1);
    }
    return true;
  }
}

const dir = mkdtempSync(join(tmpdir(), "postern-model-"));
let made = 0;
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function openMailbox(): { mailbox: Mailbox; run: (work: Parameters<Mailbox["write"]>[1]) => Promise<unknown> } {
  const db = Database.open(join(dir, `${made++}.db`), Buffer.alloc(32, 1), "mailbox/mail");
  // What is durable is not the question here.
  db.exec("PRAGMA synchronous = OFF");
  const hooks = { now: () => 1_700_000_000_000, soon: () => undefined, committed: () => undefined };
  const mailbox = new Mailbox({ id: "m", bodyMac: new Uint8Array(32), quotaBytes: quota, readOnly: false }, db, hooks);
  const run = async (work: Parameters<Mailbox["write"]>[1]) => {
    const done = mailbox.write(0, work);
    mailbox.flush();
    return done;
  };
  return { mailbox, run };
}

function work(op: Op, folders: readonly number[], text: string): Parameters<Mailbox["write"]>[1] {
  const folder = folders[op.box] ?? 0;
  const prepared = { prepared: prepareMessage(utf8(text)), internalDate: null };
  switch (op.kind) {
    case "append":
      return (write) => append(write, names[op.box] ?? "", [{ ...prepared, flags: op.flags }]);
    case "flags":
      return (write) => whole(setFlags(write, folder, rangeOf(op), op, op.since));
    case "expunge":
      return (write) => whole(expunge(write, folder, op.ranges ? rangeOf(op) : null));
    default: {
      const target = names[op.target] ?? "";
      return (write) => whole<unknown>((op.kind === "copy" ? copy : move)(write, folder, rangeOf(op), target));
    }
  }
}

function rangeOf({ from, to }: { from: number; to: number }): UidRanges {
  return [[Math.min(from, to), Math.max(from, to)]];
}

function shown(mailbox: Mailbox, folder: number): unknown[] {
  const { rows } = fetchBatch(mailbox, folder, [[1, 99]], { sections: [{ part: [], what: "all" }] }, 0);
  const packed = rows.sections?.[0];
  return Array.from(rows.uids, (uid, i) => ({
    uid,
    modseq: rows.modseqs[i],
    flags: [...(rows.flagSets[rows.flagSet[i] ?? 0] ?? [])].sort(),
    size: rows.sizes[i],
    text: Buffer.from(packed?.bytes.subarray(i === 0 ? 0 : packed.ends[i - 1], packed.ends[i]) ?? []).toString(),
  }));
}

function agree(mailbox: Mailbox, model: Model, folders: readonly number[]): void {
  expect(mailbox.usedBytes).toBe(model.used);
  for (const [i, box] of model.boxes.entries()) {
    const expected = box.messages.map((one) => ({ ...one, flags: [...one.flags].sort() }));
    expect(shown(mailbox, folders[i] ?? 0)).toEqual(expected);
    const has = (name: string) => box.messages.filter(({ flags }) => flags.has(name));
    expect(countsNamed(mailbox, box.name)).toMatchObject({
      messages: box.messages.length,
      unseen: box.messages.length - has("\\Seen").length,
      deleted: has("\\Deleted").length,
      deletedSize: has("\\Deleted").reduce((sum, { size }) => sum + size, 0),
      uidnext: box.uidnext,
      highestModseq: box.modseq,
    });
    const gone = mailbox.db.tuples("SELECT uid, modseq FROM expunged WHERE folder = ? ORDER BY uid", folders[i] ?? 0);
    expect(gone).toEqual(box.gone.map(({ uid, modseq }) => [uid, modseq]).sort(([a = 0], [b = 0]) => a - b));
  }
  const refs = mailbox.db.value("SELECT coalesce(sum(refs), 0) FROM held");
  expect(refs).toBe(model.boxes.reduce((sum, { messages }) => sum + messages.length, 0));
}

describe("the mailbox and its model", () => {
  it("agree after every step of any sequence", async () => {
    const property = fc.asyncProperty(fc.array(op, { minLength: 1, maxLength: 25 }), async (ops) => {
      const { mailbox, run } = openMailbox();
      await run(makeFirstFolders);
      const folders = names.map((name) => mailbox.folderNamed(name)?.id ?? 0);
      const model = new Model();
      for (const [i, one] of ops.entries()) {
        const text = `Subject: ${i}\r\n\r\n${"x".repeat(one.kind === "append" ? one.size : 1)}`;
        const outcome = await run(work(one, folders, text)).then(
          () => true,
          (cause: { code?: string }) => {
            expect(cause.code).toBe("OVERQUOTA");
            return false;
          },
        );
        expect(outcome).toBe(model.apply(one, text));
        agree(mailbox, model, folders);
      }
      await run((write) => purge(write, 1000));
      const kept = mailbox.db.value("SELECT count(DISTINCT message) FROM entry");
      expect(mailbox.db.value("SELECT count(*) FROM message")).toBe(kept);
      agree(mailbox, model, folders);
      mailbox.close();
    });
    await fc.assert(property, { numRuns: 60 });
  });
});
