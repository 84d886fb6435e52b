/**
 * Transit keys: relay jobs have no owner logged in, so they are sealed to the node itself, to an X-Wing key that changes
 * daily. A retired seed is destroyed once no job sealed to it can still be waiting, and with it whatever a copied disk or
 * a recorded hand-off would have told.
 */

import { fromHex, hex, toBase64 } from "../../core/bytes.ts";
import type { Clock, Random } from "../../core/ports.ts";
import { headerBytes, keyIdOf, readHeader, SealError } from "../../core/seal/format.ts";
import { type Opener, openBytes, openerOf } from "../../core/seal/open.ts";
import type { SealPrimitives } from "../../core/seal/primitives.ts";
import { sealedBytes, sealFrame } from "../../core/seal/seal.ts";
import { day } from "./schedule.ts";
import type { Spool } from "./spool.ts";
import type { TransitRow } from "./spool-file.ts";

export type TransitPublic = { publicKey: string; keyId: string };

/** Current for a day, kept for five more: what the heartbeat says once a minute is at most a day old, a job lives five. */
const currentFor = day;
const keptAfter = 5 * day;

export type TransitDeps = { spool: Spool; primitives: SealPrimitives; clock: Clock; random: Random };

export class Transit {
  readonly #deps: TransitDeps;
  readonly #openers = new Map<string, { opener: Opener; retiredAt: number | null }>();
  #current: { publicKey: Uint8Array; keyId: string; madeAt: number };

  private constructor(deps: TransitDeps, current: { publicKey: Uint8Array; keyId: string; madeAt: number }) {
    this.#deps = deps;
    this.#current = current;
  }

  static async open(deps: TransitDeps): Promise<Transit> {
    const rows = await deps.spool.transit();
    const kept = rows.find((row) => row.retiredAt === null) ?? (await newKey(deps));
    const publicKey = deps.primitives.kemPublicKey(kept.seed);
    const transit = new Transit(deps, { publicKey, keyId: kept.keyId, madeAt: kept.madeAt });
    for (const row of rows.includes(kept) ? rows : [...rows, kept]) transit.#remember(row);
    await transit.rotateIfDue();
    return transit;
  }

  /** For the heartbeat: what the edge seals to. */
  publicKey(): TransitPublic {
    return { publicKey: toBase64(this.#current.publicKey), keyId: this.#current.keyId };
  }

  /** Seals a job of the node's own making. */
  seal(head: unknown, raw: Uint8Array): Uint8Array {
    const { publicKey, keyId } = this.#current;
    return sealedBytes(sealFrame({ publicKey, keyId, head, raw }, this.#deps.primitives));
  }

  /** Throws `SealError` when the job is damaged or its seed is gone. */
  open(sealed: Uint8Array): { head: unknown; raw: Uint8Array } {
    const { keyId } = readHeader(sealed.subarray(0, headerBytes));
    const found = this.#openers.get(hex(keyId));
    if (found === undefined) throw new SealError();
    return openBytes(sealed, found.opener);
  }

  /** Call it now and then: cheap unless a day has passed. */
  async rotateIfDue(): Promise<void> {
    const now = this.#deps.clock();
    if (now - this.#current.madeAt < currentFor) return;
    const retired = this.#openers.get(this.#current.keyId);
    const row = await newKey(this.#deps);
    if (retired) retired.retiredAt = row.madeAt;
    this.#current = { publicKey: this.#deps.primitives.kemPublicKey(row.seed), keyId: row.keyId, madeAt: row.madeAt };
    this.#remember(row);
    for (const [keyId, { retiredAt }] of this.#openers)
      if (retiredAt !== null && retiredAt < now - keptAfter) this.#openers.delete(keyId);
  }

  #remember({ seed, keyId, retiredAt }: TransitRow): void {
    const opener = openerOf(seed, this.#deps.primitives);
    seed.fill(0);
    this.#openers.set(keyId, { opener: { ...opener, keyId: fromHex(keyId) }, retiredAt });
  }
}

async function newKey({ spool, primitives, clock, random }: TransitDeps): Promise<TransitRow> {
  const seed = random(32);
  const madeAt = clock();
  const keyId = hex(keyIdOf(primitives.kemPublicKey(seed), primitives));
  await spool.rotate({ keyId, seed, madeAt, retiredAt: null }, madeAt - keptAfter);
  return { keyId, seed, madeAt, retiredAt: null };
}
