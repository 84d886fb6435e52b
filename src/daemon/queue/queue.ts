/**
 * The relay queue: durable, encrypted at rest, sealed inside. A job is on disk before `accept` resolves, is tried until its
 * destination has answered for good or five days have passed, and what became of it is kept until the edge has heard.
 * A crash between a remote's 250 and our own commit delivers twice, as RFC 1047 says any mailer must; nothing is lost.
 */
import type { RelayJob } from "../../core/contract/handoff.ts";
import { relayJobSchema } from "../../core/contract/handoff.ts";
import type { Clock, Crypto, Random, Resolver } from "../../core/ports.ts";
import { SealError } from "../../core/seal/format.ts";
import type { SealPrimitives } from "../../core/seal/primitives.ts";
import type { Connect } from "../net/connect.ts";
import { compose, pathsOf } from "./compose.ts";
import { type DeliverDeps, deliver } from "./deliver.ts";
import type { Ending } from "./ending.ts";
import { bounceBack, type Failure, failureOf, mayNotify, noticeTo, type OwnMail } from "./own-mail.ts";
import { NotAJob, type ReportResults, type Result } from "./port.ts";
import { Results } from "./results.ts";
import { day, hour, Schedule, type ScheduleRules, scheduleRules, type Waiting } from "./schedule.ts";
import { openSigning, type Signing, type SigningRecord } from "./signing.ts";
import { openSpool, type Spool } from "./spool.ts";
import type { NewJob } from "./spool-file.ts";
import { type Srs, srs } from "./srs.ts";
import { Transit, type TransitPublic } from "./transit.ts";

export type QueueOptions = {
  /** Path of the queue's encrypted file. */
  file: string;
  /** 32 bytes that open it; zeroed. */
  key: Uint8Array;
  /** 32 bytes each; the first signs return addresses, all are accepted. */
  srsSecrets: readonly Uint8Array[];
  /** This node's host name: EHLO, Received, MAILER-DAEMON. */
  name: string;
  /** Port that MX hosts listen on: 25, save in tests. */
  port: number;
  dns: Resolver;
  connect: Connect;
  clock: Clock;
  random: Random;
  primitives: SealPrimitives;
  crypto: Crypto;
  report: ReportResults;
  rules?: Partial<ScheduleRules>;
  /** Gets no addresses and no content. */
  log(what: string, error?: unknown): void;
  /** For tests with a clock of their own. */
  timer?: (run: () => void, ms: number) => () => void;
};

/** Five days of trying (O3), a word to the edge after four hours, ids remembered as long as a hand-off may be driven again. */
const life = 5 * day;
const delayToldAfter = 4 * hour;
const doneKept = 14 * day;

export async function relayQueue(options: QueueOptions): Promise<RelayQueue> {
  const spool = openSpool(options.file, options.key);
  try {
    const transit = await Transit.open({ ...options, spool });
    const signing = await openSigning({ ...options, spool });
    return new RelayQueue(options, { spool, transit, signing }, await spool.waiting());
  } catch (error) {
    await spool.close();
    throw error;
  }
}

export class RelayQueue {
  readonly #options: QueueOptions;
  readonly #spool: Spool;
  readonly #transit: Transit;
  readonly #signing: Signing;
  readonly #schedule: Schedule;
  readonly #results: Results;
  readonly #srs: Srs;
  readonly #deps: DeliverDeps;
  readonly #attempts = new Set<Promise<void>>();
  readonly #timer: (run: () => void, ms: number) => () => void;
  #cancelWake: () => void = () => undefined;
  #cancelCare: () => void = () => undefined;
  #stopped = false;

