/**
 * Bytes in any chunking → lines and counted blocks. Every byte is looked at once: the search for a line's end goes on where
 * it stopped, however small the chunks. The caller gives the bound of each line; nothing grows past it.
 */
const LF = 10;
const CR = 13;

export class LineTooLong extends Error {}

export class Lines {
  #chunks: Buffer[] = [];
  /** Bytes of the first chunk already handed out. */
  #at = 0;
  /** The chunk, and the offset in it, where the search for LF goes on. */
  #scanChunk = 0;
  #scanAt = 0;
  #size = 0;

  /** Bytes held. */
  get size(): number {
    return this.#size;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#size += chunk.length;
  }

  /** The next line without its CRLF (a bare LF ends a line too), or null when its end has not come. */
  line(max: number): Buffer | null {
    for (; this.#scanChunk < this.#chunks.length; this.#scanChunk++, this.#scanAt = 0) {
      const chunk = this.#chunks[this.#scanChunk] as Buffer;
      const from = this.#scanChunk === 0 ? Math.max(this.#scanAt, this.#at) : this.#scanAt;
      const end = chunk.indexOf(LF, from);
      if (end >= 0) return this.#upTo(end, max);
      // A line is only as long as what is held: a chunk that ends without LF belongs to it whole.
      if (this.#size > max + 2 && this.#scanChunk === this.#chunks.length - 1) throw new LineTooLong();
    }
    return null;
  }

  #upTo(end: number, max: number): Buffer {
    let length = end + 1 - this.#at;
    for (let i = 0; i < this.#scanChunk; i++) length += (this.#chunks[i] as Buffer).length;
    if (length > max + 2) throw new LineTooLong();
    const whole = this.take(length) as Buffer;
    const cut = whole.length > 1 && whole[whole.length - 2] === CR ? 2 : 1;
    return whole.subarray(0, whole.length - cut);
  }

  /** Exactly `n` bytes, or null when they are not all here. No copy where one chunk holds them. */
  take(n: number): Buffer | null {
    if (this.#size < n) return null;
    const whole = this.#head(n) ?? this.#gather(n);
    this.#restart();
    return whole;
  }

  #head(n: number): Buffer | null {
    const first = this.#chunks[0];
    if (first === undefined) return Buffer.alloc(0);
    if (first.length - this.#at < n) return null;
    const part = first.subarray(this.#at, this.#at + n);
    this.#drop(n);
    return part;
  }

  #gather(n: number): Buffer {
    const whole = Buffer.allocUnsafe(n);
    this.drain(whole, 0);
    return whole;
  }

  /** Moves what is held into `target` from `at`, as far as it goes; answers how many bytes. For blocks larger than any chunk. */
  drain(target: Buffer, at: number): number {
    let moved = 0;
    let used = 0;
    while (used < this.#chunks.length && at + moved < target.length) {
      const chunk = this.#chunks[used] as Buffer;
      const n = Math.min(chunk.length - this.#at, target.length - at - moved);
      chunk.copy(target, at + moved, this.#at, this.#at + n);
      moved += n;
      this.#at += n;
      if (this.#at === chunk.length) {
        used++;
        this.#at = 0;
      }
    }
    if (used > 0) this.#chunks.splice(0, used);
    this.#size -= moved;
    this.#restart();
    return moved;
  }

  /** Throws away up to `n` bytes; answers how many. */
  skip(n: number): number {
    let left = Math.min(n, this.#size);
    const skipped = left;
    while (left > 0) {
      const step = Math.min(left, (this.#chunks[0] as Buffer).length - this.#at);
      this.#drop(step);
      left -= step;
    }
    this.#restart();
    return skipped;
  }

  /** Forgets everything held. */
  clear(): void {
    this.#chunks = [];
    this.#size = 0;
    this.#at = 0;
    this.#restart();
  }

  #drop(n: number): void {
    this.#at += n;
    this.#size -= n;
    if (this.#at === (this.#chunks[0] as Buffer).length) {
      this.#chunks.shift();
      this.#at = 0;
    }
  }

  #restart(): void {
    this.#scanChunk = 0;
    this.#scanAt = this.#at;
  }
}
