/**
 * Which message has which number: the UIDs that a session was told of, ascending; a number is a place in them. Beside each UID goes
 * a mark, for whoever wants to remember something of each message cheaply.
 */
import type { UidRanges } from "../port.ts";

export class Numbers {
  #uids: Uint32Array;
  #marks: Uint16Array;
  #count: number;
  /** Place behind the last UID that was asked for. */
  #next = 0;

  /** Takes the array over. */
  constructor(uids: Uint32Array) {
    this.#uids = uids;
    this.#marks = new Uint16Array(0);
    this.#count = uids.length;
  }

  get count(): number {
    return this.#count;
  }

  /** All UIDs, ascending. Valid until the next change. */
  get uids(): Uint32Array {
    return this.#uids.subarray(0, this.#count);
  }

  /** One a message; all zero until set. */
  get marks(): Uint16Array {
    if (this.#marks.length < this.#uids.length) this.#marks = grown(this.#marks, this.#uids.length);
    return this.#marks.subarray(0, this.#count);
  }

  markAt(seq: number): number {
    return this.#marks[seq - 1] ?? 0;
  }

  get lastUid(): number {
    return this.#count === 0 ? 0 : (this.#uids[this.#count - 1] as number);
  }

  /** 0 for a UID that is not known. */
  seqOf(uid: number): number {
    // Whoever asks for many asks for one after another.
    const at = this.#next < this.#count && this.#uids[this.#next] === uid ? this.#next : this.below(uid);
    if (at >= this.#count || this.#uids[at] !== uid) return 0;
    this.#next = at + 1;
    return at + 1;
  }

  uidAt(seq: number): number {
    return seq >= 1 && seq <= this.#count ? (this.#uids[seq - 1] as number) : 0;
  }

  /** Numbers of ascending UIDs; unknown ones left out. */
  seqsOf(uids: Uint32Array): Uint32Array {
    const seqs = new Uint32Array(uids.length);
    let n = 0;
    for (let i = 0, at = 0; i < uids.length; i++) {
      const uid = uids[i] as number;
      while (at < this.#count && (this.#uids[at] as number) < uid) at++;
      if (at < this.#count && this.#uids[at] === uid) seqs[n++] = at + 1;
    }
    return seqs.subarray(0, n);
  }

  /** How many UIDs are smaller. */
  below(uid: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const mid = (low + high) >>> 1;
      if ((this.#uids[mid] as number) < uid) low = mid + 1;
      else high = mid;
    }
    return low;
  }

  countIn(ranges: UidRanges): number {
    return ranges.reduce((sum, [first, last]) => sum + this.below(last + 1) - this.below(first), 0);
  }

  /** The known UIDs in `ranges`, ascending. */
  uidsIn(ranges: UidRanges): Uint32Array {
    const uids = new Uint32Array(this.countIn(ranges));
    let at = 0;
    for (const [first, last] of ranges) {
      const part = this.#uids.subarray(this.below(first), this.below(last + 1));
      uids.set(part, at);
      at += part.length;
    }
    return uids;
  }

  /** UIDs above all others; answers how many were new. */
  append(uids: Uint32Array): number {
    const fresh = uids.filter((uid) => uid > this.lastUid);
    if (this.#count + fresh.length > this.#uids.length) {
      this.#uids = grown(this.#uids, Math.ceil((this.#count + fresh.length) * 1.25) + 8);
    }
    this.#uids.set(fresh, this.#count);
    this.#count += fresh.length;
    return fresh.length;
  }

  /** Ascending UIDs away; answers those that were known, with the numbers they had. */
  remove(gone: Uint32Array): { seqs: number[]; uids: number[] } {
    const seqs: number[] = [];
    const uids: number[] = [];
    const { marks } = this;
    let kept = 0;
    for (let at = 0, g = 0; at < this.#count; at++) {
      const uid = this.#uids[at] as number;
      while (g < gone.length && (gone[g] as number) < uid) g++;
      if (g < gone.length && gone[g] === uid) {
        seqs.push(at + 1);
        uids.push(uid);
        continue;
      }
      marks[kept] = marks[at] as number;
      this.#uids[kept++] = uid;
    }
    this.#count = kept;
    return { seqs, uids };
  }
}

function grown<T extends Uint32Array | Uint16Array>(array: T, length: number): T {
  const larger = new (array.constructor as new (n: number) => T)(length);
  larger.set(array);
  return larger;
}
