/**
 * Opening: ciphertext in any slicing in, the head and then the raw bytes out, in constant memory. Every chunk is
 * verified before any of it is given away, but an object is whole only when the iterator has ended without `SealError`:
 * a caller must be able to take back what it did with earlier chunks (a transaction that rolls back).
 */
import { concat, equalConstantTime, readU32be, utf8Decode } from "../bytes.ts";
import { limits } from "../limits.ts";
import { type InnerEnvelope, innerEnvelopeSchema } from "./envelope.ts";
import { chunkBytes, chunkNonce, contentKey, headerBytes, keyIdOf, readHeader, SealError, tagBytes } from "./format.ts";
import { padme } from "./padme.ts";
import type { SealPrimitives } from "./primitives.ts";

/** Holds a mailbox's secret key for as many messages as are opened with it. */
export type Opener = {
  primitives: SealPrimitives;
  keyId: Uint8Array;
  decapsulate: (cipherText: Uint8Array) => Uint8Array;
};

/** `seed` is the mailbox's 32-byte X-Wing seed. */
export function openerOf(seed: Uint8Array, primitives: SealPrimitives): Opener {
  const keyId = keyIdOf(primitives.kemPublicKey(seed), primitives);
  return { primitives, keyId, decapsulate: primitives.kemDecapsulator(seed) };
}

export type Opened<Head> = {
  head: Head;
  /** Raw bytes in all. */
  size: number;
  /** Iterate to the end: only then is the object known to be whole. */
  raw: Iterable<Uint8Array>;
};

/** Mail for a mailbox. Throws `SealError` for every failure. */
export function openMessage(chunks: Iterable<Uint8Array>, opener: Opener): Opened<InnerEnvelope> {
  const opened = openFrame(chunks, opener);
  const inner = innerEnvelopeSchema.safeParse(opened.head);
  if (!inner.success) throw new SealError();
  return { ...opened, head: inner.data };
}

/** Any head; the caller checks its shape. */
export function openFrame(chunks: Iterable<Uint8Array>, opener: Opener): Opened<unknown> {
  const plain = plaintext(chunks, opener);
  const source = new Source(plain);
  const content = readU32be(source.take(4), 0);
  const headLength = readU32be(source.take(4), 0);
  if (headLength > limits.callBytes || headLength + 4 > content) throw new SealError();
  const head = parseHead(source.take(headLength));
  const size = content - 4 - headLength;
  return { head, size, raw: rawAndPadding(source, size, padme(4 + content) - 4 - content) };
}

/** A whole object at once. */
export function openBytes(sealed: Uint8Array, opener: Opener): { head: unknown; raw: Uint8Array<ArrayBuffer> } {
  const { head, size, raw } = openFrame([sealed], opener);
  if (size > sealed.length) throw new SealError();
  return { head, raw: concat(...raw) };
}

function parseHead(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(utf8Decode(bytes));
  } catch {
    throw new SealError();
  }
}

function* rawAndPadding(source: Source, size: number, padding: number): Generator<Uint8Array> {
  for (let left = size; left > 0; ) {
    const piece = source.some(left);
    left -= piece.length;
    yield piece;
  }
  for (let left = padding; left > 0; ) {
    const zeros = source.some(left);
    if (zeros.some((byte) => byte !== 0)) throw new SealError();
    left -= zeros.length;
  }
  source.end();
}

function* plaintext(chunks: Iterable<Uint8Array>, opener: Opener): Generator<Uint8Array> {
  const input = new Source(chunks[Symbol.iterator]());
  const header = input.take(headerBytes).slice();
  const { keyId, cipherText } = readHeader(header);
  if (!equalConstantTime(keyId, opener.keyId)) throw new SealError();
  const secret = sharedSecret(opener, cipherText);
  const key = contentKey(opener.primitives, secret, header);
  secret.fill(0);
  try {
    for (let counter = 0, last = false; !last; counter++) {
      const sealed = input.upTo(chunkBytes + tagBytes);
      last = input.atEnd();
      const plain = opener.primitives.open(key, chunkNonce(counter, last), header, sealed);
      if (plain === null) throw new SealError();
      yield plain;
    }
  } finally {
    key.fill(0);
  }
}

// A low-order X25519 point makes implementations throw where a wrong key does not.
function sharedSecret(opener: Opener, cipherText: Uint8Array): Uint8Array {
  try {
    return opener.decapsulate(cipherText);
  } catch {
    throw new SealError();
  }
}

// Pulls slices of any size from an iterator of slices of any other size.
class Source {
  #held: Uint8Array = new Uint8Array(0);
  readonly #pieces: Iterator<Uint8Array>;

  constructor(pieces: Iterator<Uint8Array>) {
    this.#pieces = pieces;
  }

  atEnd(): boolean {
    while (this.#held.length === 0) {
      const next = this.#pieces.next();
      if (next.done) return true;
      this.#held = next.value;
    }
    return false;
  }

  /** At least one byte, at most `most`; fails at the end. */
  some(most: number): Uint8Array {
    if (this.atEnd()) throw new SealError();
    const piece = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(piece.length);
    return piece;
  }

  /** `most` bytes, or what is left. Copies only where a boundary falls inside. */
  upTo(most: number): Uint8Array {
    if (this.#held.length >= most) return this.some(most);
    const parts: Uint8Array[] = [];
    let length = 0;
    while (length < most && !this.atEnd()) {
      const piece = this.some(most - length);
      parts.push(piece);
      length += piece.length;
    }
    return parts.length === 1 && parts[0] ? parts[0] : concat(...parts);
  }

  take(length: number): Uint8Array {
    const bytes = this.upTo(length);
    if (bytes.length !== length) throw new SealError();
    return bytes;
  }

  end(): void {
    if (!this.atEnd()) throw new SealError();
  }
}
