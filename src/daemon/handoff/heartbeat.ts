/**
 * The node's pulse: what it holds, to the edge; what it lacks, from the edge. Every beat reconciles: a mailbox placed here that the
 * node does not know, or knows in an older revision, is fetched; so is what a login misses, at a bounded rate.
 */
import { statfs } from "node:fs/promises";
import type { Heartbeat, HeartbeatAnswer } from "../../core/contract/handoff.ts";
import type { MailboxRecord } from "../../core/contract/mailbox.ts";
import type { Clock } from "../../core/ports.ts";
import type { CopiesTold } from "../store/backed-up.ts";
import type { Store } from "../store/store.ts";
import type { MoveTalk } from "./moves.ts";

export type HeartbeatDeps = {
  node: string;
  version: string;
  edge: {
    heartbeat(beat: Heartbeat): Promise<HeartbeatAnswer>;
    mailbox(address: string): Promise<MailboxRecord | null>;
  };
  store: Pick<Store, "stats" | "record" | "applyMailbox" | "synced" | "onMiss">;
  /** The relay queue's current transit key. */
  transit: () => Heartbeat["transit"];
  relayWaiting: () => number;
  /** The DKIM record that domains publish so that this node may sign for them. */
  signing?: () => NonNullable<Heartbeat["signing"]>;
  /** Where mail programs reach this node. */
  ports?: NonNullable<Heartbeat["ports"]>;
  /** Digests of the certificates that its servers show. */
  chain?: () => NonNullable<Heartbeat["chain"]>;
  /** How far copies of this node reach, and whether it is one. */
  copies?: Pick<CopiesTold, "said" | "isHeard" | "isPutBack">;
  /** Mailboxes on their way here or from here. */
  moves?: Pick<MoveTalk, "said" | "heard">;
  /** The folder whose disk is watched. */
  dir: string;
  clock: Clock;
  everyMs?: number;
  /** What the edge said: what waits there for this node, and what it keeps. */
  onAnswer?: (answer: HeartbeatAnswer) => void;
  onDomains?: (domains: readonly string[]) => void;
  log?: (line: string) => void;
};

export type Pulse = {
  /** One beat now; resolves when it is over, also when the edge is away. */
  beat(): Promise<void>;
  /** One beat that begins after this was called. */
  beatAnew(): Promise<void>;
  /** When the edge last answered one, UTC ms; 0: never. */
  readonly answeredAt: number;
  stop(): void;
};

/** Begins at once; the first beat brings the records that a fresh or restored node lacks. */
export function startHeartbeat(deps: HeartbeatDeps): Pulse {
  const misses = new MissLimit(deps.clock);
  deps.store.onMiss = async (address) => {
    if (misses.allows(address))
      await fetchRecord(deps, address).catch((cause) => deps.log?.(trouble("selector miss", cause)));
  };
  let timer: NodeJS.Timeout | null = null;
  let stopped = false;
  let failures = 0;
  let answeredAt = 0;
  let running: Promise<void> | null = null;
  const beat = (): Promise<void> => {
    running ??= once(deps)
      .then(() => {
        failures = 0;
        answeredAt = deps.clock();
      })
      .catch((cause: unknown) => {
        failures++;
        deps.log?.(trouble("heartbeat", cause));
      })
      .finally(() => {
        running = null;
        if (!stopped) timer = setTimeout(beat, pause(failures, deps.everyMs ?? 30_000)).unref();
      });
    if (timer) clearTimeout(timer);
    return running;
  };
  const beatAnew = async (): Promise<void> => {
    await running;
    await beat();
  };
  void beat();
  return {
    beat,
    beatAnew,
    get answeredAt() {
      return answeredAt;
    },
    stop() {
      stopped = true;
      if (timer) clearTimeout(timer);
      deps.store.onMiss = null;
    },
  };
}

/** A beat that failed comes again soon, for a minute: until one succeeds the edge knows no transit key, a fresh node no mailbox. */
function pause(failures: number, everyMs: number): number {
  return failures === 0 || failures > 30 ? everyMs : Math.min(everyMs, 500 * 2 ** Math.min(failures, 2));
}

/** `again`: the edge was asked just now about all that this node holds. */
async function once(deps: HeartbeatDeps, again = false): Promise<void> {
  const disk = await statfs(deps.dir);
  const answer = await deps.edge.heartbeat({
    node: deps.node,
    time: deps.clock(),
    version: deps.version,
    transit: deps.transit(),
    mailboxes: deps.store.stats(),
    relayWaiting: deps.relayWaiting(),
    ...(deps.signing ? { signing: deps.signing() } : {}),
    ...(deps.ports ? { ports: deps.ports } : {}),
    ...(deps.chain ? { chain: deps.chain() } : {}),
    ...deps.copies?.said(),
    ...deps.moves?.said(),
    diskFreeBytes: disk.bavail * disk.bsize,
  });
  deps.copies?.isHeard();
  deps.onDomains?.(answer.domains);
  deps.onAnswer?.(answer);
  const mustAsk = await deps.moves?.heard(answer);
  await reconcile(deps, answer.mailboxes);
  // What the edge did not name may have moved away: a node that was put back lets nobody in to it.
  if (mustAsk && !again) return once(deps, true);
  await deps.store.synced();
  if (answer.putBack !== undefined) deps.copies?.isPutBack(answer.putBack);
}

/** One that can't be had holds up no other, but nobody may say then that all was. */
async function reconcile(deps: HeartbeatDeps, placed: HeartbeatAnswer["mailboxes"]): Promise<void> {
  const failed: unknown[] = [];
  for (const { id, address, revision } of placed) {
    const had = deps.store.record(id);
    if (!had || had.revision < revision) await fetchRecord(deps, address).catch((cause: unknown) => failed.push(cause));
  }
  if (failed.length > 0) throw failed[0];
}

async function fetchRecord({ edge, store }: HeartbeatDeps, address: string): Promise<void> {
  const record = await edge.mailbox(address);
  if (record && record.address === address) await store.applyMailbox(record);
}

// Guessing at logins must not become a flood at the edge: one question a minute for an address, and a few hundred for all.
class MissLimit {
  readonly #asked = new Map<string, number>();
  readonly #clock: Clock;
  #window = 0;
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  allows(address: string): boolean {
    const now = this.#clock();
    if (now - this.#window > 60_000) {
      this.#window = now;
      this.#count = 0;
      this.#asked.clear();
    }
    if (this.#asked.has(address) || this.#count >= 300) return false;
    this.#asked.set(address, now);
    this.#count++;
    return true;
  }
}

function trouble(what: string, cause: unknown): string {
  return `${what}: ${cause instanceof Error ? cause.message : "failed"}`;
}
