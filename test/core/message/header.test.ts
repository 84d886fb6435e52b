import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concat, fromLatin1, latin1, utf8 } from "../../../src/core/bytes.ts";
import { limits } from "../../../src/core/limits.ts";
import { authorOf } from "../../../src/core/message/author.ts";
import {
  type Defect,
  duplicates,
  fieldBytes,
  fieldsNamed,
  fieldText,
  fieldValue,
  readHeader,
} from "../../../src/core/message/header.ts";

function read(text: string) {
  return readHeader(fromLatin1(text));
}

describe("fields", () => {
  test("names, folding and the body", () => {
    const header = read("From: a@x\r\nSUBJECT : one\r\n\ttwo\r\n three\r\n\r\nbody\r\n");
    expect(header.fields.map(({ name }) => name)).toEqual(["from", "subject"]);
    const [subject] = fieldsNamed(header, "Subject");
    if (!subject) throw new Error("no subject");
    expect(fieldValue(header, subject)).toBe(" one\r\n\ttwo\r\n three\r\n");
    expect(fieldText(header, subject)).toBe("one\ttwo three");
    expect(latin1(header.raw.subarray(header.bodyAt))).toBe("body\r\n");
    expect([...header.defects]).toEqual([]);
  });

  test("RFC 6532: UTF-8 is read, other bytes stay one character each", () => {
    const header = readHeader(concat(utf8("A: Grüße\r\n"), fromLatin1("B: Gr\xfc\xdfe\r\n\r\n")));
    expect(header.fields.map((field) => fieldText(header, field))).toEqual(["Grüße", "Grüße"]);
  });

  test.each<[what: string, text: string, names: string[], defects: Defect[]]>([
    ["bare LF ends a line: a hidden From is seen", "X: a\nFrom: b@x\r\n\r\n", ["x", "from"], ["bare-lf"]],
    ["bare CR ends nothing", "X: a\rFrom: b@x\r\n\r\n", ["x"], ["bare-cr"]],
    ["a fold before any field", " X: a\r\nFrom: b@x\r\n\r\n", ["x", "from"], ["leading-fold", "bad-name"]],
    ["a line without a colon", "junk\r\nFrom: b@x\r\n\r\n", ["", "from"], ["no-colon"]],
    ["a NUL", "X: \0\r\n\r\n", ["x"], ["nul"]],
    ["a space in a name", "X Y: a\r\n\r\n", ["x y"], ["bad-name"]],
    ["no end", "From: b@x\r\n", ["from"], ["no-end"]],
    ["nothing", "", [], ["no-end"]],
    ["only a body", "\r\nbody", [], []],
  ])("%s", (_, text, names, defects) => {
    const header = read(text);
    expect(header.fields.map(({ name }) => name.trim())).toEqual(names);
    expect([...header.defects].sort()).toEqual([...defects].sort());
  });

  test("a white line is a fold, not the end", () => {
    const header = read("X: a\r\n \r\nY: b\r\n\r\nbody");
    expect(header.fields.map(({ name }) => name)).toEqual(["x", "y"]);
  });

  test("what may stand once and stands twice", () => {
    expect(
      duplicates(read("Received: a\r\nReceived: b\r\nFrom: a\r\nSubject: x\r\nfrom : b\r\nSubject:\r\n\r\n")),
    ).toEqual(["from", "subject"]);
  });

  test("more fields than are read", () => {
    const many = "a:\n".repeat(limits.proof.headerFields + 5);
    const header = read(`${many}\nbody`);
    expect(header.fields).toHaveLength(limits.proof.headerFields);
    expect(header.defects).toContain("too-many-fields");
    expect(header.bodyAt).toBe(many.length + 1);
  });
});

test("every byte of the header is in exactly one field", () => {
  const letters = fc.constantFrom(..."ab:: \t\r\r\n\n\n\0é".split(""));
  fc.assert(
    fc.property(fc.array(letters, { maxLength: 300 }), (parts) => {
      const raw = fromLatin1(parts.join(""));
      const header = readHeader(raw);
      const whole = concat(...header.fields.map((field) => fieldBytes(header, field)));
      expect(latin1(whole)).toBe(latin1(raw.subarray(0, header.end)));
      expect(latin1(raw.subarray(header.end, header.bodyAt))).toMatch(/^(\r?\n)?$/);
    }),
    { numRuns: 2000 },
  );
});

describe("the author", () => {
  test.each<[text: string, expected: object]>([
    ["From: A <a@Example.COM>\r\n\r\n", { kind: "one", domain: "example.com", address: "a@Example.COM" }],
    ["From: a@example.com, b@EXAMPLE.com\r\n\r\n", { kind: "one", domain: "example.com" }],
    ["From: g: a@example.com;\r\n\r\n", { kind: "one", domain: "example.com" }],
    ["From: a@b\u00fccher.example\r\n\r\n", { kind: "one", domain: "xn--bcher-kva.example" }],
    ["To: x\r\n\r\n", { kind: "none" }],
    ["From: \r\n\r\n", { kind: "none" }],
    ["From: nobody:;\r\n\r\n", { kind: "none" }],
    ["From: a@x.test\r\nFrom: a@x.test\r\n\r\n", { kind: "several", domains: ["x.test"] }],
    ["From: a@x.test\nFrom: b@y.test\r\n\r\n", { kind: "several", domains: ["x.test", "y.test"] }],
    ["From: a@x.test, b@y.test\r\n\r\n", { kind: "several", domains: ["x.test", "y.test"] }],
    ["From: <a@x.test> <b@y.test>\r\n\r\n", { kind: "malformed" }],
    ["From: a@[192.0.2.1]\r\n\r\n", { kind: "malformed" }],
    ["From: <>\r\n\r\n", { kind: "malformed" }],
    ["From: who\r\n\r\n", { kind: "malformed", domains: [] }],
  ])("%j", (text, expected) => {
    expect(authorOf(readHeader(utf8(text)))).toMatchObject(expected);
  });

  test("an endless From is no author, but its domains are known", () => {
    const header = readHeader(utf8(`From: a@x.test, ${"b@y.test, ".repeat(20_000)}\r\n\r\n`));
    expect(authorOf(header)).toMatchObject({ kind: "malformed", domains: ["x.test", "y.test"] });
  });
});
