/**
 * The world as the Worker's code sees it, in one value: settings, clock, randomness, cryptography, DNS, directory and spool.
 * Whatever lives longer than one event (parsed settings, DNS cache) is kept per isolate.
 */
import { dohResolver } from "../src/core/dns/doh.ts";
import type { Clock, Crypto, Random, Resolver } from "../src/core/ports.ts";
import type { SealPrimitives } from "../src/core/seal/primitives.ts";
import { ulid } from "../src/core/ulid.ts";
import { type Config, configOf } from "./config.ts";
import { workerCrypto } from "./crypto.ts";
import { type Directory, openDirectory } from "./directory/open.ts";
import { workerSeal } from "./seal.ts";

export type Edge = {
  env: Env;
  config: Config;
  clock: Clock;
  random: Random;
  crypto: Crypto;
  seal: SealPrimitives;
  dns: Resolver;
  db: Directory;
  newId(): string;
  /** Goes on after the answer; its failure is logged by kind and harms nobody. */
  later(work: Promise<unknown>): void;
};

/** What an event hands in to go on after its answer: `ExecutionContext` and hono's alike. */
type Waiting = { waitUntil(work: Promise<unknown>): void };

/** The sum of all look-ups for one message; a sender waits this long at most. */
const dnsBudgetMs = 10_000;
const resolvers = new WeakMap<Config, Resolver>();

export function openEdge(env: Env, waiting: Waiting): Edge {
  const config = configOf(env);
  const clock: Clock = () => Date.now();
  const random: Random = (n) => crypto.getRandomValues(new Uint8Array(n));
  return {
    env,
    config,
    clock,
    random,
    crypto: workerCrypto,
    seal: workerSeal,
    dns: resolverOf(config),
    db: openDirectory(env.DIRECTORY),
    newId: () => ulid(clock, random),
    later: (work) => waiting.waitUntil(work.catch((error) => logTrouble("later", error))),
  };
}

function resolverOf(config: Config): Resolver {
  const known = resolvers.get(config);
  if (known !== undefined) return known;
  const fresh = dohResolver({
    urls: config.dohUrls,
    fetch: (url, init) => fetch(url, init),
    clock: () => Date.now(),
    budgetMs: dnsBudgetMs,
  });
  resolvers.set(config, fresh);
  return fresh;
}

/** Errors of D1 embed bound parameters (addresses): only where it happened and the error's class are logged. */
export function logTrouble(where: string, error: unknown): void {
  console.error(JSON.stringify({ where, trouble: error instanceof Error ? error.name : typeof error }));
}
