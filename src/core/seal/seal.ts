/**
 * Sealing: a message and its envelope become one object that only the holder of the X-Wing seed can open. The size is
 * known before the first chunk, so that a store that wants a length first can have it; chunks are made as they are asked for.
 */
import { concat, fromHex, u32be, utf8 } from "../bytes.ts";
import { type InnerEnvelope, innerEnvelopeSchema } from "./envelope.ts";
import { chunkBytes, chunkNonce, contentKey, sealedSize, writeHeader } from "./format.ts";
import { padme } from "./padme.ts";
import type { SealPrimitives } from "./primitives.ts";

export type Recipient = {
  /** X-Wing public key, 1,216 bytes. */
  publicKey: Uint8Array;
  /** 32 hex digits, as in a mailbox record. */
  keyId: string;
};

export type Sealed = {
  /** Bytes of all chunks together, header included. */
  size: number;
  /** May be iterated once: one key seals one message. The first chunk is the header. */
  chunks: () => Iterable<Uint8Array>;
};

/** Seals mail for a mailbox. Throws `ZodError` on an envelope that is not one. */
export function sealMessage(
  message: Recipient & { inner: InnerEnvelope; raw: Uint8Array },
  primitives: SealPrimitives,
): Sealed {
  return sealFrame({ ...message, head: innerEnvelopeSchema.parse(message.inner) }, primitives);
}

/** Seals any JSON head and bytes (relay jobs: `relayJob` and the raw message). `raw` must not change until the chunks are read. */
export function sealFrame(
  { publicKey, keyId, head, raw }: Recipient & { head: unknown; raw: Uint8Array },
  primitives: SealPrimitives,
): Sealed {
  const json = utf8(JSON.stringify(head));
  const content = 4 + json.length + raw.length;
  const lead = concat(u32be(content), u32be(json.length), json);
  let used = false;
  function* chunks(): Iterable<Uint8Array> {
    if (used) throw new Error("a sealed message is read once");
    used = true;
    const { cipherText, sharedSecret } = primitives.kemEncapsulate(publicKey);
    const header = writeHeader(fromHex(keyId), cipherText);
    const key = contentKey(primitives, sharedSecret, header);
    sharedSecret.fill(0);
    yield header;
    yield* sealChunks(primitives, key, header, [lead, raw], padme(4 + content));
    key.fill(0);
  }
  return { size: sealedSize(content), chunks };
}

function* sealChunks(
  primitives: SealPrimitives,
  key: Uint8Array,
  header: Uint8Array,
  parts: readonly Uint8Array[],
  length: number,
): Generator<Uint8Array> {
  const plain = new Uint8Array(Math.min(chunkBytes, length));
  for (let at = 0, counter = 0; at < length; at += chunkBytes, counter++) {
    const last = at + chunkBytes >= length;
    const slice = plain.subarray(0, Math.min(chunkBytes, length - at));
    fillFrom(parts, at, slice);
    yield primitives.seal(key, chunkNonce(counter, last), header, slice);
  }
  plain.fill(0);
}

// Bytes `from …` of the parts laid end to end; zeros (the padding) after their end.
function fillFrom(parts: readonly Uint8Array[], from: number, into: Uint8Array): void {
  into.fill(0);
  let start = 0;
  for (const part of parts) {
    const first = Math.max(from, start);
    const end = Math.min(from + into.length, start + part.length);
    if (first < end) into.set(part.subarray(first - start, end - start), first - from);
    start += part.length;
  }
}

/** All chunks in one buffer, for small objects and tests. */
export function sealedBytes(sealed: Sealed): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(sealed.size);
  let at = 0;
  for (const chunk of sealed.chunks()) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
