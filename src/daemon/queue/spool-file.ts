/**
 * The queue's rows: jobs, ids of finished jobs, results for the edge, transit seeds. Synchronous; lives in the spool's own
 * thread. What happens together is one method, since every call runs inside a transaction.
 */
import type { Database } from "../sqlite/database.ts";
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

  constructor(db: Database) {
    this.#db = db;
  }

  /** False: the job is here already or over. */
  add({ id, sealed, host, deadline, nextAt }: NewJob): boolean {
    if (this.#db.value("SELECT 1 FROM done WHERE id = ?", id) !== undefined) return false;
    const text =
      "INSERT INTO job (id, sealed, size, host, deadline, next_at) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    return this.#db.run(text, id, sealed, sealed.length, host, deadline, nextAt).changes === 1;
  }

  waiting(): Waiting[] {
    const rows = this.#db.all<Omit<Waiting, "delayTold"> & { told: number }>(
      `SELECT id, host, size, next_at AS nextAt, attempts, deadline, delay_told AS told FROM job ORDER BY next_at, rowid`,
    );
    return rows.map(({ told, ...row }) => ({ ...row, delayTold: told === 1 }));
  }

  sealed(id: string): Uint8Array | null {
    return this.#db.value<Uint8Array>("SELECT sealed FROM job WHERE id = ?", id) ?? null;
  }

  postpone({ id, nextAt, attempts, delayTold }: Waiting, result: string | null): void {
    const text = "UPDATE job SET next_at = ?, attempts = ?, delay_told = ? WHERE id = ?";
    this.#db.run(text, nextAt, attempts, delayTold ? 1 : 0, id);
    this.#result(result);
  }

  end({ id, at, result, followUp }: Ended): void {
    this.#db.run("DELETE FROM job WHERE id = ?", id);
    this.#db.run("INSERT INTO done (id, at) VALUES (?, ?) ON CONFLICT DO NOTHING", id, at);
    this.#result(result);
    if (followUp !== null) this.add(followUp);
  }

  results(most: number): { seq: number; body: string }[] {
    return this.#db.all("SELECT seq, body FROM result ORDER BY seq LIMIT ?", most);
  }

  heard(lastSeq: number): void {
    this.#db.run("DELETE FROM result WHERE seq <= ?", lastSeq);
  }

  forgetDone(before: number): void {
    this.#db.run("DELETE FROM done WHERE at < ?", before);
  }

  transit(): TransitRow[] {
    return this.#db.all(
      "SELECT key_id AS keyId, seed, made_at AS madeAt, retired_at AS retiredAt FROM transit ORDER BY made_at",
    );
  }

  /** The new seed becomes the current one; seeds retired before `destroyBefore` are gone for good. */
  rotate({ keyId, seed, madeAt }: TransitRow, destroyBefore: number): void {
    this.#db.run("UPDATE transit SET retired_at = ? WHERE retired_at IS NULL", madeAt);
    this.#db.run("INSERT INTO transit (key_id, seed, made_at) VALUES (?, ?, ?)", keyId, seed, madeAt);
    // FAST leaves freed pages as they were; a destroyed seed has to be gone.
    this.#db.exec("PRAGMA secure_delete = ON");
    this.#db.run("DELETE FROM transit WHERE retired_at < ?", destroyBefore);
    this.#db.exec("PRAGMA secure_delete = FAST");
  }

  signer(): SignerRow | null {
    return (
      this.#db.get<SignerRow>("SELECT selector, pkcs8, made_at AS madeAt FROM signer ORDER BY made_at DESC LIMIT 1") ??
      null
    );
  }

  keepSigner({ selector, pkcs8, madeAt }: SignerRow): void {
    this.#db.run("INSERT INTO signer (selector, pkcs8, made_at) VALUES (?, ?, ?)", selector, pkcs8, madeAt);
  }

  #result(body: string | null): void {
    if (body !== null) this.#db.run("INSERT INTO result (body) VALUES (?)", body);
  }
}

/** The methods that another thread may call. */
export type SpoolCall = {
  [M in Method]: { method: M; args: Parameters<SpoolFile[M]> };
}[Method];
export type Method = Exclude<keyof SpoolFile, never>;
