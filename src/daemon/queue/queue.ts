/**
 * The relay queue: durable, encrypted at rest, sealed inside. A job is on disk before `accept` resolves, is tried until its
 * destination has answered for good or five days have passed, and what became of it is kept until the edge has heard.
 * A crash between a remote's 250 and our own commit delivers twice, as RFC 1047 says any mailer must; nothing is lost.
 */
import { type RelayJob, relayJobSchema } from "../../core/contract/handoff.ts";
import type { Clock, Crypto, Random, Resolver } from "../../core/ports.ts";
import type { SealPrimitives } from "../../core/seal/primitives.ts";
import type { Connect } from "../net/connect.ts";
import { pathsOf } from "./compose.ts";
import { life } from "./conclude.ts";
import type { OpenedJob } from "./fresh.ts";
import { bounceBack, type Failure, noticeTo, type OwnMail } from "./own-mail.ts";
import { type Home, NotAJob, type ReportResults } from "./port.ts";
import { Results } from "./results.ts";
import { Reuse, type ReuseRules } from "./reuse.ts";
import { Runner } from "./runner.ts";
import { day, hour, Schedule, type ScheduleRules, scheduleRules, type Waiting } from "./schedule.ts";
import { openSigning, type Signing, type SigningRecord } from "./signing.ts";
import { openSpool, type Spool } from "./spool.ts";
import type { NewJob } from "./spool-file.ts";
import { type Srs, srs } from "./srs.ts";
import { realTimer, type Timer } from "./timer.ts";
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
  /** Null refuses mail whose destination is this host. */
  home: Home | null;
  rules?: Partial<ScheduleRules>;
  reuse?: Partial<ReuseRules>;
  /** Gets no addresses and no content. */
  log(what: string, error?: unknown): void;
  /** For tests with a clock of their own. */
  timer?: Timer;
};

/** Ids are remembered as long as a hand-off may be driven again. */
const doneKept = 14 * day;
/** RFC 5321 §4.5.3.2.6: ten minutes after the final dot, or two hosts end up with the message. */
const replyTimeoutMs = 10 * 60_000;

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

type Parts = { spool: Spool; transit: Transit; signing: Signing };

export class RelayQueue {
  readonly #options: QueueOptions;
  readonly #parts: Parts;
  readonly #srs: Srs;
  readonly #schedule: Schedule;
  readonly #results: Results;
  readonly #runner: Runner;
  readonly #timer: Timer;
  #cancelCare: () => void = () => undefined;

  constructor(options: QueueOptions, parts: Parts, waiting: readonly Waiting[]) {
    const { clock, random, report, log } = options;
    this.#options = options;
    this.#parts = parts;
    this.#timer = options.timer ?? realTimer;
    this.#srs = srs({ secrets: options.srsSecrets, clock });
    const chance = () => (random(1)[0] ?? 0) / 256;
    this.#schedule = new Schedule({ ...scheduleRules, ...options.rules }, clock, chance);
    this.#results = new Results({ spool: parts.spool, report, timer: this.#timer, log });
    this.#runner = this.#makeRunner(chance);
    for (const job of waiting) this.#schedule.add(job);
    this.#results.wake();
    this.#runner.pump();
    this.#care();
  }

  /** For the heartbeat: the key to seal relay jobs to. */
  get transit(): TransitPublic {
    return this.#parts.transit.publicKey();
  }

  /** What domains publish so that relayed mail is signed in their name. */
  get signingRecord(): SigningRecord {
    return this.#parts.signing.record;
  }

  /** Jobs not delivered yet. */
  get waiting(): number {
    return this.#schedule.size;
  }

  /** Attempts that run now. */
  get underWay(): number {
    return this.#runner.underWay;
  }

  /**
   * Takes a sealed relay job from the edge. Resolved: on disk, and it will be delivered or reported failed. The same id
   * again is a duplicate, also when the first is long delivered. Throws `NotAJob` on what can never be delivered.
   */
  async accept(id: string, sealed: Uint8Array): Promise<"stored" | "duplicate"> {
    const opened = this.#open(sealed);
    return (await this.#store(this.#newJob(id, opened.job, sealed), opened)) ? "stored" : "duplicate";
  }

  /** The door's question about a recipient; see `door/port.ts`. */
  recognise(recipient: string): "ours" | "expired" | "forged" | null {
    return this.#srs.reverse(recipient)?.kind ?? null;
  }

  async returnToAuthor(bounce: { recipient: string; raw: Uint8Array; smtputf8: boolean }): Promise<void> {
    const reading = this.#srs.reverse(bounce.recipient);
    if (reading?.kind !== "ours") throw new Error("not a return address of ours");
    await this.#store(this.#seal(bounceBack(bounce, reading.domain, this.#options)));
  }

  async notifyAuthor({ author, ...failure }: Failure & { author: string }): Promise<void> {
    await this.#store(this.#seal(noticeTo(author, failure, this.#options)));
  }

  /** Stops starting; waits for what is under way, at most `graceMs`, then leaves it for the next start. */
  async close(graceMs = 5000): Promise<void> {
    this.#cancelCare();
    await this.#runner.stop(graceMs);
    await this.#results.stop();
    await this.#parts.spool.close();
  }

  async #store(job: NewJob, opened: OpenedJob | null = null): Promise<boolean> {
    const stored = await this.#parts.spool.add(job);
    if (stored) this.#runner.enqueue(job, opened);
    return stored;
  }

  #newJob(id: string, job: RelayJob, sealed: Uint8Array): NewJob {
    const { to } = pathsOf(job, this.#srs);
    const domain = to.slice(to.lastIndexOf("@") + 1);
    const host = job.route === null ? domain : `${job.route.host ?? domain}:${job.route.port}`;
    return { id, sealed, host: host.toLowerCase(), deadline: job.receivedAt + life, nextAt: this.#options.clock() };
  }

  #open(sealed: Uint8Array): OpenedJob {
    try {
      const { head, raw } = this.#parts.transit.open(sealed);
      return { job: relayJobSchema.parse(head), raw };
    } catch {
      throw new NotAJob();
    }
  }

  #seal({ job, raw }: OwnMail): NewJob {
    return this.#newJob(job.id, job, this.#parts.transit.seal(job, raw));
  }

  #makeRunner(chance: () => number): Runner {
    const { dns, connect, clock, name, port, log } = this.#options;
    const reuse = new Reuse(this.#options.reuse);
    const { spool, signing } = this.#parts;
    return new Runner({
      spool,
      schedule: this.#schedule,
      results: this.#results,
      srs: this.#srs,
      sign: signing.sign,
      deliver: { dns, connect, reuse, clock, name, port, chance, ownNames: [name.toLowerCase()], replyTimeoutMs },
      home: this.#options.home,
      own: this.#options,
      open: (sealed) => this.#open(sealed),
      seal: (mail) => this.#seal(mail),
      clock,
      timer: this.#timer,
      log,
    });
  }

  /** Hourly: keys turn, old ids are forgotten. */
  #care(): void {
    const { clock, log } = this.#options;
    const { transit, spool } = this.#parts;
    this.#cancelCare = this.#timer(() => {
      const kept = Promise.all([transit.rotateIfDue(), spool.forgetDone(clock() - doneKept)]);
      kept.catch((error: unknown) => log("queue: upkeep failed", error));
      this.#care();
    }, hour);
  }
}
