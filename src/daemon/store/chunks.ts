/** Stored pieces of messages: at most 128 KiB each, compressed where that is worth it. */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

export type Chunk = { codec: number; bytes: Uint8Array };

export const bodyChunk = 128 * 1024;
/** Rows of one message or shared stretch: row id = its id * `chunkRoom` + number. */
export const chunkRoom = 65_536;
const codecs = { plain: 0, zstd: 1 };
// Below this, one 4 KiB page holds the bytes either way, and a decompression costs more (40 µs) than reading it.
const worthCompressing = 3500;
/** Compressed is kept where it is at most this much of the size. */
const worthwhile = 0.7;
const sampleBytes = 4096;
const fast = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

/** What is not compressed is `bytes` itself, not a copy. */
export function chunkOf(bytes: Uint8Array): Chunk {
  if (bytes.length >= worthCompressing && isCompressible(bytes)) {
    const smaller = zstdCompressSync(bytes, fast);
    if (smaller.length < bytes.length * worthwhile) return { codec: codecs.zstd, bytes: smaller };
  }
  return { codec: codecs.plain, bytes };
}

// An attachment in base64 would shrink by its quarter of air alone, at five times the price of reading it: its middle tells.
function isCompressible(bytes: Uint8Array): boolean {
  if (bytes.length < 4 * sampleBytes) return true;
  const from = Math.floor(bytes.length / 2);
  const sample = bytes.subarray(from, from + sampleBytes);
  return zstdCompressSync(sample, fast).length < sampleBytes * worthwhile;
}

/** `most`: it certainly has no more bytes than that. */
export function unpackChunk(codec: number, bytes: Uint8Array, most: number): Uint8Array {
  // Room for a whole chunk at once, and one byte for zlib to see that it is the end: no joining of pieces.
  return codec === codecs.zstd
    ? zstdDecompressSync(bytes, { chunkSize: Math.max(64, Math.min(bodyChunk, most) + 1) })
    : bytes;
}

/** Gathers bytes of any slicing into whole chunks; each is good until the next one comes. */
export class Chunker {
  readonly #buffer = Buffer.allocUnsafeSlow(bodyChunk);
  readonly #emit: (bytes: Uint8Array) => void;
  #length = 0;

  constructor(emit: (bytes: Uint8Array) => void) {
    this.#emit = emit;
  }

  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const piece = bytes.subarray(at, at + bodyChunk - this.#length);
      this.#buffer.set(piece, this.#length);
      this.#length += piece.length;
      at += piece.length;
      if (this.#length === bodyChunk) this.flush();
    }
  }

  /** What is left goes out as it is. */
  flush(): void {
    if (this.#length === 0) return;
    this.#emit(this.#buffer.subarray(0, this.#length));
    this.#length = 0;
  }

  wipe(): void {
    this.#buffer.fill(0);
    this.#length = 0;
  }
}
