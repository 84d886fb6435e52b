/**
 * The node's side of the core's ports: hashes, signatures and sealing primitives by node:crypto (OpenSSL), clock and
 * randomness. The sealing primitives give the same bytes as noble's; a test holds them equal.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  decapsulate,
  diffieHellman,
  encapsulate,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
  sign,
  verify,
} from "node:crypto";
import { concat, utf8 } from "../core/bytes.ts";
import type { Clock, Crypto, Random, SignatureVerdict } from "../core/ports.ts";
import { exactly, portablePrimitives, type SealPrimitives, xwing } from "../core/seal/primitives.ts";

export const clock: Clock = () => Date.now();
export const random: Random = (n) => randomBytes(n);

export const nodeCrypto: Crypto = {
  sha256() {
    const hash = createHash("sha256");
    return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest() };
  },
  async verifyRsaSha256(der, message, signature) {
    const key = rsaKey(der);
    return key === null ? "unusable-key" : verdict(() => verify("sha256", message, key, signature));
  },
  rsaBits: (der) => rsaKey(der)?.asymmetricKeyDetails?.modulusLength ?? null,
  async verifyEd25519(publicKey, message, signature) {
    const key = ed25519PublicKey(publicKey);
    return key === null ? "unusable-key" : verdict(() => verify(null, message, key, signature));
  },
  signEd25519: async (seed, message) => sign(null, message, ed25519PrivateKey(seed)),
  signRsaSha256: async (pkcs8, message) =>
    sign("sha256", message, createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" })),
};

/** The 32-byte public key of an Ed25519 seed. */
export function ed25519PublicOf(seed: Uint8Array): Uint8Array {
  const spki = createPublicKey(ed25519PrivateKey(seed)).export({ format: "der", type: "spki" });
  return new Uint8Array(spki.subarray(-32));
}

function verdict(check: () => boolean): SignatureVerdict {
  try {
    return check() ? "good" : "bad";
  } catch {
    return "bad";
  }
}

// A proof asks for a key's length and then for its verdict: reading the DER is the dearer half of both.
const rsaKeys = new WeakMap<Uint8Array, KeyObject | null>();

function rsaKey(der: Uint8Array): KeyObject | null {
  const known = rsaKeys.get(der);
  if (known !== undefined) return known;
  const key = readRsaKey(der);
  rsaKeys.set(der, key);
  return key;
}

function readRsaKey(der: Uint8Array): KeyObject | null {
  for (const type of ["spki", "pkcs1"] as const) {
    try {
      const key = createPublicKey({ key: Buffer.from(der), format: "der", type });
      if (key.asymmetricKeyType === "rsa") return key;
    } catch {
      // the other form, perhaps
    }
  }
  return null;
}

// RFC 8410: the fixed DER heads of an Ed25519 key.
const spkiHead = Buffer.from("302a300506032b6570032100", "hex");
const pkcs8Head = Buffer.from("302e020100300506032b657004220420", "hex");

function ed25519PublicKey(raw: Uint8Array): KeyObject | null {
  if (raw.length !== 32) return null;
  try {
    return createPublicKey({ key: Buffer.concat([spkiHead, raw]), format: "der", type: "spki" });
  } catch {
    return null;
  }
}

