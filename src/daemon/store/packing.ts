/** Values end to end in one buffer that crosses threads by transfer. */
import type { Packed } from "./types.ts";

export class Packer {
  readonly #parts: Uint8Array[] = [];
  readonly #ends: number[] = [];
  readonly #state: number[] = [];
  #length = 0;
  #gaps = false;

  get bytes(): number {
    return this.#length;
  }

  push(value: Uint8Array | null | "undecodable"): void {
    const state = value === null ? 1 : value === "undecodable" ? 2 : 0;
    if (value instanceof Uint8Array) {
      this.#parts.push(value);
      this.#length += value.length;
    } else this.#gaps = true;
    this.#state.push(state);
    this.#ends.push(this.#length);
  }

  done(): Packed {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const packed: Packed = { bytes, ends: Uint32Array.from(this.#ends) };
    return this.#gaps ? { ...packed, state: Uint8Array.from(this.#state) } : packed;
  }
}
