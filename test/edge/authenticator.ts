/** A passkey in software (WebAuthn Level 3), written apart from the product; what it says can be bent for tests. */
import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";

/** IANA COSE: ES256, EdDSA, RS256. */
export type CoseAlgorithm = -7 | -8 | -257;

export type Bend = {
  origin?: string;
  rpId?: string;
  type?: string;
  crossOrigin?: boolean;
  /** User present 1, user verified 4. */
  flags?: number;
  counter?: number;
  /** Signs something else. */
  spoil?: true;
  /** A certificate (DER) that claims to attest it. */
  certificate?: Buffer;
};

const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
const sha256 = (bytes: Uint8Array | string): Buffer => createHash("sha256").update(bytes).digest();

// CBOR (RFC 8949 §3).
const map = (pairs: number): Buffer => Buffer.from([0xa0 | pairs]);
const text = (word: string): Buffer => Buffer.concat([Buffer.from([0x60 | word.length]), Buffer.from(word)]);
function bytes(of: Buffer): Buffer {
  const { length } = of;
  const head = length < 24 ? [0x40 | length] : length < 256 ? [0x58, length] : [0x59, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), of]);
}

function pair(algorithm: CoseAlgorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  if (algorithm === -7) return generateKeyPairSync("ec", { namedCurve: "P-256" });
  if (algorithm === -8) return generateKeyPairSync("ed25519");
  return generateKeyPairSync("rsa", { modulusLength: 2048 });
}

/** RFC 9053 §7: kty, alg, crv, x, y; RFC 8230 §4: kty, alg, n, e. */
function coseKey(algorithm: CoseAlgorithm, key: KeyObject): Buffer {
  const { x = "", y = "", n = "", e = "" } = key.export({ format: "jwk" });
  const head = { [-7]: "a5010203262001", [-8]: "a4010103272006", [-257]: "a401030339010020" }[algorithm];
  const [one, two] = algorithm === -257 ? [n, e] : [x, y];
  const parts: Buffer[] = [Buffer.from(head, "hex")];
  if (algorithm !== -257) parts.push(Buffer.from([0x21]));
  parts.push(bytes(Buffer.from(one, "base64url")));
  if (two !== "") parts.push(Buffer.from([algorithm === -257 ? 0x21 : 0x22]), bytes(Buffer.from(two, "base64url")));
  return Buffer.concat(parts);
}

/** §8.2, with a signature that nobody can have made. */
function packed(certificate: Buffer): Buffer[] {
  const statement = [map(3), text("alg"), Buffer.from([0x26]), text("sig"), bytes(Buffer.alloc(70)), text("x5c")];
  return [text("packed"), text("attStmt"), ...statement, Buffer.from([0x81]), bytes(certificate)];
}

export class Authenticator {
  readonly id = randomBytes(32);
  readonly algorithm: CoseAlgorithm;
  counter = 1;
  readonly #site: { origin: string; rpId: string };
  readonly #key: KeyObject;
  readonly #public: KeyObject;

  constructor(url: URL, algorithm: CoseAlgorithm = -7) {
    this.algorithm = algorithm;
    this.#site = { origin: url.origin, rpId: url.hostname };
    ({ privateKey: this.#key, publicKey: this.#public } = pair(algorithm));
  }

  /** SubjectPublicKeyInfo. */
  get spki(): Buffer {
    return this.#public.export({ format: "der", type: "spki" });
  }

  /** For POST /account/passkeys. */
  register(challenge: string, bend: Bend = {}) {
    const cose = coseKey(this.algorithm, this.#public);
    const length = Buffer.from([this.id.length >> 8, this.id.length & 255]);
    const data = this.#data(0x40 | (bend.flags ?? 5), bend, [Buffer.alloc(16), length, this.id, cose]);
    const statement =
      bend.certificate === undefined ? [text("none"), text("attStmt"), map(0)] : packed(bend.certificate);
    const object = Buffer.concat([map(3), text("fmt"), ...statement, text("authData"), bytes(data)]);
    const clientDataJSON = b64(this.#clientData("webauthn.create", challenge, bend));
    return { name: "software", clientDataJSON, attestationObject: b64(object) };
  }

  /** For POST /session/passkey. */
  answer(challenge: string, bend: Bend = {}) {
    const client = this.#clientData("webauthn.get", challenge, bend);
    const data = this.#data(bend.flags ?? 5, bend, []);
    const signed = Buffer.concat([data, sha256(client), ...(bend.spoil ? [Buffer.from("x")] : [])]);
    const signature = sign(this.algorithm === -8 ? null : "sha256", signed, this.#key);
    return { id: b64(this.id), clientDataJSON: b64(client), authenticatorData: b64(data), signature: b64(signature) };
  }

  #clientData(type: string, challenge: string, bend: Bend): Buffer {
    const crossOrigin = bend.crossOrigin ?? false;
    const origin = bend.origin ?? this.#site.origin;
    return Buffer.from(JSON.stringify({ type: bend.type ?? type, challenge, origin, crossOrigin }));
  }

  #data(flags: number, bend: Bend, rest: Buffer[]): Buffer {
    const counter = Buffer.alloc(4);
    counter.writeUInt32BE(bend.counter ?? this.counter++);
    return Buffer.concat([sha256(bend.rpId ?? this.#site.rpId), Buffer.from([flags]), counter, ...rest]);
  }
}
