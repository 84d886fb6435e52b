/**
 * Works the schedule: attempts within its bounds, each ending written down before anything else is done about it. What the
 * other host has taken is never sent to it again while this process lives, even when the disk is full.
 */
import type { RelayJob } from "../../core/contract/handoff.ts";
import type { Clock } from "../../core/ports.ts";
import { compose, type Sign } from "./compose.ts";
import { conclude, resultOf } from "./conclude.ts";
import { type DeliverDeps, deliver } from "./deliver.ts";
import type { Ending } from "./ending.ts";
import { Fresh, type OpenedJob } from "./fresh.ts";
import { deliverHome } from "./home.ts";
import { failureOf, noticeTo, type OwnMail, type OwnMailDeps } from "./own-mail.ts";
import { type Home, NotAJob } from "./port.ts";
import type { Results } from "./results.ts";
import { minute, type Schedule, type Waiting } from "./schedule.ts";
import type { Spool } from "./spool.ts";
import type { Ended, NewJob } from "./spool-file.ts";
import type { Srs } from "./srs.ts";
import type { Timer } from "./timer.ts";

export type RunnerDeps = {
  spool: Spool;
  schedule: Schedule;
  results: Results;
  srs: Srs;
  sign: Sign;
  deliver: Omit<DeliverDeps, "atHome">;
  home: Home | null;
  own: OwnMailDeps;
  /** Throws `NotAJob`. */
  open(sealed: Uint8Array): OpenedJob;
  seal(mail: OwnMail): NewJob;
  clock: Clock;
  timer: Timer;
  log(what: string, error?: unknown): void;
};

export class Runner {
  readonly #deps: RunnerDeps;
  readonly #attempts = new Set<Promise<void>>();
  readonly #fresh = new Fresh();
  #cancelWake: () => void = () => undefined;
  #stopped = false;

  constructor(deps: RunnerDeps) {
    this.#deps = deps;
  }

  /** Attempts that run now. */
  get underWay(): number {
    return this.#attempts.size;
  }

  /** A job that is on disk; `opened` where it has been opened already. */
  enqueue({ sealed, ...job }: NewJob, opened: OpenedJob | null = null): void {
    if (opened !== null) this.#fresh.keep(job.id, opened);
    this.#deps.schedule.add({ ...job, size: sealed.length, attempts: 0, delayTold: false });
    this.pump();
  }

  /** Starts whatever may start now, and comes back when more may. */
  pump(): void {
    this.#cancelWake();
    if (this.#stopped) return;
    for (let job = this.#deps.schedule.take(); job !== null; job = this.#deps.schedule.take()) {
      const attempt = this.#attempt(job).finally(() => {
        this.#attempts.delete(attempt);
        this.pump();
      });
      this.#attempts.add(attempt);
    }
    const at = this.#deps.schedule.wakeAt();
    const ms = at === null ? 0 : at - this.#deps.clock();
    // Something due that could not be taken waits for an attempt to end, which pumps.
    if (ms > 0) this.#cancelWake = this.#deps.timer(() => this.pump(), ms);
  }

  async #attempt(waiting: Waiting): Promise<void> {
    try {
      const { job, raw } = this.#fresh.take(waiting.id) ?? (await this.#stored(waiting.id));
      await this.#settle(waiting, job, raw, await this.#try(job, raw));
    } catch (error) {
      await this.#ownTrouble(waiting, error);
    }
  }

  async #stored(id: string): Promise<OpenedJob> {
    const sealed = await this.#deps.spool.sealed(id);
    if (sealed === null) throw new NotAJob();
    return this.#deps.open(sealed);
  }

  async #try(job: RelayJob, raw: Uint8Array): Promise<Ending> {
    const { srs, sign, clock, home } = this.#deps;
    // The edge sends what comes to SRS addresses of domains whose MX is not this node: nobody else will refuse a bad one.
    const reading = srs.reverse(job.recipient);
    if (reading !== null && reading.kind !== "ours" && isAt(job.domain, job.recipient)) return badReturn;
    const { name } = this.#deps.own;
    const mail = await compose(job, raw, { srs, sign, name, now: clock() });
    return deliver(mail, { ...this.#deps.deliver, atHome: () => deliverHome(job, raw, { srs, name, home }) });
  }

  async #settle(waiting: Waiting, job: RelayJob, raw: Uint8Array, ending: Ending): Promise<void> {
    const now = this.#deps.clock();
    const conclusion = conclude(waiting, job, ending, now);
    if (conclusion.kind === "again") return this.#postpone(waiting, job, ending, conclusion);
    const { result: kind, ending: last } = conclusion;
    const notice =
      kind === "failed" && job.pathProven && job.mailFrom !== ""
        ? noticeTo(job.mailFrom, failureOf(job, raw, last), this.#deps.own)
        : null;
    const followUp = notice === null ? null : this.#deps.seal(notice);
    await this.#over(waiting, { id: waiting.id, at: now, result: resultOf(job, kind, last, now), followUp });
  }

  async #postpone(
    waiting: Waiting,
    job: RelayJob,
    ending: Ending,
    { tellDelay, hostDown }: { tellDelay: boolean; hostDown: boolean },
  ) {
    const again = this.#deps.schedule.retry({ ...waiting, delayTold: waiting.delayTold || tellDelay }, hostDown);
    const result = tellDelay ? resultOf(job, "delayed", ending, this.#deps.clock()) : null;
    // Where that can't be written the job comes again all the same: the schedule has it, and the disk an older due time.
    await this.#deps.spool
      .postpone(again, result)
      .catch((error: unknown) => this.#complain("a delay could not be noted", error));
    this.#deps.results.wake();
  }

  /** Written again and again until it is on disk: what the other host has taken must not be sent to it twice. */
  async #over(waiting: Waiting, ended: Ended): Promise<void> {
    for (let wait = 1000; !(await this.#written(ended)); wait = Math.min(wait * 2, minute)) {
      if (this.#stopped) return;
      await new Promise<void>((done) => this.#deps.timer(done, wait));
    }
    this.#deps.schedule.finish(waiting);
    this.#deps.results.wake();
    if (ended.followUp !== null) this.enqueue(ended.followUp);
  }

  async #written(ended: Ended): Promise<boolean> {
    try {
      await this.#deps.spool.end(ended);
      return true;
    } catch (error) {
      this.#complain("an end could not be written", error);
      return false;
    }
  }

  /** Not the destination's fault: the job comes again, until it is too old to matter. */
  async #ownTrouble(waiting: Waiting, error: unknown): Promise<void> {
    this.#complain("an attempt failed", error);
    const at = this.#deps.clock();
    if (error instanceof NotAJob && at >= waiting.deadline)
      return this.#over(waiting, { id: waiting.id, at, result: null, followUp: null });
    this.#deps.schedule.retry(waiting, false);
  }

  #complain(what: string, error: unknown): void {
    if (!this.#stopped) this.#deps.log(`queue: ${what}`, error);
  }

  /** Starts nothing more and waits for what is under way, at most `graceMs`; the rest is on disk for the next start. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#cancelWake();
    let handle: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((done) => {
      handle = setTimeout(done, graceMs);
    });
    await Promise.race([Promise.all(this.#attempts), patience]);
    clearTimeout(handle);
    this.#deps.deliver.reuse.close();
  }
}

const badReturn: Ending = {
  kind: "permfail",
  enhanced: "5.1.6",
  code: null,
  detail: "The return address is not ours, or has expired",
  host: "",
  hostDown: false,
};

function isAt(domain: string, address: string): boolean {
  return address.slice(address.lastIndexOf("@") + 1).toLowerCase() === domain.toLowerCase();
}
