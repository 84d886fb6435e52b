/** Tells the edge what became of jobs, in batches, again and again until it has heard: the rows stay until then. */
import { outboundResultsSchema } from "../../core/contract/handoff.ts";
import type { ReportResults } from "./port.ts";
import type { Spool } from "./spool.ts";
import type { Timer } from "./timer.ts";

export type ResultsDeps = {
  spool: Spool;
  report: ReportResults;
  timer: Timer;
  log(what: string, error?: unknown): void;
};

const batch = 200;
const firstWait = 1000;
const longestWait = 5 * 60_000;

export class Results {
  readonly #deps: ResultsDeps;
  #running: Promise<void> | null = null;
  #again = false;
  #wait = firstWait;
  #cancel: () => void = () => undefined;
  #stopped = false;
  /** The edge did not answer: nothing but the timer tries again. */
  #resting = false;

  constructor(deps: ResultsDeps) {
    this.#deps = deps;
  }

  /** There may be something to tell. */
  wake(): void {
    this.#again = true;
    if (this.#stopped || this.#resting) return;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancel();
    await this.#running;
  }

  async #run(): Promise<void> {
    this.#cancel();
    try {
      while (this.#again && !this.#stopped) {
        this.#again = false;
        while (!this.#stopped && (await this.#tellSome())) this.#wait = firstWait;
      }
    } catch (error) {
      this.#deps.log("queue: results could not be told to the edge", error);
      this.#resting = true;
      this.#cancel = this.#deps.timer(() => {
        this.#resting = false;
        this.wake();
      }, this.#wait);
      this.#wait = Math.min(this.#wait * 2, longestWait);
    }
  }

  async #tellSome(): Promise<boolean> {
    const rows = await this.#deps.spool.results(batch);
    const last = rows.at(-1);
    if (last === undefined) return false;
    await this.#deps.report(outboundResultsSchema.parse({ results: rows.map(({ body }) => JSON.parse(body)) }));
    await this.#deps.spool.heard(last.seq);
    return true;
  }
}
