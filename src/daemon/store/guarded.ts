/**
 * A secret in guarded memory of its own: locked against swapping where RLIMIT_MEMLOCK allows, left out of core dumps, not readable
 * between uses, wiped when done. Belongs to the thread that made it.
 */
import { timingSafeEqual } from "node:crypto";
import sodium from "sodium-native";

export class Guarded {
  readonly #memory: Buffer;
  #wiped = false;

  /** Takes the bytes over: `secret` is zeroed. */
  constructor(secret: Uint8Array) {
    this.#memory = sodium.sodium_malloc(secret.length);
    this.#memory.set(secret);
    secret.fill(0);
    sodium.sodium_mprotect_noaccess(this.#memory);
  }

  /** `work` must not keep the bytes. */
  use<T>(work: (secret: Uint8Array) => T): T {
    if (this.#wiped) throw new Error("the secret was wiped");
    sodium.sodium_mprotect_readonly(this.#memory);
    try {
      return work(this.#memory);
    } finally {
      sodium.sodium_mprotect_noaccess(this.#memory);
    }
  }

  equals(other: Uint8Array): boolean {
    return this.use((secret) => secret.length === other.length && timingSafeEqual(secret, other));
  }

  wipe(): void {
    if (this.#wiped) return;
    this.#wiped = true;
    sodium.sodium_mprotect_readwrite(this.#memory);
    sodium.sodium_memzero(this.#memory);
    sodium.sodium_free(this.#memory);
  }
}
