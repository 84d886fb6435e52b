import { describe, expect, it } from "vitest";
import { Lines, LineTooLong } from "../../../src/daemon/net/lines.ts";

const feed = (text: string, size: number): Lines => {
  const lines = new Lines();
  for (let at = 0; at < text.length; at += size) lines.push(Buffer.from(text.slice(at, at + size), "latin1"));
  return lines;
};

describe("lines", () => {
  it.each([1, 2, 3, 5, 100])("are the same in chunks of %i", (size) => {
    const lines = feed("one\r\n\r\ntwo\nthree {5}\r\na\r\nb\n\r\nrest", size);
    const got = ["one", "", "two", "three {5}"].map(() => lines.line(100)?.toString());
    expect(got).toEqual(["one", "", "two", "three {5}"]);
    expect(lines.take(5)?.toString()).toBe("a\r\nb\n");
    expect(lines.line(100)?.toString()).toBe("");
    expect(lines.line(100)).toBeNull();
    expect(lines.size).toBe(4);
  });

  it("may be exactly as long as the bound", () => {
    expect(feed("12345\r\n", 1).line(5)?.toString()).toBe("12345");
    expect(() => feed("123456\r\n", 100).line(5)).toThrow(LineTooLong);
  });

  it("are refused before their end comes", () => {
    const lines = new Lines();
    lines.push(Buffer.from("x".repeat(8)));
    expect(() => lines.line(5)).toThrow(LineTooLong);
  });

  it("are found in one pass, however small the chunks", () => {
    const lines = new Lines();
    const began = performance.now();
    for (let i = 0; i < 60_000; i++) {
      lines.push(Buffer.from("x"));
      expect(lines.line(65_536) === null).toBe(true);
    }
    lines.push(Buffer.from("\r\n"));
    expect(lines.line(65_536)?.length).toBe(60_000);
    // Looking again at every byte each time would be 1.8 thousand million looks.
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it("give way to blocks and skips across chunks", () => {
    const lines = feed("abcdefghij", 3);
    expect(lines.take(11)).toBeNull();
    const target = Buffer.alloc(5);
    expect(lines.drain(target, 1)).toBe(4);
    expect(target.toString("latin1", 1)).toBe("abcd");
    expect(lines.skip(2)).toBe(2);
    expect(lines.take(4)?.toString()).toBe("ghij");
    expect(lines.skip(3)).toBe(0);
  });
});
