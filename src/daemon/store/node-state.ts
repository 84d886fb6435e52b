/** What the node keeps of each mailbox beside the mailbox itself: `node.db`, on the first store thread. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "../../core/bytes.ts";
import { type MailboxRecord, mailboxRecordSchema } from "../../core/contract/mailbox.ts";
import { labels } from "../../core/seal/labels.ts";
import { nativePrimitives } from "../platform.ts";
import { Database } from "../sqlite/database.ts";
import { headSchema, type MoveHead } from "./moving/format.ts";

export type Placed = {
  record: MailboxRecord;
  pinnedKeyId: string;
  generation: number;
  highestModseq: number;
  usedBytes: number;
  waiting: number;
  /** Slot id → UTC ms of its last login. */
  lastUse: Record<string, number>;
  /** The move by which it leaves this node. */
  leaving: string | null;
};

export type Mirror = { mailbox: string; generation: number; usedBytes: number; highestModseq: number; waiting: number };
export type Away = { mailbox: string; epoch: number };
export type SlotUse = { mailbox: string; slot: string; at: number };

type Row = {
  record: string;
  pinned_key_id: string;
  generation: number;
  highest_modseq: number;
  used_bytes: number;
  waiting: number;
};

export class NodeState {
  readonly #db: Database;

  constructor(dir: string, nodeKey: Uint8Array) {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const key = nativePrimitives.hkdf(nodeKey, new Uint8Array(0), utf8(labels.nodeDb), 32);
    this.#db = Database.open(join(dir, "node.db"), Buffer.from(key.buffer), "node");
  }

  all(): Placed[] {
    const uses = this.#db.all<SlotUse>("SELECT mailbox, slot, at FROM slot_use");
    const leaving = new Map(this.#db.tuples<[string, string]>("SELECT mailbox, move FROM leaving"));
    const byMailbox = Map.groupBy(uses, ({ mailbox }) => mailbox);
    const rows = this.#db.all<Row>(
      "SELECT record, pinned_key_id, generation, highest_modseq, used_bytes, waiting FROM mailbox",
    );
    return rows.map((row) => {
      const record = mailboxRecordSchema.parse(JSON.parse(row.record));
      return {
        record,
        pinnedKeyId: row.pinned_key_id,
        generation: row.generation,
        highestModseq: row.highest_modseq,
        usedBytes: row.used_bytes,
        waiting: row.waiting,
        lastUse: Object.fromEntries((byMailbox.get(record.id) ?? []).map(({ slot, at }) => [slot, at])),
        leaving: leaving.get(record.id) ?? null,
      };
    });
  }

  /** Set when this database was restored: keyslots must be synced with the edge before anybody logs in. */
  get awaitsSync(): boolean {
    return this.#db.value("SELECT value FROM setting WHERE name = 'awaits_sync'") !== undefined;
  }

  awaitSync(on: boolean): void {
    if (on) this.#db.run("INSERT OR REPLACE INTO setting (name, value) VALUES ('awaits_sync', 1)");
    else this.#db.run("DELETE FROM setting WHERE name = 'awaits_sync'");
  }

  /** Durable when it returns. The pinned key id stays what it was first. */
  save(record: MailboxRecord): void {
    this.#db.transaction(() => this.#put(record));
  }

  #put(record: MailboxRecord): void {
    const { id, address, revision, epoch, keyId } = record;
    this.#db.run("DELETE FROM away WHERE mailbox = ?", id);
    // An address may have moved to another mailbox; the newer revision owns it.
    this.#db.run("DELETE FROM mailbox WHERE address = ? AND id <> ?", address, id);
    this.#db.run(
      `INSERT INTO mailbox (id, address, revision, epoch, record, pinned_key_id) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET address = excluded.address, revision = excluded.revision, epoch = excluded.epoch,
         record = excluded.record`,
      id,
      address,
      revision,
      epoch,
      JSON.stringify(record),
      keyId,
    );
  }

  pin(mailbox: string, keyId: string): void {
    this.#db.run("UPDATE mailbox SET pinned_key_id = ? WHERE id = ?", keyId, mailbox);
  }

  mirror(mirrors: readonly Mirror[], uses: readonly SlotUse[]): void {
    this.#db.transaction(() => this.#note(mirrors, uses));
  }

  #note(mirrors: readonly Mirror[], uses: readonly SlotUse[]): void {
    for (const { mailbox, generation, usedBytes, highestModseq, waiting } of mirrors) {
      this.#db.run(
        `UPDATE mailbox SET generation = max(generation, ?), used_bytes = ?, highest_modseq = max(highest_modseq, ?), waiting = ?
           WHERE id = ?`,
        generation,
        usedBytes,
        highestModseq,
        waiting,
        mailbox,
      );
    }
    for (const { mailbox, slot, at } of uses) {
      this.#db.run("INSERT OR REPLACE INTO slot_use (mailbox, slot, at) VALUES (?, ?, ?)", mailbox, slot, at);
    }
  }

  away(): Away[] {
    return this.#db.all<Away>("SELECT mailbox, epoch FROM away");
  }

  arriving(): MoveHead[] {
    return this.#db.column<string>("SELECT head FROM arriving").map((head) => headSchema.parse(JSON.parse(head)));
  }

  leave(mailbox: string, move: string): void {
    this.#db.run("INSERT OR REPLACE INTO leaving (mailbox, move) VALUES (?, ?)", mailbox, move);
  }

  stay(mailbox: string, move: string): void {
    this.#db.run("DELETE FROM leaving WHERE mailbox = ? AND move = ?", mailbox, move);
  }

  goneAway(mailbox: string, epoch: number): void {
    this.#db.transaction(() => {
      this.#db.run("DELETE FROM mailbox WHERE id = ?", mailbox);
      this.#db.run("DELETE FROM slot_use WHERE mailbox = ?", mailbox);
      this.#db.run("DELETE FROM leaving WHERE mailbox = ?", mailbox);
      this.#db.run("INSERT OR REPLACE INTO away (mailbox, epoch) VALUES (?, ?)", mailbox, epoch);
    });
  }

  arrive(head: MoveHead): void {
    const { mailbox, move } = head;
    const text = "INSERT OR REPLACE INTO arriving (mailbox, move, head) VALUES (?, ?, ?)";
    this.#db.run(text, mailbox, move, JSON.stringify(head));
  }

  forgetArriving(mailbox: string): void {
    this.#db.run("DELETE FROM arriving WHERE mailbox = ?", mailbox);
  }

  /** It lives here now, with what the other node noted of it. */
  settle(record: MailboxRecord, { lastUse, pinnedKeyId, ...mirror }: MoveHead): void {
    const { id: mailbox } = record;
    this.#db.transaction(() => {
      this.#db.run("DELETE FROM mailbox WHERE id = ?", mailbox);
      this.#put(record);
      this.pin(mailbox, pinnedKeyId);
      const uses = Object.entries(lastUse).map(([slot, at]) => ({ mailbox, slot, at }));
      this.#note([{ ...mirror, mailbox }], uses);
      this.forgetArriving(mailbox);
      // It may be back before this node has heard how it left.
      this.#db.run("DELETE FROM leaving WHERE mailbox = ?", mailbox);
    });
  }

  /** Nobody else has this node open, nor can open it before this is closed. */
  keepForUs(): boolean {
    return this.#db.keepForUs();
  }

  close(): void {
    this.#db.close();
  }
}
