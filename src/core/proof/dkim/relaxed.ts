/**
 * The relaxed body (RFC 6376 §3.4.4) without touching most of its bytes. Only three things change: white space other than
 * one SP becomes one SP, white space before a CRLF goes, and so do empty lines at the end. So the work is to find such spots fast:
 * long stretches without white space by the runtime's own search, the rest four bytes at a time.
 */

export type Sink = (bytes: Uint8Array) => void;

const CR = 13;
const LF = 10;
const SP = 32;
const TAB = 9;

export function isLineEnd(body: Uint8Array, at: number, lf: boolean): boolean {
  const byte = body[at];
  return (byte === CR && body[at + 1] === LF) || (lf && byte === LF);
}

/** One past the last byte that counts: line ends at the end go, and in relaxed the white space among them. */
export function lastContent(body: Uint8Array, relaxed: boolean, lf: boolean): number {
  let end = body.length;
  for (;;) {
    const last = body[end - 1];
    if (last === LF && body[end - 2] === CR) end -= 2;
    else if ((lf && last === LF) || (relaxed && (last === SP || last === TAB))) end -= 1;
    else return end;
  }
}

const bufferBytes = 64 * 1024;
/** A piece this long goes to the hash as it lies; a shorter one is gathered with its neighbours. */
const worthSlicing = 8 * 1024;
/** A stretch without white space this long is worth a jump. */
const worthJumping = 256;
const blockBytes = 4096;
const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

export class Relaxed {
  private readonly out: Uint8Array;
  private used = 0;
  private nextSpace = -1;
  private nextTab = -1;
  private readonly body: Uint8Array;
  private readonly words: Int32Array;
  /** Offset in `body` of the first whole word. */
  private readonly firstWord: number;
  private readonly sink: Sink;

  /** `body` ends with content (`lastContent`). */
  constructor(body: Uint8Array, sink: Sink) {
    this.body = body;
    this.sink = sink;
    this.out = new Uint8Array(Math.min(bufferBytes, body.length + 1));
    this.firstWord = Math.min(body.length, (4 - (body.byteOffset & 3)) & 3);
    const count = littleEndian ? (body.length - this.firstWord) >> 2 : 0;
    this.words = count > 0 ? new Int32Array(body.buffer, body.byteOffset + this.firstWord, count) : new Int32Array(0);
  }

  run(): void {
    const { body } = this;
    let start = 0;
    for (let at = this.nextSpot(0); at < body.length; at = this.nextSpot(start)) {
      this.emit(start, at);
      start = this.pastWhite(at);
      if (!isLineEnd(body, start, false)) this.out[this.used++] = SP;
    }
    this.emit(start, body.length);
    this.flush();
  }

  private pastWhite(at: number): number {
    while (this.body[at] === SP || this.body[at] === TAB) at++;
    return at;
  }

  /** Leaves room for one more byte. */
  private emit(start: number, end: number): void {
    const length = end - start;
    if (length >= worthSlicing) {
      this.flush();
      this.sink(this.body.subarray(start, end));
      return;
    }
    if (this.used + length >= this.out.length) this.flush();
    this.gather(start, end);
  }

  private gather(start: number, end: number): void {
    const { body, out } = this;
    let used = this.used;
    // A view costs as much as copying some dozens of bytes.
    if (end - start > 64) out.set(body.subarray(start, end), used);
    else for (let at = start; at < end; at++) out[used++] = body[at] as number;
    this.used += end - start;
  }

  private flush(): void {
    if (this.used > 0) this.sink(this.out.subarray(0, this.used));
    this.used = 0;
  }

  /** The next white space, from `at` on, that does not stay as it is; the body's length when there is none. */
  private nextSpot(at: number): number {
    const { body } = this;
    while (at < body.length) {
      const white = this.whiteFrom(at);
      if (white - at >= worthJumping) at = white;
      const end = Math.min(body.length, at + blockBytes, this.nextTab);
      const spot = this.spotIn(at, end);
      if (spot >= 0) return spot;
      if (end === this.nextTab) return end;
      at = end;
    }
    return at;
  }

  private whiteFrom(at: number): number {
    if (this.nextSpace < at) this.nextSpace = this.find(SP, at);
    if (this.nextTab < at) this.nextTab = this.find(TAB, at);
    return Math.min(this.nextSpace, this.nextTab);
  }

  private find(byte: number, at: number): number {
    const found = this.body.indexOf(byte, at);
    return found < 0 ? this.body.length : found;
  }

  /** The first SP in [at, end) with white space or a line end behind it, or -1. There is no TAB in between. */
  private spotIn(at: number, end: number): number {
    const { words, firstWord } = this;
    const first = Math.max(0, (at - firstWord + 3) >> 2);
    const last = Math.min(words.length, (end - firstWord) >> 2);
    if (last <= first) return this.spotAmong(at, end);
    const head = this.spotAmong(at, firstWord + 4 * first);
    if (head >= 0) return head;
    let before = 0;
    for (let i = first; i < last; i++) {
      const word = words[i] as number;
      // The high bit of each byte that is at most 0x20; exact, no borrow runs from byte to byte.
      const low = ~(((word & 0x7f7f7f7f) + 0x5f5f5f5f) | 0 | word) & 0x80808080;
      if (((low & (low >>> 8)) | (low & before)) !== 0) {
        const from = firstWord + 4 * i;
        const spot = this.spotAmong(Math.max(at, from - 1), Math.min(end, from + 4));
        if (spot >= 0) return spot;
      }
      before = low >>> 24;
    }
    return this.spotAmong(Math.max(at, firstWord + 4 * last - 1), end);
  }

  private spotAmong(at: number, end: number): number {
    const { body } = this;
    for (; at < end; at++) {
      if (body[at] !== SP) continue;
      const next = body[at + 1];
      if (next === SP || next === TAB || (next === CR && body[at + 2] === LF)) return at;
    }
    return -1;
  }
}
