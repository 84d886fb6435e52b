/**
 * The queue's rows: jobs, ids of finished jobs, results for the edge, transit seeds. Synchronous; lives in the spool's own
 * thread. What happens together is one method, since every call runs inside a transaction.
 */
import type Database from "better-sqlite3";
import type { Statement } from "better-sqlite3";
import type { Waiting } from "./schedule.ts";

export type NewJob = Pick<Waiting, "id" | "host" | "deadline" | "nextAt"> & { sealed: Uint8Array };
export type TransitRow = { keyId: string; seed: Uint8Array; madeAt: number; retiredAt: number | null };
export type SignerRow = { selector: string; pkcs8: Uint8Array; madeAt: number };
export type Ended = {
  id: string;
  at: number;
  /** For the edge, as JSON; null: nobody asks. */
  result: string | null;
  /** A notification to the author that comes of this end. */
  followUp: NewJob | null;
};

export class SpoolFile {
  readonly #db: Database;
  readonly #prepared = new Map<string, Statement>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** False: the job is here already or over. */
  add(job: NewJob): boolean {
    if (this.#sql("SELECT 1 FROM done WHERE id = ?").get(job.id) !== undefined) return false;
    const insert = this.#sql(
      "INSERT INTO job (id, sealed, size, host, deadline, next_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
    );
    return insert.run(job.id, job.sealed, job.sealed.length, job.host, job.deadline, job.nextAt).changes === 1;
  }

  waiting(): Waiting[] {
    const rows = this.#sql(
      `SELECT id, host, size, next_at AS nextAt, attempts, deadline, delay_told AS told FROM job ORDER BY next_at, rowid`,
    ).all() as (Omit<Waiting, "delayTold"> & { told: number })[];
    return rows.map(({ told, ...row }) => ({ ...row, delayTold: told === 1 }));
  }

  sealed(id: string): Uint8Array | null {
    return (this.#sql("SELECT sealed FROM job WHERE id = ?").pluck(true).get(id) as Uint8Array | undefined) ?? null;
  }

  postpone(job: Waiting, result: string | null): void {
    const update = this.#sql("UPDATE job SET next_at = ?, attempts = ?, delay_told = ? WHERE id = ?");
    update.run(job.nextAt, job.attempts, job.delayTold ? 1 : 0, job.id);
    this.#result(result);
  }

  end({ id, at, result, followUp }: Ended): void {
    this.#sql("DELETE FROM job WHERE id = ?").run(id);
    this.#sql("INSERT INTO done (id, at) VALUES (?, ?) ON CONFLICT DO NOTHING").run(id, at);
    this.#result(result);
    if (followUp !== null) this.add(followUp);
  }

  results(most: number): { seq: number; body: string }[] {
    const select = this.#sql("SELECT seq, body FROM result ORDER BY seq LIMIT ?");
    return select.all(most) as { seq: number; body: string }[];
  }

  heard(lastSeq: number): void {
    this.#sql("DELETE FROM result WHERE seq <= ?").run(lastSeq);
  }

  forgetDone(before: number): void {
    this.#sql("DELETE FROM done WHERE at < ?").run(before);
  }

  transit(): TransitRow[] {
    const select = this.#sql(
      "SELECT key_id AS keyId, seed, made_at AS madeAt, retired_at AS retiredAt FROM transit ORDER BY made_at",
    );
    return select.all() as TransitRow[];
  }

  /** The new seed becomes the current one; seeds retired before `destroyBefore` are gone for good. */
  rotate(row: TransitRow, destroyBefore: number): void {
    this.#sql("UPDATE transit SET retired_at = ? WHERE retired_at IS NULL").run(row.madeAt);
    this.#sql("INSERT INTO transit (key_id, seed, made_at) VALUES (?, ?, ?)").run(row.keyId, row.seed, row.madeAt);
    // FAST leaves freed pages as they were; a destroyed seed has to be gone.
    this.#db.pragma("secure_delete=ON");
    this.#sql("DELETE FROM transit WHERE retired_at < ?").run(destroyBefore);
    this.#db.pragma("secure_delete=FAST");
  }

  signer(): SignerRow | null {
    const select = this.#sql("SELECT selector, pkcs8, made_at AS madeAt FROM signer ORDER BY made_at DESC LIMIT 1");
    return (select.get() as SignerRow | undefined) ?? null;
  }

  keepSigner({ selector, pkcs8, madeAt }: SignerRow): void {
    this.#sql("INSERT INTO signer (selector, pkcs8, made_at) VALUES (?, ?, ?)").run(selector, pkcs8, madeAt);
  }

  #result(body: string | null): void {
    if (body !== null) this.#sql("INSERT INTO result (body) VALUES (?)").run(body);
  }

  #sql(text: string): Statement {
    const found = this.#prepared.get(text) ?? this.#db.prepare(text);
    this.#prepared.set(text, found);
    return found;
  }
}

/** The methods that another thread may call. */
export type SpoolCall = {
  [M in Method]: { method: M; args: Parameters<SpoolFile[M]> };
}[Method];
export type Method = Exclude<keyof SpoolFile, never>;
