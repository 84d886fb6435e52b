/**
 * Everything about a message that can be worked out before a transaction begins: structure, rendered ENVELOPE and BODYSTRUCTURE,
 * decoded words, preview, compressed chunks. Pure, but for compression.
 */
import { createHash } from "node:crypto";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { briefOf } from "./mime/brief.ts";
import { type Entity, fieldOf, readEntity } from "./mime/entity.ts";
import { mailboxesOf, renderEnvelope } from "./mime/envelope.ts";
import { mapOf } from "./mime/map.ts";
import { previewOf } from "./mime/preview.ts";
import { sentOf } from "./mime/sent.ts";
import { renderStructure } from "./mime/structure.ts";
import { decodeWords } from "./mime/words.ts";
import { baseSubject } from "./search/subject.ts";

export type Chunk = { codec: number; bytes: Uint8Array };

export type Prepared = {
  size: number;
  headerSize: number;
  digest: Buffer;
  sentAt: number | null;
  sentDay: number | null;
  envelope: Buffer;
  structure: Buffer;
  basicStructure: Buffer;
  brief: Uint8Array | null;
  parts: string;
  preview: string;
  subject: string;
  base: string;
  isReply: boolean;
  from: string;
  to: string;
  cc: string;
  bcc: string;
  messageId: string | null;
  references: readonly string[];
  chunks: Chunk[];
};

export const bodyChunk = 128 * 1024;
export const codecs = { plain: 0, zstd: 1 };
// Below this, one 4 KiB page holds the bytes either way, and a decompression costs more (40 µs) than reading it.
const worthCompressing = 3500;
/** Compressed is kept where it is at most this much of the size. */
const worthwhile = 0.7;
const sampleBytes = 4096;
const sliceMs = 6;

export function prepareMessage(raw: Uint8Array): Prepared {
  const steps = preparing(raw);
  for (let step = steps.next(); ; step = steps.next()) if (step.done) return step.value;
}

/** The same in slices of some milliseconds, so that a large message does not hold up a thread that others wait for. */
export async function prepareInSlices(raw: Uint8Array, pause: () => Promise<void>): Promise<Prepared> {
  const steps = preparing(raw);
  for (let since = performance.now(); ; ) {
    const step = steps.next();
    if (step.done) return step.value;
    if (performance.now() - since < sliceMs) continue;
    await pause();
    since = performance.now();
  }
}

function* preparing(raw: Uint8Array): Generator<void, Prepared> {
  const root = readEntity(raw);
  const { header } = root;
  const sent = sentOf(fieldOf(header, "date"));
  const messageId = fieldOf(header, "message-id");
  const subject = decodeWords(fieldOf(header, "subject") ?? "");
  const described = {
    size: raw.length,
    headerSize: root.bodyStart,
    sentAt: sent?.at ?? null,
    sentDay: sent?.day ?? null,
    envelope: Buffer.from(renderEnvelope(header), "latin1"),
    structure: Buffer.from(renderStructure(root, raw, true), "latin1"),
    basicStructure: Buffer.from(renderStructure(root, raw, false), "latin1"),
    brief: briefOf(raw, header),
    parts: JSON.stringify(mapOf(root)),
    preview: previewOf(root, raw),
    subject,
    ...baseSubject(subject),
    from: addressWords(root, "from"),
    to: addressWords(root, "to"),
    cc: addressWords(root, "cc"),
    bcc: addressWords(root, "bcc"),
    messageId: messageId === null ? null : (idsIn(messageId)[0] ?? null),
    references: referencesOf(root),
  };
  const digest = createHash("sha256");
  const chunks: Chunk[] = [];
  for (const piece of pieces(raw, root.bodyStart)) {
    yield;
    digest.update(piece);
    chunks.push(chunkOf(piece));
  }
  return { ...described, digest: digest.digest(), chunks };
}

/** The header, then the rest in pieces of one size. */
function* pieces(raw: Uint8Array, headerSize: number): Generator<Uint8Array> {
  yield raw.subarray(0, headerSize);
  for (let at = headerSize; at < raw.length; at += bodyChunk) yield raw.subarray(at, at + bodyChunk);
}

/** `Name <local@host>` of each, decoded, one a line. */
function addressWords(root: Entity, field: string): string {
  const lines: string[] = [];
  for (const one of mailboxesOf(root.header, field)) {
    if (one.kind === "group") lines.push(`${decodeWords(one.name)}:`);
    if (one.kind !== "mailbox") continue;
    const address = decodeWords(one.host === "" ? one.local : `${one.local}@${one.host}`);
    lines.push(one.name === null ? address : `${decodeWords(one.name)} <${address}>`);
  }
  return lines.join("\n");
}

function idsIn(text: string): string[] {
  return text.match(/<[^<>\s]{1,500}>/g) ?? [];
}

// RFC 5256 §3: References, else the first id of In-Reply-To.
function referencesOf(root: Entity): string[] {
  const ids = idsIn(fieldOf(root.header, "references") ?? "").slice(-100);
  return ids.length > 0 ? ids : idsIn(fieldOf(root.header, "in-reply-to") ?? "").slice(0, 1);
}

const fast = { params: { [constants.ZSTD_c_compressionLevel]: 3 } };

function chunkOf(bytes: Uint8Array): Chunk {
  if (bytes.length >= worthCompressing && isCompressible(bytes)) {
    const smaller = zstdCompressSync(bytes, fast);
    if (smaller.length < bytes.length * worthwhile) return { codec: codecs.zstd, bytes: smaller };
  }
  return { codec: codecs.plain, bytes };
}

// An attachment in base64 would shrink by its quarter of air alone, at five times the price of reading it: its middle tells.
function isCompressible(bytes: Uint8Array): boolean {
  if (bytes.length < 4 * sampleBytes) return true;
  const from = Math.floor(bytes.length / 2);
  const sample = bytes.subarray(from, from + sampleBytes);
  return zstdCompressSync(sample, fast).length < sampleBytes * worthwhile;
}

export function unpackChunk(codec: number, bytes: Uint8Array): Uint8Array {
  // Room for a whole chunk at once: no joining of pieces.
  return codec === codecs.zstd ? zstdDecompressSync(bytes, { chunkSize: bodyChunk }) : bytes;
}
