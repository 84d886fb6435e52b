/**
 * Which job goes next: pure bookkeeping of due times, bounded concurrency per host and in all, and a host that does not
 * answer resting as a whole, so that a thousand jobs for it cost one try and not a thousand.
 */
import type { Clock } from "../../core/ports.ts";

export type Waiting = {
  id: string;
  host: string;
  /** Sealed bytes, near enough to what delivering it takes in memory. */
  size: number;
  nextAt: number;
  attempts: number;
  deadline: number;
  delayTold: boolean;
};

export type ScheduleRules = {
  inAll: number;
  perHost: number;
  /** Bytes of jobs under way at one time (each is in memory some four times); a larger one goes alone. */
  bytes: number;
  /** Waits after the first, second, … failure, ms; the last goes on. */
  waits: readonly number[];
};

export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

export const scheduleRules: ScheduleRules = {
  inAll: 40,
  perHost: 5,
  bytes: 64 * 1024 * 1024,
  // RFC 5321 §4.5.4.1: at least 30 minutes between tries in general, more often at first, for four to five days.
  waits: [minute, 5 * minute, 15 * minute, 30 * minute, hour, 2 * hour, 4 * hour],
};

type Host = { waiting: Waiting[]; busy: number; restUntil: number; failures: number };

export class Schedule {
  readonly #hosts = new Map<string, Host>();
  readonly #busy = new Map<string, Waiting>();
  readonly #rules: ScheduleRules;
  readonly #clock: Clock;
  /** 0 ≤ x < 1 */
  readonly #chance: () => number;
  #bytes = 0;

  constructor(rules: ScheduleRules, clock: Clock, chance: () => number) {
    this.#rules = rules;
    this.#clock = clock;
    this.#chance = chance;
  }

  get size(): number {
    let size = this.#busy.size;
    for (const host of this.#hosts.values()) size += host.waiting.length;
    return size;
  }

  add(job: Waiting): void {
    const host = this.#host(job.host);
    // Kept in order of due time; nearly always the place is at the end.
    let at = host.waiting.length;
    while (at > 0 && (host.waiting[at - 1]?.nextAt ?? 0) > job.nextAt) at--;
    host.waiting.splice(at, 0, job);
  }

  /** A job to try now, counted as under way; null when none may. Hosts take turns. */
  take(): Waiting | null {
    if (this.#busy.size >= this.#rules.inAll) return null;
    for (const [name, host] of this.#hosts) {
      const job = this.#ready(host);
      if (job === null) continue;
      host.waiting.shift();
      host.busy++;
      this.#busy.set(job.id, job);
      this.#bytes += job.size;
      this.#hosts.delete(name);
      this.#hosts.set(name, host);
      return job;
    }
    return null;
  }

  /** The job is over, however it ended. */
  finish(job: Waiting): void {
    this.#release(job).failures = 0;
    this.#forgetIdle(job.host);
  }

  /** To be tried again; `hostDown` when no server of the host could be talked to. Answers the job as it now stands. */
  retry(job: Waiting, hostDown: boolean): Waiting {
    const host = this.#release(job);
    const now = this.#clock();
    if (hostDown && host.restUntil <= now) host.restUntil = now + this.#wait(host.failures++);
    if (!hostDown) host.failures = 0;
    const nextAt = Math.min(now + this.#wait(job.attempts), Math.max(job.deadline, now + minute));
    const again = { ...job, attempts: job.attempts + 1, nextAt };
    this.add(again);
    return again;
  }

  /** When to look again: the soonest that anything could be due; null when only a finish can change something. */
  wakeAt(): number | null {
    let soonest: number | null = null;
    for (const host of this.#hosts.values()) {
      const [first] = host.waiting;
      if (first === undefined || host.busy >= this.#rules.perHost) continue;
      const at = Math.max(first.nextAt, host.restUntil);
      if (soonest === null || at < soonest) soonest = at;
    }
    return soonest;
  }

  #ready(host: Host): Waiting | null {
    const now = this.#clock();
    const [first] = host.waiting;
    if (first === undefined || first.nextAt > now || host.restUntil > now) return null;
    // A host that just failed is felt out by one job before the others follow.
    if (host.busy >= (host.failures > 0 ? 1 : this.#rules.perHost)) return null;
    return this.#bytes > 0 && this.#bytes + first.size > this.#rules.bytes ? null : first;
  }

  // Up to a quarter longer, so that jobs which failed together do not come back together.
  #wait(failures: number): number {
    const { waits } = this.#rules;
    const base = waits[Math.min(failures, waits.length - 1)] ?? hour;
    return Math.floor(base * (1 + this.#chance() / 4));
  }

  #release(job: Waiting): Host {
    const host = this.#host(job.host);
    if (this.#busy.delete(job.id)) {
      host.busy--;
      this.#bytes -= job.size;
    }
    return host;
  }

  #host(name: string): Host {
    const found = this.#hosts.get(name) ?? { waiting: [], busy: 0, restUntil: 0, failures: 0 };
    this.#hosts.set(name, found);
    return found;
  }

  #forgetIdle(name: string): void {
    const host = this.#hosts.get(name);
    if (host && host.waiting.length === 0 && host.busy === 0) this.#hosts.delete(name);
  }
}
