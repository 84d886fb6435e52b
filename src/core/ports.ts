/**
 * What the core asks of the world: names, hashes, signatures, time and chance. The core itself imports no runtime;
 * each half hands these in (`workers/platform.ts`, `src/daemon/platform.ts`), tests hand in fakes that are real code.
 */

/** Bytes in, digest out. Incremental: `update` may be called any number of times, `digest` once. */
export interface Hash {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/** Why a public-key check could not be made, kept apart from "the signature is wrong". */
export type SignatureVerdict = "good" | "bad" | "unusable-key";

export interface Crypto {
  /** Incremental SHA-256 (FIPS 180-4); 32-byte digest. */
  sha256(): Hash;
  /** RSASSA-PKCS1-v1_5 with SHA-256 over `message`. The key is DER, SubjectPublicKeyInfo or bare PKCS#1 (RFC 6376 §3.6.1). */
  verifyRsaSha256(spkiOrPkcs1: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<SignatureVerdict>;
  /** Modulus length in bits of a DER SubjectPublicKeyInfo or PKCS#1 RSAPublicKey; null when it is not an RSA key. */
  rsaBits(spkiOrPkcs1: Uint8Array): number | null;
  /** RFC 8032 pure Ed25519 over `message`; `publicKey` is 32 bytes. */
  verifyEd25519(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<SignatureVerdict>;
  /** `seed` is the 32-byte private seed of RFC 8032; answers 64 bytes. */
  signEd25519(seed: Uint8Array, message: Uint8Array): Promise<Uint8Array>;
  /** PKCS#8 DER private key; PKCS#1 v1.5 with SHA-256. */
  signRsaSha256(pkcs8: Uint8Array, message: Uint8Array): Promise<Uint8Array>;
}

/** DNS record types that the product asks for. */
export interface DnsRecords {
  A: string;
  AAAA: string;
  CNAME: string;
  /** Delegation signer (RFC 4034 §5.3): `key-tag algorithm digest-type digest`, digest in hex. */
  DS: string;
  MX: { priority: number; exchange: string };
  NS: string;
  PTR: string;
  /** RFC 2782; `target` without final dot, and empty where the service is not offered. */
  SRV: { priority: number; weight: number; port: number; target: string };
  /** RFC 6698 §2.2: `usage selector matching-type data`, data in hex. */
  TLSA: string;
  /** One record's character-strings, joined without a separator (RFC 7208 §3.3), as bytes-as-latin1 text. */
  TXT: string;
}
export type DnsType = keyof DnsRecords;

/**
 * One answer. `none` covers both NODATA and NXDOMAIN (RFC 2308), told apart by `nxdomain`; `trouble` is temporary and
 * must never be read as "there is no record".
 */
export type DnsAnswer<T> =
  | {
      kind: "found";
      records: T[];
      /** The resolver says that it has checked the DNSSEC signatures (the AD bit); absent where it does not say. */
      authentic?: true;
    }
  | { kind: "none"; nxdomain: boolean }
  | { kind: "trouble"; reason: "timeout" | "servfail" };

export interface Resolver {
  /** `name` without final dot, in A-label form. Never throws: trouble is an answer. CNAMEs are followed. */
  resolve<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>>;
  /** A view for one message, with its own time budget over the shared cache; absent where time does not matter (zones). */
  forMessage?(): Resolver;
}

/** Milliseconds since the epoch, UTC. */
export type Clock = () => number;

/** `n` bytes from the runtime's cryptographic generator. */
export type Random = (n: number) => Uint8Array;
