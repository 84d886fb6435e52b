/**
 * Changes that a session has heard of and not told its client. They keep commit order; where too many come, they are drawn together
 * to their sum, so that a client that says nothing for hours costs what its folder costs.
 */
import type { Change, Flagged } from "../port.ts";

export type MessageChange = Exclude<Change, { kind: "folder" }>;
type Carrying = Extract<MessageChange, { messages: Flagged }>;

const MOST = 256;

export class News {
  #changes: MessageChange[] = [];

  get isEmpty(): boolean {
    return this.#changes.length === 0;
  }

  get hasExpunged(): boolean {
    return this.#changes.some(({ kind }) => kind === "expunged");
  }

  push(change: MessageChange): void {
    this.#changes.push(change);
    if (this.#changes.length > MOST) this.#changes = sum(this.#changes);
  }

  /** All of them, which are then told. */
  take(): MessageChange[] {
    const taken = this.#changes;
    this.#changes = [];
    return taken;
  }

  /** Of the new messages, and nothing else. */
  takeAdded(): MessageChange[] {
    const added = this.#changes.filter(({ kind }) => kind === "added");
    if (added.length > 0) this.#changes = this.#changes.filter(({ kind }) => kind !== "added");
    return added;
  }

  /** What is untold of flags, in commit order. */
  flags(): Flagged[] {
    return this.#changes.flatMap((one) => (one.kind === "flags" ? [one.messages] : []));
  }

  /** Forgets what a snapshot contains. */
  dropUpTo(modseq: number): void {
    this.#changes = this.#changes.filter((change) => change.modseq > modseq);
  }

  /** Those of `change`'s messages of which something is untold. */
  untoldOf(change: Carrying): Flagged | null {
    const carrying = this.#changes.filter((one): one is Carrying => one.kind !== "expunged");
    if (carrying.length === 0) return null;
    const untold = new Set(carrying.flatMap((one) => [...one.messages.uids]));
    const messages = some(change.messages, (uid) => untold.has(uid));
    return messages.uids.length > 0 ? messages : null;
  }
}

/** New messages, then flags, then what is gone: the same in sum. */
function sum(changes: readonly MessageChange[]): MessageChange[] {
  const added = changes.filter((one): one is Carrying => one.kind === "added");
  const flags = changes.filter((one): one is Carrying => one.kind === "flags");
  const gone = changes.filter((one) => one.kind === "expunged");
  const [firstAdded, firstFlags, firstGone] = [added.at(-1), flags.at(-1), gone.at(-1)];
  return [
    ...(firstAdded ? [{ ...firstAdded, messages: joined(added) }] : []),
    ...(firstFlags ? [{ ...firstFlags, messages: joined(flags) }] : []),
    ...(firstGone ? [{ ...firstGone, uids: merged(gone.map(({ uids }) => uids)) }] : []),
  ];
}

/** The last word on each message, in UID order. */
function joined(changes: readonly Carrying[]): Flagged {
  const last = new Map<number, { flags: readonly string[]; modseq: number }>();
  for (const { messages } of changes) {
    messages.uids.forEach((uid, i) => {
      const flags = messages.flagSets[messages.flagSet[i] as number] ?? [];
      last.set(uid, { flags, modseq: messages.modseqs[i] as number });
    });
  }
  const uids = Uint32Array.from(last.keys()).sort();
  const sets = new Map<string, number>();
  const flagSets: (readonly string[])[] = [];
  const flagSet = Uint16Array.from(uids, (uid) => {
    const flags = last.get(uid)?.flags ?? [];
    const key = flags.join(" ");
    const known = sets.get(key);
    if (known !== undefined) return known;
    sets.set(key, flagSets.length);
    return flagSets.push(flags) - 1;
  });
  return { uids, flagSets, flagSet, modseqs: Float64Array.from(uids, (uid) => last.get(uid)?.modseq ?? 0) };
}

/** Several ascending sets as one. */
export function merged(sets: readonly Uint32Array[]): Uint32Array {
  const [only] = sets;
  if (only && sets.length === 1) return only;
  const whole = new Uint32Array(sets.reduce((total, set) => total + set.length, 0));
  let at = 0;
  for (const set of sets) {
    whole.set(set, at);
    at += set.length;
  }
  return whole.sort();
}

function some(messages: Flagged, isWanted: (uid: number) => boolean): Flagged {
  const kept = [...messages.uids.keys()].filter((i) => isWanted(messages.uids[i] as number));
  return {
    uids: Uint32Array.from(kept, (i) => messages.uids[i] as number),
    modseqs: Float64Array.from(kept, (i) => messages.modseqs[i] as number),
    flagSet: Uint16Array.from(kept, (i) => messages.flagSet[i] as number),
    flagSets: messages.flagSets,
  };
}
