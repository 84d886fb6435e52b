/**
 * Mailboxes between this node and others. One that leaves is frozen from the first call for it until the edge has said how that very
 * move ended; one that arrives lies aside, whole and verified, until the edge has said that it lives here.
 */
import type { MailboxRecord } from "../../../core/contract/mailbox.ts";
import type { LeavingMove } from "../../../core/contract/move.ts";
import type { Placed } from "../node-state.ts";
import type { Placements } from "../placements.ts";
import type { StoreThread } from "../threads.ts";
import { fetchMailbox, isDiskFull, NoRoom, type Target } from "./arrive.ts";
import { encode, type MoveHead } from "./format.ts";
import { partsOf } from "./leave.ts";

export type MovesDeps = {
  dir: string;
  placements: Placements;
  /** The thread that owns node.db. */
  node: StoreThread;
  threadOf(mailbox: string): StoreThread;
  endSessions(mailbox: string): Promise<unknown>;
};

/** `gone`: not at this node; `later`: a newer record, or a newer move, than this node or this call knows of. */
export type Leave = { ok: true; stream: AsyncIterable<Uint8Array> } | { ok: false; why: "gone" | "later" };

export class Moves {
  readonly #deps: MovesDeps;
  /** Whole, verified, aside. */
  readonly #here = new Map<string, MoveHead>();
  /** What is under way for a mailbox: the next waits for it. */
  readonly #turns = new Map<string, Promise<unknown>>();
  /** Since this process began, oldest first: what the edge said before it knew so, and calls it signed then, are late and mean nothing. */
  readonly #cancelled = new Set<string>();

  constructor(deps: MovesDeps) {
    this.#deps = deps;
  }

