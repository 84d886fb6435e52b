/**
 * A mailbox on its way to another node, as a stream of blocks: `u8 kind ‖ u32be length ‖ payload`. In this order: the head (JSON), the
 * mailbox file and its log as they lie on the disk (ciphertext under the mailbox's own key), the locked inbox (sealed messages and the
 * ids known, for its file is under a key of the node), and the end: SHA-256 of everything before it. A stream that was cut, altered,
 * put in another order or goes on after its end is refused.
 */
import { createHash, type Hash } from "node:crypto";
import { z } from "zod";
import { readU32be, u32be } from "../../../core/bytes.ts";
import type { Carried } from "../inbox-carry.ts";

export const headSchema = z.strictObject({
  version: z.literal(1),
  move: z.string().min(1).max(64),
  mailbox: z.string().min(1).max(64),
  epoch: z.int().nonnegative(),
  /** What the old node kept beside the mailbox. */
  pinnedKeyId: z.string().max(64),
  generation: z.int().nonnegative(),
  highestModseq: z.int().nonnegative(),
  usedBytes: z.int().nonnegative(),
  waiting: z.int().nonnegative(),
  lastUse: z.record(z.string().max(64), z.int()),
  /** It was put back from a copy, and nobody has opened it since. */
  restored: z.boolean(),
  /** Bytes to come, so that a disk which can't hold them is told before. */
  sizes: z.strictObject({
    mail: z.int().nonnegative(),
    log: z.int().nonnegative(),
    inbox: z.int().nonnegative(),
  }),
});
export type MoveHead = z.infer<typeof headSchema>;

export type Part =
  | { kind: "head"; head: MoveHead }
  | { kind: "mail" | "log"; bytes: Uint8Array }
  | { kind: "carried"; item: Carried };

/** The stream is not whole, or not what a node would send. */
export class BadStream extends Error {
  override name = "BadStream";
}

const kinds = { head: 1, mail: 2, log: 3, arrival: 4, piece: 5, known: 6, end: 7 } as const;
/** No block is larger: what is read is held one block at a time. */
export const mostBlock = 1024 * 1024;
const digestBytes = 32;

export async function* encode(parts: AsyncIterable<Part>): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  for await (const part of parts) {
    for (const bytes of blocksOf(part)) {
      hash.update(bytes);
      yield bytes;
    }
  }
  yield* block(kinds.end, hash.digest());
}

function* blocksOf(part: Part): Generator<Uint8Array> {
  if (part.kind === "head") yield* block(kinds.head, json(part.head));
  else if (part.kind !== "carried") yield* cut(kinds[part.kind], part.bytes);
  else if (part.item.kind === "piece") yield* cut(kinds.piece, part.item.bytes);
  else if (part.item.kind === "known") yield* block(kinds.known, json(part.item.ids));
  else yield* block(kinds.arrival, json(part.item.arrival));
}

function* cut(kind: number, bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += mostBlock) yield* block(kind, bytes.subarray(at, at + mostBlock));
}

function* block(kind: number, payload: Uint8Array): Generator<Uint8Array> {
  if (payload.length > mostBlock) throw new RangeError("a block of a moving mailbox is too large");
  yield Buffer.concat([Uint8Array.of(kind), u32be(payload.length)]);
  yield payload;
}

function json(value: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(value));
}

const arrivalSchema = z.strictObject({
  id: z.string().min(1).max(200),
  at: z.int(),
  size: z.int().nonnegative(),
  state: z.union([z.literal(1), z.literal(2)]),
});
const knownSchema = z.array(z.tuple([z.string().min(1).max(200), z.int()])).max(10_000);

/**
 * The parts as they come. Nothing of them may count before the generator has ended without an error: the digest comes last. Holds
 * one block and one chunk of the source.
 */
export async function* decode(source: AsyncIterable<Uint8Array>): AsyncGenerator<Part> {
  const hash = createHash("sha256");
  let before = 0;
  for await (const { kind, payload } of blocks(source, hash)) {
    if (kind === kinds.end) return;
    // Kinds only rise, but for arrivals and their pieces, which take turns.
    const inTurn = kind >= before || (before === kinds.piece && kind === kinds.arrival);
    if (!inTurn || (before === 0) !== (kind === kinds.head) || (kind === kinds.piece && before < kinds.arrival))
      throw new BadStream("blocks in a wrong order");
    before = kind;
    yield partOf(kind, payload);
  }
  throw new BadStream("cut off");
}

function partOf(kind: number, payload: Uint8Array): Part {
  switch (kind) {
    case kinds.head:
      return { kind: "head", head: read(headSchema, payload) };
    case kinds.mail:
      return { kind: "mail", bytes: payload };
    case kinds.log:
      return { kind: "log", bytes: payload };
    case kinds.arrival:
      return { kind: "carried", item: { kind: "arrival", arrival: read(arrivalSchema, payload) } };
    case kinds.piece:
      return { kind: "carried", item: { kind: "piece", bytes: payload } };
    case kinds.known:
      return { kind: "carried", item: { kind: "known", ids: read(knownSchema, payload) } };
    default:
      throw new BadStream("an unknown kind of block");
  }
}

function read<T>(schema: z.ZodType<T>, payload: Uint8Array): T {
  try {
    return schema.parse(JSON.parse(Buffer.from(payload).toString("utf8")));
  } catch {
    throw new BadStream("a block that is not what it says");
  }
}

type Block = { kind: number; payload: Uint8Array };
const headerBytes = 5;

/** Ends with the end block, after its digest was found right and nothing followed it. */
async function* blocks(source: AsyncIterable<Uint8Array>, hash: Hash): AsyncGenerator<Block> {
  const header = new Uint8Array(headerBytes);
  let filled = 0;
  let payload: Uint8Array | null = null;
  let ended = false;
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; ) {
      if (ended) throw new BadStream("more after the end");
      const into: Uint8Array = payload ?? header;
      const taken = chunk.subarray(at, at + into.length - filled);
      into.set(taken, filled);
      filled += taken.length;
      at += taken.length;
      if (filled < into.length) continue;
      filled = 0;
      if (payload === null) {
        payload = new Uint8Array(lengthOf(header));
        if (payload.length > 0) continue;
      }
      const whole: Block = { kind: header[0] ?? 0, payload };
      payload = null;
      if (whole.kind === kinds.end) {
        if (!hash.digest().equals(whole.payload)) throw new BadStream("not what was sent");
        ended = true;
        continue;
      }
      hash.update(header);
      hash.update(whole.payload);
      yield whole;
    }
  }
  if (ended) yield { kind: kinds.end, payload: header };
}

function lengthOf(header: Uint8Array): number {
  const length = readU32be(header, 1);
  const most = header[0] === kinds.end ? digestBytes : mostBlock;
  if (length > most || (header[0] === kinds.end && length !== digestBytes)) throw new BadStream("a block too large");
  return length;
}