function ed25519PrivateKey(seed: Uint8Array): KeyObject {
  const der = Buffer.concat([pkcs8Head, exactly(seed, 32)]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  return key;
}

// --- sealing ---------------------------------------------------------------------------------------------------------

const x25519SpkiHead = Buffer.from("302a300506032b656e032100", "hex");
const x25519Pkcs8Head = Buffer.from("302e020100300506032b656e04220420", "hex");
const mlKemPublicBytes = xwing.publicKeyBytes - 32;
const mlKemCipherBytes = xwing.cipherTextBytes - 32;
// draft-connolly-cfrg-xwing-kem §5.3: XWingLabel.
const xwingLabel = utf8("\\.//^\\");

export const nativePrimitives: SealPrimitives = {
  kemPublicKey(seed) {
    const { mlKem, x25519 } = expand(seed);
    return concat(rawPublic(createPublicKey(mlKem)), rawPublic(createPublicKey(x25519)));
  },
  kemEncapsulate(publicKey) {
    exactly(publicKey, xwing.publicKeyBytes);
    const mlKem = createPublicKey({
      key: Buffer.from(publicKey.subarray(0, mlKemPublicBytes)),
      format: "raw-public",
      asymmetricKeyType: "ml-kem-768",
    });
    const theirs = publicKey.subarray(mlKemPublicBytes);
    const { ciphertext, sharedKey } = encapsulate(mlKem);
    const own = generateKeyPairSync("x25519");
    const point = rawPublic(own.publicKey);
    const shared = diffieHellman({ privateKey: own.privateKey, publicKey: x25519Public(theirs) });
    return { cipherText: concat(ciphertext, point), sharedSecret: combine(sharedKey, shared, point, theirs) };
  },
  kemDecapsulator(seed) {
    const { mlKem, x25519 } = expand(seed);
    const ours = rawPublic(createPublicKey(x25519));
    return (cipherText) => {
      exactly(cipherText, xwing.cipherTextBytes);
      const point = cipherText.subarray(mlKemCipherBytes);
      const secret = decapsulate(mlKem, cipherText.subarray(0, mlKemCipherBytes));
      const shared = diffieHellman({ privateKey: x25519, publicKey: x25519Public(point) });
      return combine(secret, shared, point, ours);
    };
  },
  sha256: (bytes) => createHash("sha256").update(bytes).digest(),
  hkdf: (secret, salt, info, length) => new Uint8Array(hkdfSync("sha256", secret, salt, info, length)),
  seal(key, nonce, aad, plain) {
    const cipher = createCipheriv("chacha20-poly1305", exactly(key, 32), exactly(nonce, 12), { authTagLength: 16 });
    cipher.setAAD(aad, { plaintextLength: plain.length });
    return concat(cipher.update(plain), cipher.final(), cipher.getAuthTag());
  },
  open(key, nonce, aad, sealed) {
    if (sealed.length < 16) return null;
    const decipher = createDecipheriv("chacha20-poly1305", exactly(key, 32), exactly(nonce, 12), { authTagLength: 16 });
    decipher.setAAD(aad, { plaintextLength: sealed.length - 16 });
    decipher.setAuthTag(sealed.subarray(-16));
    const plain = decipher.update(sealed.subarray(0, -16));
    try {
      decipher.final();
      return plain;
    } catch {
      plain.fill(0);
      return null;
    }
  },
  // OpenSSL has no XChaCha; keyslots are small, so noble's serves.
  wrap: portablePrimitives.wrap,
  unwrap: portablePrimitives.unwrap,
};

// draft-connolly-cfrg-xwing-kem §5.2: SHAKE256(seed, 96) = d ‖ z ‖ X25519 secret.
function expand(seed: Uint8Array): { mlKem: KeyObject; x25519: KeyObject } {
  const expanded = createHash("shake256", { outputLength: 96 }).update(exactly(seed, 32)).digest();
  const mlKem = createPrivateKey({
    key: expanded.subarray(0, 64),
    format: "raw-seed",
    asymmetricKeyType: "ml-kem-768",
  });
  const der = Buffer.concat([x25519Pkcs8Head, expanded.subarray(64)]);
  const x25519 = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  der.fill(0);
  expanded.fill(0);
  return { mlKem, x25519 };
}

function x25519Public(raw: Uint8Array): KeyObject {
  return createPublicKey({ key: Buffer.concat([x25519SpkiHead, raw]), format: "der", type: "spki" });
}

// Both public keys end their SubjectPublicKeyInfo with their raw bytes.
function rawPublic(key: KeyObject): Uint8Array {
  const length = key.asymmetricKeyType === "x25519" ? 32 : mlKemPublicBytes;
  return new Uint8Array(key.export({ format: "der", type: "spki" }).subarray(-length));
}

function combine(mlKem: Uint8Array, x25519: Uint8Array, point: Uint8Array, publicKey: Uint8Array): Uint8Array {
  const hash = createHash("sha3-256");
  for (const part of [mlKem, x25519, point, publicKey, xwingLabel]) hash.update(part);
  return new Uint8Array(hash.digest());
}
