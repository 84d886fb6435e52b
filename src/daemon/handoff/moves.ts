/**
 * A node's part in moves, beat by beat: it fetches what the edge says is to come, tells when it is here, and hears how moves ended by
 * which mailboxes leave. Whatever is lost on the way (a call, an answer, the process) is said again at the next beat.
 */
import { type Heartbeat, type HeartbeatAnswer, nodePaths } from "../../core/contract/handoff.ts";
import type { IncomingMove, MoveAnswer, MoveNews } from "../../core/contract/move.ts";
import { NoRoom } from "../store/moving/arrive.ts";
import { BadStream } from "../store/moving/format.ts";
import type { Store } from "../store/store.ts";

export type MovesDeps = {
  edge: { move(news: MoveNews): Promise<MoveAnswer> };
  store: Pick<Store, "moves" | "applyMailbox" | "record">;
  /** A mailbox is served here now: the edge waits to hear that, and the old node with it. */
  onServed?: () => void;
  log?: (line: string) => void;
};

/** Of the source's answer, and of each piece of it. */
const stallMs = 60_000;

export class MoveTalk {
  readonly #deps: MovesDeps;
  #unlisted: { id: string; epoch: number }[] = [];
  /** Since this process began: an answer to an earlier beat may name a move that is over. */
  readonly #landed = new Set<string>();
  /** One after the other, each once. */
  readonly #queued = new Set<string>();
  #fetching: Promise<void> = Promise.resolve();

  constructor(deps: MovesDeps) {
    this.#deps = deps;
  }

  /** For the heartbeat. */
  said(): Pick<Heartbeat, "leaving" | "unlisted"> {
    const { leaving } = this.#deps.store.moves;
    return {
      ...(leaving.length > 0 && { leaving: leaving.slice(0, 1000) }),
      ...(this.#unlisted.length > 0 && { unlisted: this.#unlisted }),
    };
  }

  /** Answers whether there is something that the edge must be asked before anybody is let in. */
  async heard({ mailboxes, incoming = [], leaving = [], elsewhere = [] }: HeartbeatAnswer): Promise<boolean> {
    const { moves } = this.#deps.store;
    const asked = new Set(this.#unlisted.map(({ id }) => id));
    // One that fails is asked about again, and holds up nothing else.
    const settled = (work: Promise<void>): Promise<void> => work.catch((cause: unknown) => this.#log("ended", cause));
    for (const one of leaving) await settled(moves.settle(one));
    for (const { id, epoch } of elsewhere) await settled(moves.away(id, epoch));
    this.#unlisted = moves.unlisted(new Set(mailboxes.map(({ id }) => id)));
    for (const move of moves.here) await this.#tellHere(move).catch((cause: unknown) => this.#log("told", cause));
    for (const one of incoming) this.#enqueue(one);
    return this.#unlisted.some(({ id }) => !asked.has(id));
  }

  #enqueue(incoming: IncomingMove): void {
    const { move } = incoming;
    const { moves } = this.#deps.store;
    if (this.#queued.has(move) || this.#landed.has(move) || moves.here.includes(move) || moves.isCancelled(move))
      return;
    this.#queued.add(move);
    this.#fetching = this.#fetching
      .then(() => (moves.isBehind(incoming) ? this.#claim(incoming) : this.#fetch(incoming)))
      .catch((cause: unknown) => this.#tellTrouble(move, cause))
      .finally(() => this.#queued.delete(move));
  }

  async #fetch(incoming: IncomingMove): Promise<void> {
    const { move, mailbox, epoch } = incoming;
    const stall = new Stall();
    try {
      const response = await askFor(incoming, stall.signal);
      if (!response.ok || response.body === null) throw new SourceTrouble(`the old node answered ${response.status}`);
      await this.#deps.store.moves.arrive({ mailbox, move, epoch }, stall.watched(response.body));
    } finally {
      stall.end();
    }
    await this.#tellHere(move);
  }

  /**
   * It lives here already, and longer than the edge knows: its directory was put back. Where the old node has something of the mailbox
   * too, that would be lost, so nothing is changed.
   */
  async #claim(incoming: IncomingMove): Promise<void> {
    const { status, body } = await askFor(incoming, AbortSignal.timeout(stallMs));
    await body?.cancel();
    if (status === 200) throw new SourceTrouble("both nodes hold this mailbox, so neither's was touched");
    if (status !== 410) throw new SourceTrouble(`the old node answered ${status}`);
    await this.#tellHere(incoming.move, this.#deps.store.record(incoming.mailbox)?.epoch);
  }

  async #tellHere(move: string, epoch?: number): Promise<void> {
    const { edge, store } = this.#deps;
    const { state, mailbox } = await edge.move({ kind: "here", move, ...(epoch !== undefined && { epoch }) });
    if (state === "moved" && mailbox !== null) {
      this.#landed.add(move);
      await store.applyMailbox(mailbox);
      this.#deps.onServed?.();
    } else if (state === "cancelled") await store.moves.discard(move);
  }

  async #tellTrouble(move: string, cause: unknown): Promise<void> {
    this.#log("fetched", cause);
    await this.#deps.edge.move({ kind: "trouble", move, text: wordsFor(cause) }).catch(() => undefined);
  }

  #log(what: string, cause: unknown): void {
    this.#deps.log?.(
      `a move can't be ${what}: ${cause instanceof Error ? `${cause.message} ${cause.cause ?? ""}` : "failed"}`,
    );
  }
}

class SourceTrouble extends Error {}

/** A redirect would carry a signed call to somebody else. */
function askFor({ from, call }: IncomingMove, signal: AbortSignal): Promise<Response> {
  const { headers, body } = call;
  return fetch(new URL(nodePaths.leave, from.origin), { method: "POST", headers, body, redirect: "error", signal });
}

function wordsFor(cause: unknown): string {
  if (cause instanceof NoRoom || cause instanceof SourceTrouble) return cause.message;
  if (cause instanceof BadStream) return `what the old node sent is not whole: ${cause.message}`;
  const isOfTheCall =
    cause instanceof TypeError || (cause instanceof Error && /^(?:Abort|Timeout)Error$/.test(cause.name));
  return isOfTheCall
    ? "the old node can't be reached, or stopped in the middle"
    : "the new node is in trouble itself; its log says more";
}

/** Ends a call whose other end says nothing for too long, however long all of it takes. */
class Stall {
  readonly #controller = new AbortController();
  #timer = this.#arm();

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  #arm(): NodeJS.Timeout {
    return setTimeout(() => this.#controller.abort(), stallMs).unref();
  }

  async *watched(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.#timer.refresh();
      yield chunk;
    }
  }

  end(): void {
    clearTimeout(this.#timer);
  }
}
