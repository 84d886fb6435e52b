/** What a node holds of its mailboxes beside their mail: records, mirrors, and which of them are on their way to another node. */
import type { Keyslot, MailboxRecord } from "../../core/contract/mailbox.ts";
import type { Placed } from "./node-state.ts";
import type { News } from "./unlock.ts";

export type MailboxStats = Pick<Placed, "usedBytes" | "waiting" | "generation" | "lastUse"> & {
  id: string;
  revision: number;
};

/** Nothing is in it yet. */
export function freshly(record: MailboxRecord): Placed {
  const mirror = { generation: 0, highestModseq: 0, usedBytes: 0, waiting: 0 };
  return { record, pinnedKeyId: record.keyId, ...mirror, lastUse: {}, leaving: null };
}

export class Placements {
  readonly #placed = new Map<string, Placed>();
  readonly #byAddress = new Map<string, string>();
  /** Lives at another node since that epoch: an older record of it is stale. */
  readonly #away = new Map<string, number>();

  hold(placed: Placed): void {
    const { id, address, state } = placed.record;
    this.drop(id);
    this.#away.delete(id);
    this.#placed.set(id, placed);
    if (state !== "active") return;
    // An address belongs to one mailbox: one that had it before is gone (node.db has dropped it too).
    const before = this.#byAddress.get(address);
    if (before !== undefined && before !== id) this.#placed.delete(before);
    this.#byAddress.set(address, id);
  }

  drop(id: string): void {
    const had = this.#placed.get(id);
    if (had && this.#byAddress.get(had.record.address) === id) this.#byAddress.delete(had.record.address);
    this.#placed.delete(id);
  }

  away(id: string, epoch: number): void {
    this.drop(id);
    this.#away.set(id, epoch);
  }

  isAway({ id, epoch }: Pick<MailboxRecord, "id" | "epoch">): boolean {
    return epoch <= (this.#away.get(id) ?? -1);
  }

  get(id: string): Placed | null {
    return this.#placed.get(id) ?? null;
  }

  at(address: string): Placed | null {
    return this.get(this.#byAddress.get(address) ?? "");
  }

  all(): Placed[] {
    return [...this.#placed.values()];
  }

  slotFor(address: string, selector: string): Keyslot | null {
    const slots = this.at(address)?.record.keyslots ?? [];
    return (
      slots.find((slot) => slot.kind === "app-password" && slot.selector === selector && slot.revokedAt === null) ??
      null
    );
  }

  testSlotFor(address: string): Keyslot | null {
    const slots = this.at(address)?.record.keyslots ?? [];
    return slots.find((slot) => slot.kind === "test-only" && slot.revokedAt === null) ?? null;
  }

  isRevoked(mailbox: string, slot: string): boolean {
    const record = this.get(mailbox)?.record;
    return record?.state !== "active" || record.keyslots.find(({ id }) => id === slot)?.revokedAt !== null;
  }

  /** Would a message for this placement be taken at all? */
  holds(mailbox: string, epoch: number): boolean {
    const record = this.get(mailbox)?.record;
    return record?.state === "active" && epoch >= record.epoch;
  }

  /** What a thread told of an open mailbox; null where it is none of ours any more. */
  hear(news: Extract<News, { kind: "state" }>): Placed | null {
    const placed = this.get(news.mailbox);
    if (!placed) return null;
    placed.generation = Math.max(placed.generation, news.generation);
    placed.highestModseq = Math.max(placed.highestModseq, news.highestModseq);
    placed.usedBytes = news.usedBytes;
    placed.waiting = news.waiting;
    return placed;
  }

  /** What a heartbeat says of each mailbox. */
  stats(): MailboxStats[] {
    return this.all().map(({ record: { id, revision }, usedBytes, waiting, generation, lastUse }) => {
      return { id, revision, usedBytes, waiting, generation, lastUse: { ...lastUse } };
    });
  }
}
