/**
 * A mailbox's locked inbox: sealed messages wait here, durably, until their owner logs in. What is acknowledged has been synced;
 * arrivals that wait together share one sync. Ids are remembered after filing, so that a re-drive is recognised for ever.
 */
import type { Database } from "../sqlite/database.ts";
import type { Hooks } from "./mailbox.ts";

export type Accepted = "stored" | "duplicate";
type Arrival = { id: string; bytes: Uint8Array; done: (accepted: Accepted) => void; failed: (cause: unknown) => void };

export type Sealed = { id: string; bytes: Uint8Array };

export class Inbox {
  readonly #db: Database;
  readonly #hooks: Pick<Hooks, "now" | "soon">;
  #arrivals: Arrival[] = [];
  waiting: number;
  waitingBytes: number;

  constructor(db: Database, hooks: Pick<Hooks, "now" | "soon">) {
    this.#db = db;
    this.#hooks = hooks;
    const counted = db.get<{ n: number; size: number }>(
      "SELECT count(*) AS n, coalesce(sum(length(bytes)), 0) AS size FROM sealed",
    );
    this.waiting = counted?.n ?? 0;
    this.waitingBytes = counted?.size ?? 0;
  }

  get isBusy(): boolean {
    return this.#arrivals.length > 0;
  }

  /** Resolves once the ciphertext and its id are synced. */
  accept(id: string, bytes: Uint8Array): Promise<Accepted> {
    return new Promise((done, failed) => {
      if (this.#arrivals.length === 0) this.#hooks.soon(() => this.#commit());
      this.#arrivals.push({ id, bytes, done, failed });
    });
  }

  #commit(): void {
    const arrivals = this.#arrivals;
    this.#arrivals = [];
    let outcomes: Accepted[];
    try {
      outcomes = this.#db.transaction(() => arrivals.map((one) => this.#store(one)));
    } catch (cause) {
      for (const one of arrivals) one.failed(cause);
      return;
    }
    for (const [i, one] of arrivals.entries()) {
      const outcome = outcomes[i] ?? "stored";
      if (outcome === "stored") {
        this.waiting++;
        this.waitingBytes += one.bytes.length;
      }
      one.done(outcome);
    }
  }

  #store({ id, bytes }: Arrival): Accepted {
    for (const table of ["known", "unreadable"]) {
      if (this.#db.value(`SELECT 1 FROM ${table} WHERE id = ?`, id) !== undefined) return "duplicate";
    }
    const { changes } = this.#db.run(
      "INSERT OR IGNORE INTO sealed (id, arrived_at, bytes) VALUES (?, ?, ?)",
      id,
      this.#hooks.now(),
      bytes,
    );
    return changes === 1 ? "stored" : "duplicate";
  }

  /** The oldest, bounded by count and bytes; at least one where there is one. */
  oldest(most: number, mostBytes: number): Sealed[] {
    const sizes = this.#db.all<{ id: string; size: number }>(
      "SELECT id, length(bytes) AS size FROM sealed ORDER BY rowid LIMIT ?",
      most,
    );
    const chosen: Sealed[] = [];
    let total = 0;
    for (const { id, size } of sizes) {
      total += size;
      if (chosen.length > 0 && total > mostBytes) break;
      const bytes = this.#db.value<Uint8Array>("SELECT bytes FROM sealed WHERE id = ?", id);
      if (bytes) chosen.push({ id, bytes });
    }
    return chosen;
  }

  /** After their commit in the mailbox: these are filed. */
  filed(ids: readonly string[]): void {
    this.#db.transaction(() => {
      for (const id of ids) {
        this.#db.run("INSERT OR IGNORE INTO known (id, at) VALUES (?, ?)", id, this.#hooks.now());
        this.#db.run("DELETE FROM sealed WHERE id = ?", id);
      }
    });
    this.#recount();
  }

  /** Not to be opened with the mailbox's key: kept aside, never dropped. */
  setAside(id: string): void {
    this.#db.transaction(() => {
      this.#db.run("INSERT OR IGNORE INTO unreadable SELECT id, arrived_at, bytes FROM sealed WHERE id = ?", id);
      this.#db.run("DELETE FROM sealed WHERE id = ?", id);
    });
    this.#recount();
  }

  /** Another key may open what one did not. */
  retryUnreadable(): void {
    if (this.unreadable === 0) return;
    this.#db.transaction(() => {
      this.#db.run("INSERT OR IGNORE INTO sealed (id, arrived_at, bytes) SELECT id, at, bytes FROM unreadable");
      this.#db.run("DELETE FROM unreadable");
    });
    this.#recount();
  }

  get unreadable(): number {
    return this.#db.value<number>("SELECT count(*) FROM unreadable") ?? 0;
  }

  #recount(): void {
    this.waiting = this.#db.value<number>("SELECT count(*) FROM sealed") ?? 0;
    this.waitingBytes = this.#db.value<number>("SELECT coalesce(sum(length(bytes)), 0) FROM sealed") ?? 0;
  }

  close(): void {
    this.#db.close();
  }
}
