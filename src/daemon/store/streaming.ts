/**
 * Filing a large message as it comes: chunk after chunk into a transaction that is rolled back unless the last one was good, in
 * constant memory. Its bytes are stored under an id that nothing shows yet; what is said of it is read back from them; the rows that
 * show it follow in the same turn as the commit. So nobody ever sees a part of it.
 */

import { Body } from "./body.ts";
import { bodyChunk, chunkOf } from "./chunks.ts";
import { nextMessage, putBody, type Stored } from "./filing.ts";
import type { Mailbox, Write } from "./mailbox.ts";
import { inSlices } from "./mime/bytes.ts";
import { describing, type Measured } from "./prepare.ts";
import { dropSharedBody, findShared, nameShared, nextShared, type Placed, putShared, twinOf } from "./shared.ts";
import { type Shelf, Splitter, type Stretch } from "./splitter.ts";

/** Larger messages are filed this way; smaller ones are quicker whole. Sealed or raw bytes. */
export const streamedFrom = 1024 * 1024;

/** `pieces` are overwritten once stored. What iterating them throws takes everything back. `show`: one turn, nothing to wait for. */
export function fileInTurns<T>(
  mailbox: Mailbox,
  pieces: Iterable<Uint8Array>,
  show: (write: Write, message: Stored) => T,
  pause: () => Promise<void>,
): Promise<T> {
  return mailbox.writeInTurns(
    (write, rest) => store(write, pieces, rest),
    (write, { message, stretches }) => show(write, { ...message, stretches: placeAll(write, stretches) }),
    pause,
  );
}

/** A message in memory, in pieces. */
export function* slicesOf(raw: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < raw.length; at += bodyChunk) yield raw.subarray(at, at + bodyChunk);
}

type Found = Stretch & { shared: number };

async function store(write: Write, pieces: Iterable<Uint8Array>, rest: () => Promise<void>) {
  const id = nextMessage(write);
  const rows = new Rows(write, id);
  const splitter = new Splitter(rows);
  try {
    const measured = await inSlices(pour(pieces, splitter), rest);
    const stretches = JSON.stringify(rows.stretches.map(({ start, end, shared }) => [start, end, shared]));
    const body = new Body(write.db, { message: id, ...measured, parts: "", stretches });
    const described = await inSlices(describing(body.bytes), rest);
    return { message: { id, ...measured, ...described }, stretches: rows.stretches };
  } finally {
    splitter.wipe();
  }
}

function* pour(pieces: Iterable<Uint8Array>, splitter: Splitter): Generator<void, Measured> {
  for (const piece of pieces) {
    splitter.push(piece);
    piece.fill(0);
    yield;
  }
  return splitter.end();
}

/** Chunks become rows at once. A stretch that turns out to be stored already is taken out again. */
class Rows implements Shelf {
  readonly stretches: Found[] = [];
  readonly #write: Write;
  readonly #message: number;
  #next: number;

  constructor(write: Write, message: number) {
    this.#write = write;
    this.#message = message;
    this.#next = nextShared(write.db);
  }

  own(number: number, bytes: Uint8Array): void {
    putBody(this.#write, this.#message, number, chunkOf(bytes));
  }

  shared(number: number, bytes: Uint8Array): void {
    putShared(this.#write.db, this.#next, number, chunkOf(bytes));
  }

  sharedEnd(stretch: Stretch): void {
    const twin =
      this.stretches.find(({ digest }) => digest.equals(stretch.digest))?.shared ??
      findShared(this.#write, stretch.digest);
    if (twin !== undefined) dropSharedBody(this.#write.db, this.#next);
    this.stretches.push({ ...stretch, shared: twin ?? this.#next++ });
  }
}

/** Counts the places, in the turn in which they come to be seen. */
function placeAll(write: Write, stretches: readonly Found[]): Placed[] {
  return stretches.map(({ start, end, digest, shared }) => {
    if (twinOf(write, digest) === undefined) nameShared(write, shared, digest, end - start);
    return [start, end, shared];
  });
}
