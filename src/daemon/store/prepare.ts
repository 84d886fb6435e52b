/**
 * Everything about a message that can be worked out before a transaction begins: what is said of it (structure, rendered ENVELOPE and
 * BODYSTRUCTURE, decoded words, preview), and its bytes as they will be stored. Pure, but for compression.
 */
import { createHash } from "node:crypto";

import { bodyChunk, type Chunk, chunkOf } from "./chunks.ts";
import { briefOf } from "./mime/brief.ts";
import { atOnce, Bytes, inSlices } from "./mime/bytes.ts";
import { type Entity, entityIn, fieldOf } from "./mime/entity.ts";

import { mailboxesOf, renderEnvelope } from "./mime/envelope.ts";
import { mapOf } from "./mime/map.ts";
import { previewOf } from "./mime/preview.ts";
import { sentOf } from "./mime/sent.ts";
import { renderStructure } from "./mime/structure.ts";
import { decodeWords } from "./mime/words.ts";
import { baseSubject } from "./search/subject.ts";
import { type Shelf, Splitter, type Stretch, sharedFrom } from "./splitter.ts";

/** What is known of a message beside its bytes. */
export type Described = {
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
};

export type Measured = { size: number; headerSize: number; digest: Buffer };

export type Prepared = Described & Measured & { chunks: Chunk[]; stretches: (Stretch & { chunks: Chunk[] })[] };

export function prepareMessage(raw: Uint8Array): Prepared {
  return atOnce(preparing(raw));
}

/** The same, with rests. */
export function prepareInSlices(raw: Uint8Array, pause: () => Promise<void>): Promise<Prepared> {
  return inSlices(preparing(raw), pause);
}

function* preparing(raw: Uint8Array): Generator<void, Prepared> {
  const root = yield* entityIn(Bytes.of(raw));
  const described = describe(root, Bytes.of(raw));
  yield;
  return { ...described, ...(yield* raw.length - root.bodyStart < sharedFrom ? simply(raw, root) : split(raw)) };
}

/** What a message says of itself, read out of its bytes wherever they are. */
export function* describing(bytes: Bytes): Generator<void, Described> {
  return describe(yield* entityIn(bytes), bytes);
}

function describe(root: Entity, bytes: Bytes): Described {
  const { header } = root;
  const sent = sentOf(fieldOf(header, "date"));
  const messageId = fieldOf(header, "message-id");
  const subject = decodeWords(fieldOf(header, "subject") ?? "");
  return {
    sentAt: sent?.at ?? null,
    sentDay: sent?.day ?? null,
    envelope: Buffer.from(renderEnvelope(header), "latin1"),
    structure: Buffer.from(renderStructure(root, true), "latin1"),
    basicStructure: Buffer.from(renderStructure(root, false), "latin1"),
    brief: briefOf(header.raw, header),
    parts: JSON.stringify(mapOf(root)),
    preview: previewOf(root, bytes),
    subject,
    ...baseSubject(subject),
    from: addressWords(root, "from"),
    to: addressWords(root, "to"),
    cc: addressWords(root, "cc"),
    bcc: addressWords(root, "bcc"),
    messageId: messageId === null ? null : (idsIn(messageId)[0] ?? null),
    references: referencesOf(root),
  };
}

type Stored = Measured & Pick<Prepared, "chunks" | "stretches">;

/** Too short to share anything: the header, then the rest. */
function* simply(raw: Uint8Array, { bodyStart: headerSize }: Entity): Generator<void, Stored> {
  const chunks = [raw.subarray(0, headerSize), raw.subarray(headerSize)].filter(
    (_, i) => i === 0 || raw.length > headerSize,
  );
  const digest = createHash("sha256").update(raw).digest();
  return { size: raw.length, headerSize, digest, chunks: chunks.map(chunkOf), stretches: [] };
}

function* split(raw: Uint8Array): Generator<void, Stored> {
  const [chunks, stretches, coming]: [Chunk[], Prepared["stretches"], Chunk[]] = [[], [], []];
  const shelf: Shelf = {
    own: (_, bytes) => void chunks.push(chunkOf(Uint8Array.from(bytes))),
    shared: (_, bytes) => void coming.push(chunkOf(Uint8Array.from(bytes))),
    sharedEnd: (stretch) => void stretches.push({ ...stretch, chunks: coming.splice(0) }),
  };
  const splitter = new Splitter(shelf);
  for (let at = 0; at < raw.length; at += bodyChunk) {
    splitter.push(raw.subarray(at, at + bodyChunk));
    yield;
  }
  return { ...splitter.end(), chunks, stretches };
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