  constructor(
    options: QueueOptions,
    { spool, transit, signing }: { spool: Spool; transit: Transit; signing: Signing },
    waiting: readonly Waiting[],
  ) {
    this.#options = options;
    this.#spool = spool;
    this.#transit = transit;
    this.#signing = signing;
    this.#timer = options.timer ?? timer;
    this.#srs = srs({ secrets: options.srsSecrets, clock: options.clock });
    const chance = () => (options.random(1)[0] ?? 0) / 256;
    this.#schedule = new Schedule({ ...scheduleRules, ...options.rules }, options.clock, chance);
    this.#results = new Results({ spool, report: options.report, timer: this.#timer, log: options.log });
    const { dns, connect, clock, name, port } = options;
    this.#deps = {
      dns,
      connect,
      clock,
      name,
      port,
      chance,
      ownNames: [name.toLowerCase()],
      replyTimeoutMs: 10 * 60_000,
    };
    for (const job of waiting) this.#schedule.add(job);
    this.#results.wake();
    this.#pump();
    this.#care();
  }

  /** What the heartbeat says: the key to seal relay jobs to, and how many wait. */
  get transit(): TransitPublic {
    return this.#transit.publicKey();
  }
  /** What domains publish so that relayed mail is signed in their name. */
  get signingRecord(): SigningRecord {
    return this.#signing.record;
  }
  get waiting(): number {
    return this.#schedule.size;
  }

  /** Attempts that run now. */
  get underWay(): number {
    return this.#attempts.size;
  }

  /**
   * Takes a sealed relay job from the edge. Resolved: on disk, and it will be delivered or reported failed. The same id
   * again is a duplicate, also when the first is long delivered. Throws `NotAJob` on what can never be delivered.
   */
  async accept(id: string, sealed: Uint8Array): Promise<"stored" | "duplicate"> {
    const { job } = this.#open(sealed);
    return (await this.#store(this.#newJob(id, job, sealed))) ? "stored" : "duplicate";
  }

  /** The door's question about a recipient; see `door/port.ts`. */
  recognise(recipient: string): "ours" | "expired" | "forged" | null {
    return this.#srs.reverse(recipient)?.kind ?? null;
  }

  async returnToAuthor(bounce: { recipient: string; raw: Uint8Array; smtputf8: boolean }): Promise<void> {
    const reading = this.#srs.reverse(bounce.recipient);
    if (reading?.kind !== "ours") throw new Error("not a return address of ours");
    await this.#store(this.#sealed(bounceBack(bounce, reading.domain, this.#options)));
  }

  async notifyAuthor({ author, ...failure }: Failure & { author: string }): Promise<void> {
    await this.#store(this.#sealed(noticeTo(author, failure, this.#options)));
  }

  /** Stops starting; waits for what is under way, at most `graceMs`, then leaves it for the next start. */
  async close(graceMs = 5000): Promise<void> {
    this.#stopped = true;
    this.#cancelWake();
    this.#cancelCare();
    let cancel = () => {};
    const patience = new Promise<void>((done) => {
      cancel = timer(done, graceMs);
    });
    await Promise.race([Promise.all(this.#attempts), patience]);
    cancel();
    await this.#results.stop();
    await this.#spool.close();
  }

  async #store(job: NewJob): Promise<boolean> {
    const stored = await this.#spool.add(job);
    if (stored) this.#enqueue(job);
    return stored;
  }

  #enqueue({ sealed, ...job }: NewJob): void {
    this.#schedule.add({ ...job, size: sealed.length, attempts: 0, delayTold: false });
    this.#pump();
  }

  #newJob(id: string, job: RelayJob, sealed: Uint8Array): NewJob {
    const { to } = pathsOf(job, this.#srs);
    const host = job.route ? `${job.route.host}:${job.route.port}` : to.slice(to.lastIndexOf("@") + 1);
    return { id, sealed, host: host.toLowerCase(), deadline: job.receivedAt + life, nextAt: this.#options.clock() };
  }

  #open(sealed: Uint8Array): { job: RelayJob; raw: Uint8Array } {
    try {
      const { head, raw } = this.#transit.open(sealed);
      return { job: relayJobSchema.parse(head), raw };
    } catch (error) {
      this.#options.log("queue: a job does not open", error instanceof SealError ? undefined : error);
      throw new NotAJob();
    }
  }

  #pump(): void {
    this.#cancelWake();
    if (this.#stopped) return;
    for (let job = this.#schedule.take(); job !== null; job = this.#schedule.take()) {
      const attempt = this.#attempt(job).finally(() => {
        this.#attempts.delete(attempt);
        this.#pump();
      });
      this.#attempts.add(attempt);
    }
    const at = this.#schedule.wakeAt();
    const ms = at === null ? 0 : at - this.#options.clock();
    // Something due that could not be taken waits for an attempt to end, which pumps.
    if (ms > 0) this.#cancelWake = this.#timer(() => this.#pump(), ms);
  }

  async #attempt(waiting: Waiting): Promise<void> {
    try {
      const sealed = await this.#spool.sealed(waiting.id);
      if (sealed === null) throw new NotAJob();
      const { job, raw } = this.#open(sealed);
      await this.#settle(waiting, job, raw, await this.#try(job, raw));
    } catch (error) {
      // Our own trouble, not the destination's: it stays on disk and comes again.
      if (!this.#stopped) this.#options.log("queue: an attempt failed", error);
      this.#schedule.retry(waiting, false);
    }
  }

  async #try(job: RelayJob, raw: Uint8Array): Promise<Ending> {
    const { clock, name } = this.#options;
    const { sign } = this.#signing;
    // Sent by the edge for a domain whose own MX is not this node: nobody else will refuse it.
    const reading = this.#srs.reverse(job.recipient);
    if (reading !== null && reading.kind !== "ours") return badReturn;
    const mail = await compose(job, raw, { srs: this.#srs, name, sign, now: clock() });
    return deliver(mail, this.#deps);
  }

  async #settle(waiting: Waiting, job: RelayJob, raw: Uint8Array, ending: Ending): Promise<void> {
    const expired = ending.kind === "tempfail" && this.#options.clock() >= waiting.deadline;
    if (ending.kind === "tempfail" && !expired) return this.#postpone(waiting, job, ending);
    const last = expired ? { ...ending, kind: "permfail" as const, enhanced: "5.4.7", code: null } : ending;
    const failed = last.kind === "permfail";
    const notice = failed && mayNotify(job) ? noticeTo(job.mailFrom, failureOf(job, raw, last), this.#options) : null;
    const followUp = notice === null ? null : this.#sealed(notice);
    const result = this.#result(job, failed ? "failed" : "delivered", last);
    await this.#spool.end({ id: waiting.id, at: this.#options.clock(), result, followUp });
    this.#schedule.finish(waiting);
    this.#results.wake();
    if (followUp !== null) this.#enqueue(followUp);
  }

  async #postpone(waiting: Waiting, job: RelayJob, ending: Ending): Promise<void> {
    const late = !waiting.delayTold && this.#options.clock() - job.receivedAt >= delayToldAfter;
    const again = this.#schedule.retry({ ...waiting, delayTold: waiting.delayTold || late }, ending.hostDown);
    await this.#spool.postpone(again, late ? this.#result(job, "delayed", ending) : null);
    if (late) this.#results.wake();
  }

  /** JSON for the edge; null for mail of our own making, which no journal lists. */
  #result(job: RelayJob, kind: Result["kind"], { detail, host, enhanced, code }: Ending): string | null {
    if (job.journalId === "") return null;
    const said = code === null ? `${enhanced} ${detail}` : detail;
    const { id, journalId, recipient } = job;
    const at = this.#options.clock();
    return JSON.stringify({
      job: id,
      journalId,
      recipient,
      at,
      kind,
      detail: said.slice(0, 500),
      host,
    } satisfies Result);
  }

  #sealed({ job, raw }: OwnMail): NewJob {
    return this.#newJob(job.id, job, this.#transit.seal(job, raw));
  }

  /** Hourly: keys turn, old ids are forgotten. */
  #care(): void {
    this.#cancelCare = this.#timer(() => {
      const kept = Promise.all([this.#transit.rotateIfDue(), this.#spool.forgetDone(this.#options.clock() - doneKept)]);
      kept.catch((error: unknown) => this.#options.log("queue: upkeep failed", error));
      if (!this.#stopped) this.#care();
    }, hour);
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

function timer(run: () => void, ms: number): () => void {
  // A delay above 2^31 ms would fire at once.
  const handle = setTimeout(run, Math.min(ms, 24 * hour));
  return () => clearTimeout(handle);
}
