/**
 * Failed logins, counted per address and per account over all protocols. Each failure makes the next answer slower for
 * whoever comes from that address or asks for that account; a success forgets the address' debt for that account only. Bounded: the
 * oldest entry goes first.
 */
import type { Clock } from "../../core/ports.ts";
import { isLoopback, originOf } from "./origin.ts";

export type AttemptLimits = {
  /** Wait after the first failure, ms; doubles with each further one. */
  firstDelayMs: number;
  longestDelayMs: number;
  /** Failures are forgotten after that long without a new one. */
  forgetMs: number;
  /** Failures from one address after which nothing from there is checked until it has been quiet. */
  refuseAfter: number;
  entries: number;
};

export const attemptDefaults: AttemptLimits = {
  firstDelayMs: 250,
  longestDelayMs: 8_000,
  forgetMs: 15 * 60_000,
  refuseAfter: 60,
  entries: 50_000,
};

type Entry = { failures: number; last: number };

export class Attempts {
  readonly #entries = new Map<string, Entry>();
  readonly #limits: AttemptLimits;
  readonly #clock: Clock;

  constructor(clock: Clock = Date.now, limits: Partial<AttemptLimits> = {}) {
    this.#clock = clock;
    this.#limits = { ...attemptDefaults, ...limits };
  }

  /** This address has failed so often that its logins are not even looked at. */
  isRefused(ip: string): boolean {
    return !isLoopback(ip) && this.#failures(originOf(ip)) >= this.#limits.refuseAfter;
  }

  /** Counts a failure; answers how long to wait before saying so. An account under attack slows everyone's failures, never a right password. */
  failed(ip: string, account: string): number {
    const count = Math.max(this.#count(originOf(ip)), this.#count(`account ${account}`));
    return Math.min(this.#limits.firstDelayMs * 2 ** (count - 1), this.#limits.longestDelayMs);
  }

  succeeded(ip: string): void {
    const entry = this.#entries.get(originOf(ip));
    if (entry) entry.failures = Math.max(0, entry.failures - 1);
  }

  #failures(key: string): number {
    const entry = this.#entries.get(key);
    return entry && this.#clock() - entry.last < this.#limits.forgetMs ? entry.failures : 0;
  }

  #count(key: string): number {
    const failures = this.#failures(key) + 1;
    this.#entries.delete(key);
    this.#entries.set(key, { failures, last: this.#clock() });
    if (this.#entries.size > this.#limits.entries) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    return failures;
  }
}
