/**
 * Signed data (RFC 5652 §5) around a profile, so that a device shows who made it: SHA-256, one signer, the certificate chain
 * beside it. It only puts the bytes in order: the signature itself is the caller's, whose key never comes here.
 */
import { concat, utf8 } from "../bytes.ts";
import { der, elements, oid, tags, unsigned } from "./der.ts";

/** The kinds of key that certificates for TLS have. */
export type SignerKind = "rsa" | "p256";
export type Signer = {
  kind: SignerKind;
  /** DER, the signer's own first. */
  certificates: readonly Uint8Array[];
  /** SHA-256 of `bytes` signed: PKCS #1 v1.5, or `r ‖ s` of ECDSA as WebCrypto gives it. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  sha256(bytes: Uint8Array): Promise<Uint8Array>;
};

const oids = {
  data: "1.2.840.113549.1.7.1",
  signedData: "1.2.840.113549.1.7.2",
  contentType: "1.2.840.113549.1.9.3",
  messageDigest: "1.2.840.113549.1.9.4",
  signingTime: "1.2.840.113549.1.9.5",
  sha256: "2.16.840.1.101.3.4.2.1",
} as const;
const algorithms: Record<SignerKind, Uint8Array> = {
  rsa: der(tags.sequence, oid("1.2.840.113549.1.1.11"), der(tags.null)),
  // RFC 5754 §3.3: no parameters.
  p256: der(tags.sequence, oid("1.2.840.10045.4.3.2")),
};
const version1 = der(tags.integer, Uint8Array.of(1));
const sha256 = der(tags.sequence, oid(oids.sha256));

/** `content` with its signature, DER. `at`: UTC milliseconds. */
export async function signedData(content: Uint8Array, signer: Signer, at: number): Promise<Uint8Array> {
  const [own] = signer.certificates;
  if (own === undefined) throw new Error("a signer needs a certificate");
  const inside = der(tags.sequence, oid(oids.data), der(tags.context, der(tags.octets, content)));
  const signed = der(
    tags.sequence,
    version1,
    der(tags.set, sha256),
    inside,
    der(tags.context, ...signer.certificates),
    der(tags.set, await signerInfo(content, own, signer, at)),
  );
  return der(tags.sequence, oid(oids.signedData), der(tags.context, signed));
}

async function signerInfo(content: Uint8Array, own: Uint8Array, signer: Signer, at: number): Promise<Uint8Array> {
  const attributes = inOrder([
    attribute(oids.contentType, oid(oids.data)),
    attribute(oids.signingTime, utcTime(at)),
    attribute(oids.messageDigest, der(tags.octets, await signer.sha256(content))),
  ]);
  // RFC 5652 §5.4: what is signed is the SET itself, though it travels under [0].
  const signature = await signer.sign(der(tags.set, attributes));
  return der(
    tags.sequence,
    version1,
    issuerAndSerial(own),
    sha256,
    der(tags.context, attributes),
    algorithms[signer.kind],
    der(tags.octets, signer.kind === "p256" ? ecdsaValue(signature) : signature),
  );
}

function attribute(type: string, value: Uint8Array): Uint8Array {
  return der(tags.sequence, oid(type), der(tags.set, value));
}

/** X.690 §11.6: the elements of a SET OF stand in the order of their bytes. */
function inOrder(items: readonly Uint8Array[]): Uint8Array {
  return concat(...items.toSorted(byBytes));
}

function byBytes(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, i) => byte !== b[i]);
  return at < 0 ? a.length - b.length : (a[at] ?? 0) - (b[at] ?? -1);
}

/** RFC 5652 §11.3: until 2049 a time is a UTCTime. */
function utcTime(at: number): Uint8Array {
  const text = new Date(at).toISOString().replace(/[-:T]/g, "").slice(2, 14);
  return der(tags.utcTime, utf8(`${text}Z`));
}

/** Of a certificate: TBSCertificate ::= SEQUENCE { [0] version, serialNumber, signature, issuer, … } (RFC 5280 §4.1). */
function issuerAndSerial(certificate: Uint8Array): Uint8Array {
  const [outer] = elements(certificate);
  const [tbs] = elements(outer?.body ?? new Uint8Array(0));
  const fields = elements(tbs?.body ?? new Uint8Array(0));
  const [serial, , issuer] = fields[0]?.tag === tags.context ? fields.slice(1) : fields;
  if (serial?.tag !== tags.integer || issuer?.tag !== tags.sequence) throw new Error("not a certificate");
  return der(tags.sequence, issuer.whole, serial.whole);
}

/** Ecdsa-Sig-Value (RFC 3279 §2.2.3). */
function ecdsaValue(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2;
  return der(tags.sequence, unsigned(signature.subarray(0, half)), unsigned(signature.subarray(half)));
}
