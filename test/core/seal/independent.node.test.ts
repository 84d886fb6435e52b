/**
 * A reader and a writer of the sealed format made from the description at the head of `format.ts` and the X-Wing draft alone, on
 * Node's own primitives: nothing of `src/core/seal` is in them. They read what ours writes, and write what ours must refuse: anybody
 * may seal anything to a public key, so what is inside is as hostile as what is outside.
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
} from "node:crypto";
import { expect, it } from "vitest";
import { fromBase64, fromHex, hex } from "../../../src/core/bytes.ts";
import { SealError } from "../../../src/core/seal/format.ts";
import { openerOf, openFrame } from "../../../src/core/seal/open.ts";
import { portablePrimitives } from "../../../src/core/seal/primitives.ts";
import { sealedBytes, sealMessage } from "../../../src/core/seal/seal.ts";
import { nativePrimitives } from "../../../src/daemon/platform.ts";
import { slices, vectors } from "./suite.ts";

// X-Wing, draft-connolly-cfrg-xwing-kem §5.
type Keys = { mlkem: KeyObject; x: KeyObject; publicX: Buffer; publicKey: Buffer };
const [mlkemPkcs8, xPkcs8] = ["3054020100300b060960864801650304040204428040", "302e020100300506032b656e04220420"];
const xSpki = "302a300506032b656e032100";
const secretKey = (prefix: string, raw: Uint8Array): KeyObject =>
  createPrivateKey({ key: Buffer.concat([Buffer.from(prefix, "hex"), raw]), format: "der", type: "pkcs8" });
const publicXOf = (raw: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.concat([Buffer.from(xSpki, "hex"), raw]), format: "der", type: "spki" });
const rawOf = (key: KeyObject): Buffer => Buffer.from(key.export({ format: "der", type: "spki" }));

function keysOf(seed: Uint8Array): Keys {
  const expanded = createHash("shake256", { outputLength: 96 }).update(seed).digest();
  const mlkem = secretKey(mlkemPkcs8, expanded.subarray(0, 64));
  const x = secretKey(xPkcs8, expanded.subarray(64));
  const publicX = rawOf(createPublicKey(x)).subarray(-32);
  return { mlkem, x, publicX, publicKey: Buffer.concat([rawOf(createPublicKey(mlkem)).subarray(-1184), publicX]) };
}

function combined(kem: Uint8Array, dh: Uint8Array, ephemeral: Uint8Array, publicX: Uint8Array): Buffer {
  const label = Buffer.from("5c2e2f2f5e5c", "hex");
  return createHash("sha3-256").update(kem).update(dh).update(ephemeral).update(publicX).update(label).digest();
}

function sharedSecret({ mlkem, x, publicX }: Keys, cipherText: Uint8Array): Buffer {
  const ephemeral = cipherText.subarray(1088);
  const dh = diffieHellman({ privateKey: x, publicKey: publicXOf(ephemeral) });
  return combined(decapsulate(mlkem, cipherText.subarray(0, 1088)), dh, ephemeral, publicX);
}

// The format, by its description.
const sha256 = (bytes: Uint8Array): Buffer => createHash("sha256").update(bytes).digest();
const chunk = 262_144;

function contentKey(secret: Uint8Array, header: Buffer): Buffer {
  const info = Buffer.concat([Buffer.from("postern/seal/1"), header.subarray(10, 26), sha256(header)]);
  return Buffer.from(hkdfSync("sha256", secret, Buffer.alloc(0), info, 32));
}

function nonceOf(counter: number, last: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(counter, 7);
  nonce[11] = last ? 1 : 0;
  return nonce;
}

function padded(length: number): number {
  const e = Math.floor(Math.log2(length));
  const s = Math.floor(Math.log2(e)) + 1;
  const mask = 2 ** Math.max(0, e - s) - 1;
  return (length + mask) & ~mask;
}

function read(sealed: Buffer, keys: Keys): { head: unknown; raw: Buffer } {
  const header = sealed.subarray(0, 1146);
  expect(header.subarray(0, 10).toString("hex")).toBe("5053544e010100040000");
  expect(header.subarray(10, 26).equals(sha256(keys.publicKey).subarray(0, 16))).toBe(true);
  const key = contentKey(sharedSecret(keys, header.subarray(26)), header);
  const plain: Buffer[] = [];
  for (let [at, counter] = [1146, 0]; at < sealed.length; at += chunk + 16, counter++) {
    const piece = sealed.subarray(at, at + chunk + 16);
    const nonce = nonceOf(counter, at + chunk + 16 >= sealed.length);
    const cipher = createDecipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
    cipher.setAAD(header, { plaintextLength: piece.length - 16 });
    cipher.setAuthTag(piece.subarray(-16));
    plain.push(cipher.update(piece.subarray(0, -16)), cipher.final());
  }
  const whole = Buffer.concat(plain);
  const length = whole.readUInt32BE(0);
  const content = whole.subarray(4, 4 + length);
  expect(whole.length).toBe(padded(4 + length));
  expect(whole.subarray(4 + length).every((byte) => byte === 0)).toBe(true);
  const headEnd = 4 + content.readUInt32BE(0);
  return { head: JSON.parse(content.subarray(4, headEnd).toString()), raw: content.subarray(headEnd) };
}

/** `isLast` says what each chunk's flag claims. */
type Odd = { header?: (header: Buffer) => void; isLast?: (counter: number, last: boolean) => boolean };

