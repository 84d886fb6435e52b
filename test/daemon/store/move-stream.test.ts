// The stream of a moving mailbox: what goes in comes out, in bounded blocks; nothing that was touched is taken for whole.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { u32be } from "../../../src/core/bytes.ts";
import { fetchMailbox, NoRoom } from "../../../src/daemon/store/moving/arrive.ts";
import {
  BadStream,
  decode,
  encode,
  type MoveHead,
  mostBlock,
  type Part,
} from "../../../src/daemon/store/moving/format.ts";
import type { StoreThread } from "../../../src/daemon/store/threads.ts";

const head: MoveHead = {
  ...{ version: 1, move: "v1", mailbox: "m1", epoch: 3, pinnedKeyId: "k", generation: 7, highestModseq: 9 },
  ...{ usedBytes: 10, waiting: 1, lastUse: { s1: 5 }, restored: false, sizes: { mail: 5, log: 0, inbox: 3 } },
};
const arrival = (id: string, size: number): Part => ({
  kind: "carried",
  item: { kind: "arrival", arrival: { id, at: 1, size, state: 1 } },
});
const piece = (bytes: Uint8Array): Part => ({ kind: "carried", item: { kind: "piece", bytes } });
const known: Part = { kind: "carried", item: { kind: "known", ids: [["a", 1]] } };
const mail = (text: string): Part => ({ kind: "mail", bytes: Buffer.from(text) });

async function* from<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
const encoded = async (parts: readonly Part[]) => Buffer.concat(await all(encode(from(parts))));
/** In pieces of that size. */
async function* chunked(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const decoded = (bytes: Uint8Array, size = 65_536) => all(decode(chunked(bytes, size)));
/** Payloads that follow each other joined, since blocks cut them anew. */
const joined = (parts: readonly Part[]) =>
  parts.map((part) =>
    JSON.stringify(part, (_, value) =>
      value?.type === "Buffer" ? value.data : ArrayBuffer.isView(value) ? [...(value as Uint8Array)] : value,
    ),
  );

const parts = [
  { kind: "head", head } as const,
  mail("12345"),
  { kind: "log", bytes: Buffer.from("w") } as const,
  arrival("x", 3),
  piece(Buffer.from("abc")),
  arrival("y", 1),
  piece(Buffer.from("d")),
  piece(Buffer.from("e")),
  known,
  known,
];

it("gives back what was put in, however it is cut on the way", async () => {
  const bytes = await encoded(parts);
  for (const size of [1, 2, 7, 100, bytes.length]) expect(joined(await decoded(bytes, size))).toEqual(joined(parts));
});

it("holds no more than a block: what is larger is cut", async () => {
  const big = Buffer.alloc(2 * mostBlock + 5, 7);
  const blocks = await all(
    encode(
      from<Part>([
        { kind: "head", head },
        { kind: "mail", bytes: big },
      ]),
    ),
  );
  expect(Math.max(...blocks.map(({ length }) => length))).toBe(mostBlock);
  const back = (await decoded(Buffer.concat(blocks))).flatMap((part) => (part.kind === "mail" ? [part.bytes] : []));
  expect(back.map(({ length }) => length)).toEqual([mostBlock, mostBlock, 5]);
  expect(Buffer.concat(back).equals(big)).toBe(true);
  const huge = Buffer.concat([Uint8Array.of(1), u32be(mostBlock + 1), Buffer.alloc(10)]);
  await expect(decoded(huge)).rejects.toThrow("too large");
});

describe("is refused", () => {
  it("with one bit flipped, one byte less or more, anywhere", async () => {
    const bytes = await encoded(parts);
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(7), fc.integer({ min: 1, max: 300 }), async (at, bit, size) => {
        const flipped = Uint8Array.from(bytes);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << bit);
        for (const bad of [flipped, bytes.subarray(0, at), Buffer.concat([bytes, flipped.subarray(0, at + 1)])])
          await expect(decoded(bad, size)).rejects.toThrow(BadStream);
      }),
      { numRuns: 150 },
    );
  });

  it("as noise, without more memory than a block", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.integer({ min: 1, max: 50 }), async (noise, size) => {
        await expect(decoded(noise, size)).rejects.toThrow(BadStream);
      }),
    );
  });

  it("in another order, with two heads, none, or a piece of nothing", async () => {
    const [first, ...rest] = parts;
    const orders: Part[][] = [
      [...rest],
      [...parts, parts[0] as Part],
      [first as Part, arrival("x", 1), piece(Buffer.from("a")), mail("12345")],
      [first as Part, piece(Buffer.from("a"))],
      [first as Part, known, arrival("z", 1)],
    ];
    for (const order of orders) await expect(decoded(await encoded(order))).rejects.toThrow("wrong order");
  });
});

it("that is more than the disk holds is refused before anything is written", async () => {
  const asked: string[] = [];
  const thread = { call: async (op: string) => void asked.push(op) } as unknown as StoreThread;
  const about = { mailbox: "m1", move: "v1", epoch: 3 };
  const sizes = { mail: 2 ** 50, log: 0, inbox: 0 };
  const bytes = await encoded([{ kind: "head", head: { ...head, sizes } }, mail("12345")]);
  const taken = fetchMailbox({ dir: "/tmp", thread, about }, chunked(bytes, 100));
  await expect(taken).rejects.toThrow(NoRoom);
  await expect(taken).rejects.toThrow(/would come/);
  expect(asked).toEqual([]);
});
