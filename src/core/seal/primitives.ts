/**
 * The few primitives that sealing and keyslots stand on, behind one door. `portablePrimitives` are noble's and run in a
 * browser, a Worker and Node; a runtime may hand in faster native ones, held equal by test. Inputs of wrong length throw
 * `RangeError`; a tag that does not verify is `null`, never an exception and never partial plaintext.
 */
import { chacha20poly1305, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { ml_kem768_x25519 } from "@noble/post-quantum/hybrid.js";

/** X-Wing (draft-connolly-cfrg-xwing-kem): ML-KEM-768 and X25519, combined by SHA3-256. */
export const xwing = { publicKeyBytes: 1216, cipherTextBytes: 1120, seedBytes: 32, secretBytes: 32, coinBytes: 64 };

export interface SealPrimitives {
  /** `seed` is 32 bytes. */
  kemPublicKey(seed: Uint8Array): Uint8Array;
  /** A fresh shared secret of 32 bytes for that public key. */
  kemEncapsulate(publicKey: Uint8Array): { cipherText: Uint8Array; sharedSecret: Uint8Array };
  /** Holds one expanded secret key, so that a batch expands it once. A forged ciphertext gives an unrelated secret. */
  kemDecapsulator(seed: Uint8Array): (cipherText: Uint8Array) => Uint8Array;
  sha256(bytes: Uint8Array): Uint8Array;
  /** HKDF-SHA256, RFC 5869. */
  hkdf(secret: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Uint8Array;
  /** ChaCha20-Poly1305, RFC 8439: ciphertext and 16-byte tag. Key 32 bytes, nonce 12. */
  seal(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array;
  open(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | null;
  /** XChaCha20-Poly1305: nonce 24 bytes. */
  wrap(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array): Uint8Array;
  unwrap(key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Uint8Array | null;
}

export const portablePrimitives: SealPrimitives = {
  kemPublicKey: (seed) => ml_kem768_x25519.keygen(exactly(seed, xwing.seedBytes)).publicKey,
  kemEncapsulate: (publicKey) => ml_kem768_x25519.encapsulate(exactly(publicKey, xwing.publicKeyBytes)),
  kemDecapsulator(seed) {
    const own = exactly(seed, xwing.seedBytes).slice();
    return (cipherText) => ml_kem768_x25519.decapsulate(exactly(cipherText, xwing.cipherTextBytes), own);
  },
  sha256: (bytes) => sha256(bytes),
  hkdf: (secret, salt, info, length) => hkdf(sha256, secret, salt, info, length),
  seal: (key, nonce, aad, plain) => chacha20poly1305(exactly(key, 32), exactly(nonce, 12), aad).encrypt(plain),
  open: (key, nonce, aad, sealed) =>
    orNull(() => chacha20poly1305(exactly(key, 32), exactly(nonce, 12), aad).decrypt(sealed)),
  wrap: (key, nonce, aad, plain) => xchacha20poly1305(exactly(key, 32), exactly(nonce, 24), aad).encrypt(plain),
  unwrap: (key, nonce, aad, sealed) =>
    orNull(() => xchacha20poly1305(exactly(key, 32), exactly(nonce, 24), aad).decrypt(sealed)),
};

/** Length check in one place; every implementation of `SealPrimitives` uses it. */
export function exactly(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length !== length) throw new RangeError(`expected ${length} bytes, got ${bytes.length}`);
  return bytes;
}

function orNull(open: () => Uint8Array): Uint8Array | null {
  try {
    return open();
  } catch (cause) {
    if (cause instanceof RangeError) throw cause;
    return null;
  }
}
