// A message read through windows of any size is the message read whole; split on its way to the disk in any slicing, it comes together again.
import { createHash } from "node:crypto";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { atOnce, Bytes } from "../../../src/daemon/store/mime/bytes.ts";
import { entityIn } from "../../../src/daemon/store/mime/entity.ts";
import { describing } from "../../../src/daemon/store/prepare.ts";
import { Splitter, sharedFrom } from "../../../src/daemon/store/splitter.ts";
import { attachment, oddMail, withAttachments } from "./mail-like.ts";

const root = join(import.meta.dirname, "../..");
const samples = globSync(["samples/*.eml", "cases/message/**/*", "cases/proof/**/*"], {
  cwd: root,
  withFileTypes: true,
})
  .filter((entry) => entry.isFile())
  .map((entry) => readFileSync(join(entry.parentPath, entry.name)));

/** The same bytes, never more than `most` of them at hand. */
function windowed(raw: Uint8Array, most: number): Bytes {
  return new Bytes(raw.length, (at) => {
    const start = at - (at % most);
    return { start, bytes: Uint8Array.from(raw.subarray(start, start + most)) };
  });
}

const said = (bytes: Bytes) => atOnce(describing(bytes));

describe("a message in windows", () => {
  it("is described as it is whole: samples", () => {
    expect(samples.length).toBeGreaterThan(5);
    for (const raw of samples) {
      for (const most of [1, 7, 1000]) expect(said(windowed(raw, most))).toEqual(said(Bytes.of(raw)));
    }
  });

  it("is described as it is whole: anything", () => {
    const check = (raw: Buffer, most: number) => {
      expect(said(windowed(raw, most))).toEqual(said(Bytes.of(raw)));
    };
    fc.assert(fc.property(oddMail, fc.integer({ min: 1, max: 80 }), check), { numRuns: 500 });
  });

  it("has its lines counted and its parts bounded the same", () => {
    const wide = Buffer.from(`Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\nx\n".repeat(9000)}--b--\n`);
    const [whole, cut] = [Bytes.of(wide), windowed(wide, 4096)].map((bytes) => atOnce(entityIn(bytes)));
    expect(whole?.children.length).toBe(4999);
    expect(cut?.children.map(({ start, end, lines }) => [start, end, lines])).toEqual(
      whole?.children.map(({ start, end, lines }) => [start, end, lines]),
    );
  });
});

type Split = { bytes: Buffer; headerSize: number; digest: string; stretches: string[] };

/** Splits in the slices given, and puts together what came out. */
function split(raw: Buffer, slices: readonly number[]): Split {
  const [own, stretches, coming]: [Buffer[], { start: number; end: number; bytes: Buffer }[], Buffer[]] = [[], [], []];
  const splitter = new Splitter({
    own(number, bytes) {
      own[number] = Buffer.from(bytes);
    },
    shared(number, bytes) {
      coming[number] = Buffer.from(bytes);
    },
    sharedEnd({ start, end, digest }) {
      const bytes = Buffer.concat(coming.splice(0));
      expect(createHash("sha256").update(bytes).digest()).toEqual(digest);
      stretches.push({ start, end, bytes });
    },
  });
  for (let [at, i] = [0, 0]; at < raw.length; i++) {
    const step = slices[i % slices.length] ?? 1;
    splitter.push(raw.subarray(at, at + step));
    at += step;
  }
  const { size, headerSize, digest } = splitter.end();
  expect(size).toBe(raw.length);
  expect(own.slice(1, -1).every(({ length }) => length === 131_072)).toBe(true);
  let [whole, rest] = [Buffer.alloc(0), Buffer.concat(own)];
  for (const { start, bytes } of stretches) {
    const gap = start - whole.length;
    whole = Buffer.concat([whole, rest.subarray(0, gap), bytes]);
    rest = rest.subarray(gap);
  }
  const bytes = Buffer.concat([whole, rest]);
  return {
    bytes,
    headerSize,
    digest: digest.toString("hex"),
    stretches: stretches.map(({ start, end }) => `${start}-${end}`),
  };
}

/** Long lines among the odd ones, so that stretches are long enough to share. */
const longMail = fc
  .array(
    fc.oneof(
      oddMail,
      fc.integer({ min: 1, max: 200_000 }).map((n) => Buffer.from(attachment(n % 5, n))),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Buffer.concat(parts));
const slicing = fc.array(fc.integer({ min: 500, max: 90_000 }), { minLength: 1, maxLength: 5 });

describe("a message on its way to the disk", () => {
  it("comes together again, however it was sliced, and its header ends where readers say", () => {
    fc.assert(
      fc.property(longMail, slicing, (raw, slices) => {
        const one = split(raw, [raw.length + 1]);
        const many = split(raw, slices);
        expect(many.bytes.equals(raw)).toBe(true);
        expect(many).toEqual(one);
        expect(one.headerSize).toBe(atOnce(entityIn(Bytes.of(raw))).bodyStart);
      }),
      { numRuns: 40 },
    );
  });

  it("comes together again byte by byte", () => {
    fc.assert(
      fc.property(oddMail, (raw) => {
        expect(split(raw, [1])).toEqual(split(raw, [raw.length + 1]));
      }),
      { numRuns: 150 },
    );
  });

  it("shares the bodies of large parts and nothing else, whatever stands around them", () => {
    const pdf = attachment(1, 200_000);
    const small = attachment(2, sharedFrom - 1);
    for (const text of ["short", "-- \r\nsignature\r\n\r\nmore", "a longer text\r\n".repeat(100)]) {
      const raw = Buffer.from(withAttachments("s", [small, pdf, pdf], text));
      const at = raw.indexOf(pdf);
      const second = raw.indexOf(pdf, at + 1);
      const { stretches } = split(raw, [70_000]);
      expect(stretches).toEqual([`${at}-${at + pdf.length}`, `${second}-${second + pdf.length}`]);
    }
  });

  it("shares a large body that has no parts", () => {
    const { stretches, headerSize } = split(Buffer.from(`Subject: x\r\n\r\n${attachment(3, 100_000)}`), [1000]);
    expect(stretches).toEqual([`${headerSize}-${headerSize + 100_000}`]);
  });
});
