/**
 * Rest for the files of one thread: a connection that nobody has used for a while is closed, and opened again by whoever next asks it
 * something. An open one costs 0.29 MB however little is in its file: 64 KB for the cipher's page, 48 KB that SQLite sets aside for
 * small allocations, 32 KB of the log's index, pages, the parsed schema; and up to three descriptors.
 */
import type { Database } from "./database.ts";

/** How to open it again: `key` is zeroed; `woken` throws where the file is not the one that was put to rest. */
export type Waking = { key(): Buffer; woken?(): void };

export class Rests {
  readonly #files = new Set<Database>();
  readonly #everyMs: number;
  #timer: NodeJS.Timeout | null = null;

  /** After between one and two `everyMs` without use. */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
  }

  /** From now on it rests when nobody uses it. */
  keep(file: Database, waking: Waking): void {
    file.wakeBy(waking);
    this.#files.add(file);
    this.#timer ??= setInterval(() => this.#look(), this.#everyMs).unref();
  }

  #look(): void {
    const idle = [...this.#files].filter((file) => file.isIdle());
    this.#restNext(idle);
    for (const file of this.#files) if (file.isClosed) this.#files.delete(file);
    if (this.#files.size > 0 || this.#timer === null) return;
    clearInterval(this.#timer);
    this.#timer = null;
  }

  /** One a turn: what its log holds is copied and synced. */
  #restNext(idle: Database[]): void {
    const file = idle.pop();
    if (file === undefined) return;
    if (file.isIdle()) file.rest();
    setImmediate(() => this.#restNext(idle));
  }
}
