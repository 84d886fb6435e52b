/**
 * The sealed format, suite 1, byte by byte. Integers are big-endian.
 *
 *     offset  bytes  field
 *          0      4  magic "PSTN"
 *          4      1  version, 1
 *          5      1  suite, 1: X-Wing, HKDF-SHA256, ChaCha20-Poly1305
 *          6      4  chunk size: plaintext bytes of every chunk but the last, 262,144
 *         10     16  key id: the first 16 bytes of SHA-256 of the recipient's public key
 *         26   1120  KEM ciphertext
 *       1146      …  chunks: ciphertext of `chunk size` bytes, then a 16-byte tag; the last one is shorter or equal
 *
 *     shared secret = X-Wing.Decapsulate(KEM ciphertext)
 *     key   = HKDF-SHA256(shared secret, salt "", info "postern/seal/1" ‖ key id ‖ SHA-256(header), 32 bytes)
 *     nonce = 7 zero bytes ‖ u32 chunk counter from 0 ‖ 1 for the last chunk, else 0
 *     associated data of every chunk = the 1,146 bytes of the header
 *
 * The plaintext of all chunks together:
 *
 *     4  content length n
 *     n  content: `contract/frame.ts` (u32 head length ‖ head as JSON ‖ raw bytes)
 *     …  zero bytes up to Padmé(4 + n)
 *
 * One key seals one message, so a counter nonce never repeats; counter and last flag in the nonce and the header as
 * associated data make a reordered, cut, spliced or re-headed object fail. There is always at least one chunk.
 */
import { concat, readU32be, u32be, utf8 } from "../bytes.ts";
import { labels } from "./labels.ts";
import { padme } from "./padme.ts";
import { exactly, type SealPrimitives, xwing } from "./primitives.ts";

export const chunkBytes = 256 * 1024;
export const tagBytes = 16;
export const headerBytes = 10 + 16 + xwing.cipherTextBytes;
const magic = utf8("PSTN");
const version = 1;
const suite = 1;

/** The one error of this format: whatever is wrong with a sealed object, nobody learns which check failed. */
export class SealError extends Error {
  constructor() {
    super("sealed object does not open");
    this.name = "SealError";
  }
}

export function writeHeader(keyId: Uint8Array, cipherText: Uint8Array): Uint8Array {
  const lead = Uint8Array.of(version, suite);
  return concat(magic, lead, u32be(chunkBytes), exactly(keyId, 16), exactly(cipherText, xwing.cipherTextBytes));
}

/** Throws `SealError` on anything but suite 1 as written above. */
export function readHeader(header: Uint8Array): { keyId: Uint8Array; cipherText: Uint8Array } {
  const known =
    header.length === headerBytes &&
    magic.every((byte, i) => header[i] === byte) &&
    header[4] === version &&
    header[5] === suite &&
    readU32be(header, 6) === chunkBytes;
  if (!known) throw new SealError();
  return { keyId: header.slice(10, 26), cipherText: header.slice(26) };
}

export function contentKey(primitives: SealPrimitives, sharedSecret: Uint8Array, header: Uint8Array): Uint8Array {
  const info = concat(utf8(labels.sealedMessage), header.subarray(10, 26), primitives.sha256(header));
  return primitives.hkdf(sharedSecret, new Uint8Array(0), info, 32);
}

/** Refuses a counter past 32 bits rather than repeat a nonce. */
export function chunkNonce(counter: number, last: boolean): Uint8Array {
  if (counter > 0xffffffff) throw new RangeError("too many chunks");
  const nonce = new Uint8Array(12);
  nonce.set(u32be(counter), 7);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

/** Bytes of the whole sealed object for `content` bytes of content. */
export function sealedSize(content: number): number {
  const plain = padme(4 + content);
  return headerBytes + plain + tagBytes * Math.max(1, Math.ceil(plain / chunkBytes));
}

/** Key id of a public key: 16 bytes. */
export function keyIdOf(publicKey: Uint8Array, primitives: SealPrimitives): Uint8Array {
  return primitives.sha256(exactly(publicKey, xwing.publicKeyBytes)).slice(0, 16);
}