  async start(arriving: readonly MoveHead[]): Promise<void> {
    const { placements, node, threadOf } = this.#deps;
    for (const head of arriving) this.#here.set(head.mailbox, head);
    // A node that was put back may remember what no copy holds: that is fetched again, and told by nobody to be here.
    const missing = await node.call("stageTidy", { whole: [...this.#here.keys()] });
    for (const mailbox of missing) await this.#forget(mailbox);
    for (const { record, leaving } of placements.all())
      if (leaving !== null) await threadOf(record.id).call("freeze", { mailbox: record.id });
  }

  /** Moves by which mailboxes leave this node. */
  get leaving(): string[] {
    return this.#deps.placements.all().flatMap(({ leaving }) => leaving ?? []);
  }

  /** Moves by which mailboxes have come here whole. */
  get here(): string[] {
    return [...this.#here.values()].map(({ move }) => move);
  }

  /** Freezes the mailbox and gives it out. Asked again, it is given again: nothing can have changed. */
  leave(asked: { mailbox: string; epoch: number; move: string }): Promise<Leave> {
    return this.#inTurn(asked.mailbox, async () => {
      const { mailbox, epoch, move } = asked;
      const placed = this.#deps.placements.get(mailbox);
      if (placed?.record.state !== "active" || epoch < placed.record.epoch) return { ok: false, why: "gone" };
      // ULIDs: the call of an earlier move may be late. Frozen for that one, the mailbox would be let go when it turns out to be over.
      const isOld = placed.leaving !== null && placed.leaving > move;
      if (epoch > placed.record.epoch || isOld || this.#cancelled.has(move)) return { ok: false, why: "later" };
      await this.#freeze(placed, move);
      const thread = this.#deps.threadOf(mailbox);
      return { ok: true, stream: encode(partsOf({ dir: this.#deps.dir, thread, placed, move })) };
    });
  }

  async #freeze(placed: Placed, move: string): Promise<void> {
    const { node, threadOf, endSessions } = this.#deps;
    const { id: mailbox } = placed.record;
    if (placed.leaving !== move) {
      placed.leaving = move;
      await node.call("nodeLeave", { mailbox, move });
    }
    await endSessions(mailbox);
    await threadOf(mailbox).call("freeze", { mailbox });
  }

  /** What the edge says of a move that this node asked about. `asked` changes nothing, nor does silence. */
  async settle({ move, state, epoch }: LeavingMove): Promise<void> {
    const mailbox = this.#deps.placements.all().find(({ leaving }) => leaving === move)?.record.id;
    if (mailbox === undefined) return;
    if (state === "moved") await this.away(mailbox, epoch);
    else if (state === "cancelled") await this.#inTurn(mailbox, () => this.#stay(mailbox, move));
  }

  async #stay(mailbox: string, move: string): Promise<void> {
    const { node, threadOf, placements } = this.#deps;
    if (placements.get(mailbox)?.leaving !== move) return;
    this.#over(move);
    await node.call("nodeStay", { mailbox, move });
    await threadOf(mailbox).call("thaw", { mailbox });
    const placed = placements.get(mailbox);
    if (placed) placed.leaving = null;
  }

  /** It lives at another node since that epoch: what is here goes. */
  away(mailbox: string, epoch: number): Promise<void> {
    return this.#inTurn(mailbox, async () => {
      const { placements, node, threadOf, endSessions } = this.#deps;
      const placed = placements.get(mailbox);
      if (placed === null || epoch <= placed.record.epoch) return;
      await endSessions(mailbox);
      await threadOf(mailbox).call("freeze", { mailbox });
      await threadOf(mailbox).call("erase", { mailbox });
      await node.call("nodeGoneAway", { mailbox, epoch });
      placements.away(mailbox, epoch);
    });
  }

  #inTurn<T>(mailbox: string, work: () => Promise<T>): Promise<T> {
    const done = (this.#turns.get(mailbox) ?? Promise.resolve()).then(work, work);
    const over = done
      .catch(() => undefined)
      .finally(() => {
        if (this.#turns.get(mailbox) === over) this.#turns.delete(mailbox);
      });
    this.#turns.set(mailbox, over);
    return done;
  }

  /** Mailboxes held that are not among those which the edge named. */
  unlisted(named: ReadonlySet<string>): { id: string; epoch: number }[] {
    const all = this.#deps.placements.all().filter(({ leaving, record }) => leaving === null && !named.has(record.id));
    return all.map(({ record: { id, epoch } }) => ({ id, epoch })).slice(0, 1000);
  }

  #over(move: string): void {
    this.#cancelled.add(move);
    const [oldest] = this.#cancelled;
    if (this.#cancelled.size > 1000 && oldest !== undefined) this.#cancelled.delete(oldest);
  }

  /** As far as this node was told. */
  isCancelled(move: string): boolean {
    return this.#cancelled.has(move);
  }

  /** The mailbox lives here already, since this move or a later one: what the old node still has of it is old. */
  isBehind({ mailbox, epoch }: Pick<Target["about"], "mailbox" | "epoch">): boolean {
    return epoch < (this.#deps.placements.get(mailbox)?.record.epoch ?? 0);
  }

  /** Takes the stream of another node in. When it resolves all of it is durable, aside; when it throws, nothing of it is. */
  async arrive(about: Target["about"], stream: AsyncIterable<Uint8Array>): Promise<void> {
    const { dir, node, threadOf } = this.#deps;
    const { mailbox } = about;
    if (this.isBehind(about)) throw new Error("a move that is over");
    await this.#inTurn(mailbox, () => this.#forget(mailbox));
    const thread = threadOf(mailbox);
    try {
      const head = await fetchMailbox({ dir, thread, about }, stream);
      await node.call("nodeArrive", { head });
      this.#here.set(mailbox, head);
    } catch (cause) {
      await thread.call("stageDrop", { mailbox }).catch(() => undefined);
      throw isDiskFull(cause) ? new NoRoom("the new node's disk became full on the way") : cause;
    }
  }

  /** The move was cancelled: what was fetched for it goes. */
  async discard(move: string): Promise<void> {
    this.#over(move);
    const mailbox = [...this.#here.values()].find((one) => one.move === move)?.mailbox;
    if (mailbox !== undefined) await this.#inTurn(mailbox, () => this.#forget(mailbox));
  }

  async #forget(mailbox: string): Promise<void> {
    if (!this.#here.has(mailbox)) return;
    await this.#deps.node.call("nodeForgetArriving", { mailbox });
    this.#here.delete(mailbox);
    await this.#deps.threadOf(mailbox).call("stageDrop", { mailbox });
  }

  /**
   * The edge named this record as one of this node: a copy that lies ready for it is put in its place. Answers whether that was it, and
   * no more is to be done.
   */
  arrived(record: MailboxRecord): Promise<boolean> {
    const { id } = record;
    return this.#inTurn(id, async () => {
      const head = this.#here.get(id);
      if (head && record.state === "active" && record.epoch === head.epoch + 1 && !this.isBehind(head)) {
        await this.#install(record, head);
        return true;
      }
      await this.#forget(id);
      const { placements, threadOf } = this.#deps;
      // It may have left this node once.
      if (placements.get(id) === null) await threadOf(id).call("thaw", { mailbox: id });
      return false;
    });
  }

  async #install(record: MailboxRecord, head: MoveHead): Promise<void> {
    const { placements, node, threadOf } = this.#deps;
    await threadOf(record.id).call("install", { mailbox: record.id });
    await node.call("nodeSettle", { record, head });
    const { pinnedKeyId, generation, highestModseq, usedBytes, waiting, lastUse } = head;
    placements.hold({
      ...{ record, pinnedKeyId, generation, highestModseq, usedBytes, waiting },
      ...{ lastUse: { ...lastUse }, leaving: null },
    });
    this.#here.delete(record.id);
  }
}