function write(plain: Buffer, { mlkem, x: _, publicX, publicKey }: Keys, odd: Odd = {}): Buffer {
  const kem = encapsulate(createPublicKey(mlkem));
  const own = generateKeyPairSync("x25519");
  const ephemeral = rawOf(own.publicKey).subarray(-32);
  const dh = diffieHellman({ privateKey: own.privateKey, publicKey: publicXOf(publicX) });
  const lead = Buffer.from("5053544e010100040000", "hex");
  const header = Buffer.concat([lead, sha256(publicKey).subarray(0, 16), kem.ciphertext, ephemeral]);
  odd.header?.(header);
  const key = contentKey(combined(kem.sharedKey, dh, ephemeral, publicX), header);
  const parts = [header];
  for (let [at, counter] = [0, 0]; at === 0 || at < plain.length; at += chunk, counter++) {
    const last = at + chunk >= plain.length;
    const nonce = nonceOf(counter, odd.isLast?.(counter, last) ?? last);
    const cipher = createCipheriv("chacha20-poly1305", key, nonce, { authTagLength: 16 });
    const piece = plain.subarray(at, at + chunk);
    cipher.setAAD(header, { plaintextLength: piece.length });
    parts.push(cipher.update(piece), cipher.final(), cipher.getAuthTag());
  }
  return Buffer.concat(parts);
}

const u32 = (n: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(n);
  return bytes;
};
type Lies = { content?: number; head?: number; padding?: (padding: Buffer) => Buffer };
function plainOf(json: string | Buffer, raw: Buffer, lies: Lies = {}): Buffer {
  const head = Buffer.from(json);
  const content = Buffer.concat([u32(lies.head ?? head.length), head, raw]);
  const zeros = Buffer.alloc(padded(4 + content.length) - 4 - content.length);
  return Buffer.concat([u32(lies.content ?? content.length), content, lies.padding?.(zeros) ?? zeros]);
}

const seed = fromHex(vectors.sealSeed);
const keys = keysOf(seed);
const openers = [portablePrimitives, nativePrimitives].map((primitives) => openerOf(seed, primitives));

/** Both of ours, in several slicings, must fail with the one error. */
function refused(name: string, sealed: Uint8Array): void {
  for (const opener of openers) {
    for (const step of [sealed.length || 1, 70_001]) {
      let thrown: unknown = null;
      try {
        for (const _ of openFrame(slices(sealed, step), opener).raw);
      } catch (cause) {
        thrown = cause;
      }
      expect([name, thrown instanceof SealError, String(thrown)]).toEqual([name, true, String(new SealError())]);
    }
  }
}

it("derives the published key and opens the published vectors", () => {
  expect(hex(sha256(keys.publicKey))).toBe(vectors.publicKeySha256);
  const whole = vectors.messages.filter(({ sealed }) => sealed !== undefined);
  expect(whole.length).toBeGreaterThan(0);
  for (const { sealed, raw } of whole) {
    const opened = read(Buffer.from(fromBase64(sealed ?? "")), keys);
    expect(opened.head).toEqual(vectors.inner);
    expect(opened.raw.toString()).toBe("text" in raw ? raw.text : raw.repeat.repeat(raw.times));
  }
});

it("opens what ours seals now, at every size around a chunk, and ours opens what it writes", () => {
  const { inner, keyId } = vectors;
  const lead = 8 + JSON.stringify(inner).length;
  for (const primitives of [portablePrimitives, nativePrimitives]) {
    for (const size of [0, 1, 2, 1000, chunk - lead - 1, chunk - lead, chunk - lead + 1, 2 * chunk + 5]) {
      const raw = Buffer.alloc(size, "byte by byte ");
      const sealed = sealedBytes(sealMessage({ publicKey: keys.publicKey, keyId, inner, raw }, primitives));
      const opened = read(Buffer.from(sealed), keys);
      expect(opened.head).toEqual(inner);
      expect(opened.raw.equals(raw)).toBe(true);
      for (const opener of openers) {
        const ours = openFrame([write(plainOf(JSON.stringify(inner), raw), keys)], opener);
        expect(ours.head).toEqual(inner);
        expect(Buffer.concat([...ours.raw]).equals(raw)).toBe(true);
      }
    }
  }
});

