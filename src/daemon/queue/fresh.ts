/**
 * Jobs just accepted, opened as they were to be checked: the first attempt, which mostly follows at once, needs neither the
 * disk nor the seal again. Bounded in bytes; what does not fit or waits is read from the spool like any other.
 */
import type { RelayJob } from "../../core/contract/handoff.ts";

export type OpenedJob = { job: RelayJob; raw: Uint8Array };

const most = 32 * 1024 * 1024;

export class Fresh {
  readonly #jobs = new Map<string, OpenedJob>();
  #bytes = 0;

  keep(id: string, opened: OpenedJob): void {
    if (this.#bytes + opened.raw.length > most || this.#jobs.has(id)) return;
    this.#jobs.set(id, opened);
    this.#bytes += opened.raw.length;
  }

  /** For one attempt only: a job that comes again may come in days. */
  take(id: string): OpenedJob | null {
    const opened = this.#jobs.get(id) ?? null;
    if (opened !== null) this.#bytes -= opened.raw.length;
    this.#jobs.delete(id);
    return opened;
  }
}
