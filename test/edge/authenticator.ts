/** A passkey in software (WebAuthn Level 3, ES256), written apart from the product; what it says can be bent for tests. */
import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from "node:crypto";

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
};

const b64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
const sha256 = (bytes: Uint8Array | string): Buffer => createHash("sha256").update(bytes).digest();

export class Authenticator {
  readonly id = randomBytes(32);
  counter = 1;
  readonly #site: { origin: string; rpId: string };
  readonly #key: KeyObject;
  readonly #point: { x: Buffer; y: Buffer };

  constructor(url: URL) {
    this.#site = { origin: url.origin, rpId: url.hostname };
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const { x = "", y = "" } = publicKey.export({ format: "jwk" });
    this.#key = privateKey;
    this.#point = { x: Buffer.from(x, "base64url"), y: Buffer.from(y, "base64url") };
  }

  /** For POST /account/passkeys. */
  register(challenge: string, bend: Bend = {}) {
    const { x, y } = this.#point;
    // RFC 9053: kty EC2, alg ES256, crv P-256, x, y.
    const head = Buffer.from("a5010203262001215820", "hex");
    const cose = Buffer.concat([head, x, Buffer.from("225820", "hex"), y]);
    const length = Buffer.from([this.id.length >> 8, this.id.length & 255]);
    const data = this.#data(0x40 | (bend.flags ?? 5), bend, [Buffer.alloc(16), length, this.id, cose]);
    const size = Buffer.from([0x59, data.length >> 8, data.length & 255]);
    const text = (word: string): Buffer => Buffer.concat([Buffer.from([0x60 | word.length]), Buffer.from(word)]);
    const none = [text("fmt"), text("none"), text("attStmt"), Buffer.from([0xa0])];
    const object = Buffer.concat([Buffer.from([0xa3]), ...none, text("authData"), size, data]);
    const clientDataJSON = b64(this.#clientData("webauthn.create", challenge, bend));
    return { name: "software", clientDataJSON, attestationObject: b64(object) };
  }

  /** For POST /session/passkey. */
  answer(challenge: string, bend: Bend = {}) {
    const client = this.#clientData("webauthn.get", challenge, bend);
    const data = this.#data(bend.flags ?? 5, bend, []);
    const signed = Buffer.concat([data, sha256(client), ...(bend.spoil ? [Buffer.from("x")] : [])]);
    const signature = createSign("sha256").update(signed).sign(this.#key);
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
