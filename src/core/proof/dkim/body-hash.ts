/**
 * Body hashes for any number of signatures in one pass per canonicalisation. Signatures that agree in canonicalisation
 * and l= share a hash; those that differ in l= alone share the pass.
 */
import { equalConstantTime } from "../../bytes.ts";
import type { Crypto, Hash } from "../../ports.ts";
import { type Canon, canonicalBody, hasBareLf } from "./body.ts";

/** What of the body a signature covers; `length` null is all of it. */
export type Coverage = { canon: Canon; length: number | null };
export type BodyVerdict = "match" | "mismatch" | "too-long";

type Meter = { hash: Hash; limit: number; seen: number; digest: Uint8Array | null };

export class BodyHashes {
  private readonly meters = new Map<string, Meter>();
  private readonly asked: Coverage[] = [];
  private mended: BodyHashes | null = null;
  private bare: boolean | null = null;
  private done = false;
  private readonly body: Uint8Array;
  private readonly crypto: Crypto;
  private readonly lf: boolean;

  /** `lf`: bare LFs are line ends (the message is a Unix file). */
  constructor(body: Uint8Array, crypto: Crypto, lf: boolean) {
    this.body = body;
    this.crypto = crypto;
    this.lf = lf;
  }

  /** Every coverage is announced before the first `check`, so that the pass serves them all. */
  want(coverage: Coverage): void {
    const key = keyOf(coverage);
    if (this.meters.has(key)) return;
    this.asked.push(coverage);
    const limit = coverage.length ?? Number.POSITIVE_INFINITY;
    this.meters.set(key, { hash: this.crypto.sha256(), limit, seen: 0, digest: null });
  }

  /** Compares with bh=. A body with bare LFs is tried as it stands first, then with CRLF in their place. */
  check(coverage: Coverage, expected: Uint8Array): BodyVerdict {
    const verdict = this.compare(coverage, expected);
    if (verdict === "match" || this.lf || !this.hasBareLf()) return verdict;
    this.mended ??= this.withLineEndsMended();
    return this.mended.compare(coverage, expected);
  }

  /** The digest of a coverage that was announced. */
  digest(coverage: Coverage): Uint8Array {
    return this.meter(coverage).digest ?? new Uint8Array();
  }

  private compare(coverage: Coverage, expected: Uint8Array): BodyVerdict {
    const meter = this.meter(coverage);
    // RFC 6376 §3.5: l= must not be larger than the canonical body.
    if (coverage.length !== null && meter.seen < coverage.length) return "too-long";
    return meter.digest && equalConstantTime(meter.digest, expected) ? "match" : "mismatch";
  }

  private meter(coverage: Coverage): Meter {
    if (!this.done) this.run();
    const meter = this.meters.get(keyOf(coverage));
    if (meter === undefined) throw new RangeError("this coverage was not announced");
    return meter;
  }

  private run(): void {
    this.done = true;
    for (const canon of ["simple", "relaxed"] as const) {
      const meters = this.asked.filter((one) => one.canon === canon).map((one) => this.meters.get(keyOf(one)));
      if (meters.length > 0) canonicalBody(canon, this.body, this.lf, (bytes) => feed(meters, bytes));
    }
    for (const meter of this.meters.values()) meter.digest = meter.hash.digest();
  }

  private hasBareLf(): boolean {
    this.bare ??= hasBareLf(this.body);
    return this.bare;
  }

  private withLineEndsMended(): BodyHashes {
    const mended = new BodyHashes(this.body, this.crypto, true);
    for (const coverage of this.asked) mended.want(coverage);
    return mended;
  }
}

function keyOf({ canon, length }: Coverage): string {
  return `${canon} ${length ?? ""}`;
}

function feed(meters: readonly (Meter | undefined)[], bytes: Uint8Array): void {
  for (const meter of meters) {
    if (meter === undefined || meter.seen >= meter.limit) continue;
    const part = bytes.length <= meter.limit - meter.seen ? bytes : bytes.subarray(0, meter.limit - meter.seen);
    meter.hash.update(part);
    meter.seen += part.length;
  }
}