it("what was written well but says what is not so is refused, with the one error", () => {
  const json = JSON.stringify(vectors.inner);
  const raw = Buffer.alloc(300_000, "x");
  const with_ = (lies: Lies, head: string | Buffer = json) => write(plainOf(head, raw, lies), keys);
  const cases: Record<string, Buffer> = {
    "more content than there is": with_({ content: 400_000 }),
    "as much as can be said": with_({ content: 0xffffffff }),
    "less content": with_({ content: 1000 }),
    "no content": with_({ content: 0 }),
    "a head longer than the content": with_({ head: 400_000 }),
    "a head of four gigabytes": with_({ head: 0xffffffff }),
    "a head that is no JSON": with_({}, "{"),
    "a head of bad UTF-8": with_({}, Buffer.from([0x22, 0xff, 0x22])),
    "a head cut short": with_({ head: json.length - 1 }),
    "padding with a byte set": with_({ padding: (zeros) => zeros.fill(1, zeros.length - 1) }),
    "one byte of padding too many": with_({ padding: (zeros) => Buffer.concat([zeros, Buffer.alloc(1)]) }),
    "one too few": with_({ padding: (zeros) => zeros.subarray(1) }),
    "nothing at all": write(Buffer.alloc(0), keys),
    "three bytes": write(Buffer.alloc(3), keys),
    "ended on a full chunk": write(plainOf(json, raw).subarray(0, chunk), keys, { isLast: () => false }),
    "no chunk flagged as the last": write(plainOf(json, raw), keys, { isLast: () => false }),
    "every chunk flagged as the last": write(plainOf(json, raw), keys, { isLast: () => true }),
    "the first flagged, the last not": write(plainOf(json, raw), keys, { isLast: (_, last) => !last }),
    "another version": write(plainOf(json, raw), keys, { header: (header) => header.writeUInt8(2, 4) }),
    "another suite": write(plainOf(json, raw), keys, { header: (header) => header.writeUInt8(2, 5) }),
    "smaller chunks": write(plainOf(json, raw), keys, { header: (header) => header.writeUInt32BE(65_536, 6) }),
    "another mailbox's key id": write(plainOf(json, raw), keys, { header: (header) => header.fill(7, 10, 26) }),
    "another mailbox's key": write(plainOf(json, raw), keysOf(new Uint8Array(32).fill(3))),
    "an ephemeral key of low order": write(plainOf(json, raw), keys, { header: (header) => header.fill(0, 1114) }),
  };
  for (const [name, sealed] of Object.entries(cases)) refused(name, sealed);
});

it("every cut at every boundary, and chunks moved within and between messages, are refused", () => {
  const json = JSON.stringify(vectors.inner);
  const [a, b] = ["a", "b"].map((text) => write(plainOf(json, Buffer.alloc(3 * chunk, text)), keys));
  if (!a || !b) throw new Error("two are written");
  const full = chunk + 16;
  const starts = Array.from({ length: Math.ceil((a.length - 1146) / full) }, (_, i) => 1146 + i * full);
  expect(starts.length).toBe(4);
  const boundaries = [0, 4, 5, 6, 10, 26, 26 + 1088, 1146, ...starts.flatMap((at) => [at, at - 16]), a.length];
  for (const at of boundaries)
    for (const cut of [at - 1, at, at + 1])
      if (cut >= 0 && cut < a.length) refused(`cut at ${cut}`, a.subarray(0, cut));
  const chunksOf = (of: Buffer): Buffer[] => starts.map((at) => of.subarray(at, at + full));
  const [mine, others] = [chunksOf(a), chunksOf(b)];
  const made = (...chunks: (Buffer | undefined)[]) =>
    Buffer.concat([a.subarray(0, 1146), ...chunks.filter((one) => one !== undefined)]);
  for (let i = 0; i < 4; i++) {
    refused(`chunk ${i} of another message`, made(...mine.map((one, n) => (n === i ? others[n] : one))));
    refused(`chunk ${i} dropped`, made(...mine.filter((_, n) => n !== i)));
    refused(`chunk ${i} twice`, made(...mine.flatMap((one, n) => (n === i ? [one, one] : [one]))));
    for (let j = i + 1; j < 4; j++)
      refused(`chunks ${i} and ${j} changed places`, made(...mine.map((_, n) => mine[n === i ? j : n === j ? i : n])));
  }
  refused("another's header", Buffer.concat([b.subarray(0, 1146), a.subarray(1146)]));
});

it("25 MB are opened while they come: never more than two chunks are held", () => {
  const json = JSON.stringify(vectors.inner);
  const sealed = write(plainOf(json, Buffer.alloc(25_000_000, "m")), keys);
  for (const opener of openers) {
    let given = 0;
    function* coming(): Generator<Uint8Array> {
      for (const slice of slices(sealed, 65_536)) {
        given += slice.length;
        yield slice;
      }
    }
    let [taken, most] = [0, 0];
    for (const piece of openFrame(coming(), opener).raw) {
      most = Math.max(most, given - taken);
      taken += piece.length;
    }
    expect(taken).toBe(25_000_000);
    expect(most).toBeLessThan(2 * chunk + 70_000);
  }
});
