/**
 * A message on its way to the disk, in one pass and constant memory: the header, bytes of its own, and long stretches that other
 * messages may share. A stretch is what stands between an empty line and the next line that begins like a MIME boundary ("--"): the
 * body of a part, found without believing any header. Where it is wrong about that it costs a chance to share, never a byte.
 */
import { createHash, type Hash } from "node:crypto";
import { Chunker } from "./chunks.ts";

/** A stretch this long is worth a place of its own. */
export const sharedFrom = 64 * 1024;

/** Where the pieces go, in order. Chunks are good only during the call. */
export interface Shelf {
  /** The message's own bytes: number 0 is the header, the others follow in chunks of one size. */
  own(number: number, bytes: Uint8Array): void;
  /** A chunk of the stretch that is coming. */
  shared(number: number, bytes: Uint8Array): void;
  /** The stretch is whole: where it stands in the message, and its SHA-256. */
  sharedEnd(stretch: Stretch): void;
}

/** Offsets in the message. */
export type Stretch = { start: number; end: number; digest: Buffer };

const none = Buffer.alloc(0);
/** "\r\n--" less one byte: what may be the beginning of a mark. */
const doubt = 3;
/** Bytes worked on at a time: more than what can be in doubt. */
const room = 4 * sharedFrom;

export class Splitter {
  readonly #shelf: Shelf;
  readonly #whole = createHash("sha256");
  readonly #own: Chunker;
  readonly #shared: Chunker;
  #ownNumber = 0;
  #sharedNumber = 0;
  /** Header bytes until it is whole. */
  #header: Buffer = none;
  #headerSize = -1;
  /** Begins with `held` bytes in doubt, or of a stretch not long enough yet. */
  readonly #work = Buffer.allocUnsafeSlow(room);
  #held = 0;
  /** Bytes of the message in front of what is held. */
  #at = 0;
  /** null: between a boundary and the next empty line. */
  #stretch: { start: number; digest: Hash; open: boolean } | null = null;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
    this.#own = new Chunker((bytes) => shelf.own(this.#ownNumber++, bytes));
    this.#shared = new Chunker((bytes) => shelf.shared(this.#sharedNumber++, bytes));
  }

  push(piece: Uint8Array): void {
    this.#whole.update(piece);
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    if (this.#headerSize < 0) this.#pushHeader(bytes);
    else this.#pushBody(bytes);
  }

  end(): { size: number; headerSize: number; digest: Buffer } {
    if (this.#headerSize < 0) this.#endHeader(this.#header);
    this.#split(this.#held, true);
    this.#closeStretch();
    this.#own.flush();
    const [size, headerSize] = [this.#at, this.#headerSize];
    return { size, headerSize, digest: this.#whole.digest() };
  }

  /** Overwrites what was held in clear. */
  wipe(): void {
    for (const one of [this.#header, this.#work]) one.fill(0);
    this.#own.wipe();
    this.#shared.wipe();
  }

  #pushHeader(bytes: Buffer): void {
    const had = this.#header;
    const all = had.length === 0 ? bytes : Buffer.concat([had, bytes]);
    had.fill(0);
    const end = afterEmptyLine(all, Math.max(0, had.length - doubt), true);
    if (end < 0) this.#header = all === bytes ? Buffer.from(bytes) : all;
    else {
      this.#endHeader(all.subarray(0, end));
      this.#pushBody(all.subarray(end));
    }
  }

  #endHeader(header: Buffer): void {
    this.#headerSize = header.length;
    this.#shelf.own(this.#ownNumber++, header);
    this.#at = header.length;
    this.#openStretch();
  }

  #openStretch(): void {
    this.#stretch = { start: this.#at, digest: createHash("sha256"), open: false };
  }

  #pushBody(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const taken = bytes.copy(this.#work, this.#held, at, at + room - this.#held);
      at += taken;
      this.#split(this.#held + taken, false);
    }
  }

  #split(length: number, last: boolean): void {
    let left = this.#work.subarray(0, length);
    for (;;) {
      const cut = this.#stretch ? boundaryIn(left, this.#at === this.#stretch.start) : afterEmptyLine(left, 0, false);
      if (cut < 0) break;
      this.#give(left.subarray(0, cut));
      left = left.subarray(cut);
      if (this.#stretch) this.#closeStretch();
      else this.#openStretch();
    }
    const sure = last ? left.length : this.#sureOf(left);
    this.#give(left.subarray(0, sure));
    this.#held = left.copy(this.#work, 0, sure);
  }

  // A stretch goes nowhere before it is known to be long: until then it is held whole.
  #sureOf(left: Buffer): number {
    const sure = Math.max(0, left.length - doubt);
    return this.#stretch && !this.#stretch.open && sure < sharedFrom ? 0 : sure;
  }

  #give(bytes: Buffer): void {
    const stretch = this.#stretch;
    if (stretch && (stretch.open || bytes.length >= sharedFrom)) {
      stretch.open = true;
      stretch.digest.update(bytes);
      this.#shared.push(bytes);
    } else this.#own.push(bytes);
    this.#at += bytes.length;
  }

  #closeStretch(): void {
    const stretch = this.#stretch;
    this.#stretch = null;
    if (!stretch?.open) return;
    this.#shared.flush();
    this.#sharedNumber = 0;
    this.#shelf.sharedEnd({ start: stretch.start, end: this.#at, digest: stretch.digest.digest() });
  }
}

/** Offset of the line end before a line that begins with "--", or -1. `lineStart`: the bytes begin a line. */
function boundaryIn(bytes: Buffer, lineStart: boolean): number {
  if (lineStart && bytes[0] === 0x2d && bytes[1] === 0x2d) return 0;
  const found = bytes.indexOf("\n--", 0, "latin1");
  return found > 0 && bytes[found - 1] === 0x0d ? found - 1 : found;
}

/**
 * Offset behind the first empty line from `from` on, or -1. LF ends a line, with or without CR (as `core/message/header.ts` reads).
 * `lineStart`: the bytes begin a line.
 */
function afterEmptyLine(bytes: Buffer, from: number, lineStart: boolean): number {
  if (lineStart && bytes[0] === 0x0a) return 1;
  if (lineStart && bytes[0] === 0x0d && bytes[1] === 0x0a) return 2;
  for (let at = bytes.indexOf(0x0a, from); at >= 0; at = bytes.indexOf(0x0a, at + 1)) {
    if (bytes[at + 1] === 0x0a) return at + 2;
    if (bytes[at + 1] === 0x0d && bytes[at + 2] === 0x0a) return at + 3;
  }
  return -1;
}
