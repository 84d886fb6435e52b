import fc from "fast-check";
import { expect, it } from "vitest";
import { DataReader, room } from "../../../src/daemon/door/data.ts";

const bounds = { messageBytes: 100_000, lineBytes: 2000 };

/** Feeds the stream in pieces; answers the message (or the fault) and what came after it. */
function read(stream: Buffer, sizes: number[], limits = bounds) {
  const reader = new DataReader(limits, room(1 << 20));
  for (let at = 0, i = 0; at < stream.length; i++) {
    const size = sizes[i % sizes.length] ?? 1;
    const rest = reader.feed(stream.subarray(at, at + size));
    at += size;
    if (rest !== null) {
      const after = Buffer.concat([rest, stream.subarray(at)]).toString("latin1");
      return { fault: reader.fault, message: reader.fault ? null : reader.message().toString("latin1"), after };
    }
  }
  return { fault: reader.fault, message: null, after: null };
}

const stuff = (message: string) => `${message.replace(/(^|\r\n)\./g, "$1..")}.\r\n`;

it("gives back every CRLF-ended message, whatever the bytes and the chunks", () => {
  const line = fc.stringMatching(/^[.a-z\x00\xff]{0,12}$/).filter((text) => !/[\r\n]/.test(text));
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 20 }),
      fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1 }),
      (lines, sizes) => {
        const message = lines.map((text) => `${text}\r\n`).join("");
        const got = read(Buffer.from(`${stuff(message)}NEXT`, "latin1"), sizes);
        expect(got).toEqual({ fault: null, message, after: "NEXT" });
      },
    ),
  );
});

// RFC 5321 §2.3.8; the shapes of SMTP smuggling (CVE-2023-51764 and its kin): none ends the data, each is refused whole.
const smuggled = ["\n.\n", "\n.\r\n", "\r.\r\n", "\r.\r", "\r\n.\n", "\r\n.\r", "\r\r\n.\r\n", "\r\n\x00.\r\n\n"];
for (const ending of smuggled) {
  it(`is not ended by ${JSON.stringify(ending)} in any chunking`, () => {
    const stream = Buffer.from(`Subject: x\r\n\r\nhi${ending}MAIL FROM:<evil@example.org>\r\n.\r\nQUIT\r\n`, "latin1");
    for (const size of [1, 2, 3, 4, 5, 1000]) {
      const got = read(stream, [size]);
      // "\r\r\n.\r\n" ends in a true CRLF.CRLF: the end stands, the bare CR before it spoils the message.
      if (ending === "\r\r\n.\r\n") expect(got.after).toBe("MAIL FROM:<evil@example.org>\r\n.\r\nQUIT\r\n");
      else expect(got.after).toBe("QUIT\r\n");
      expect(got.fault).toBe("bare-newline");
    }
  });
}

it("refuses long lines and big messages, yet reads them to their end", () => {
  const long = Buffer.from(`${"x".repeat(2500)}\r\n.\r\nNEXT`);
  for (const size of [1, 7, 3000])
    expect(read(long, [size])).toEqual({ fault: "line-too-long", message: null, after: "NEXT" });
  const big = Buffer.from(`${"y\r\n".repeat(40_000)}.\r\nNEXT`);
  for (const size of [999, 200_000])
    expect(read(big, [size])).toEqual({ fault: "too-big", message: null, after: "NEXT" });
});

it("takes a message of exactly the limit", () => {
  const message = `${"z".repeat(98)}\r\n`.repeat(1000);
  expect(read(Buffer.from(`${message}.\r\n`), [4096])).toEqual({ fault: null, message, after: "" });
  expect(read(Buffer.from(`${message}z\r\n.\r\n`), [4096]).fault).toBe("too-big");
});

it("borrows memory from the shared room and gives it back", () => {
  const shared = room(100_000);
  const first = new DataReader(bounds, shared);
  first.feed(Buffer.from("a\r\n".repeat(20_000)));
  const second = new DataReader(bounds, shared);
  second.feed(Buffer.from("a\r\n".repeat(20_000)));
  expect([first.fault, second.fault]).toEqual([null, "no-room"]);
  first.free();
  second.free();
  expect(shared.take(100_000)).toBe(true);
});
