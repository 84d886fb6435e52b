// Structure, words and text of odd mail. The contract suite holds the everyday cases; these are the ones that readers disagree about.
import { describe, expect, it } from "vitest";
import { Bytes } from "../../../src/daemon/store/mime/bytes.ts";
import { readEntity } from "../../../src/daemon/store/mime/entity.ts";
import { renderEnvelope } from "../../../src/daemon/store/mime/envelope.ts";
import { locate, mapOf } from "../../../src/daemon/store/mime/map.ts";
import { previewOf } from "../../../src/daemon/store/mime/preview.ts";
import { sentOf } from "../../../src/daemon/store/mime/sent.ts";
import { renderStructure } from "../../../src/daemon/store/mime/structure.ts";
import { textOfHtml } from "../../../src/daemon/store/mime/text.ts";
import { decodeWords } from "../../../src/daemon/store/mime/words.ts";
import { baseSubject } from "../../../src/daemon/store/search/subject.ts";

const crlf = (text: string) => Buffer.from(text.replace(/\n/g, "\r\n"), "utf8");
const structure = (text: string) => {
  const raw = crlf(text);
  return renderStructure(readEntity(raw), false);
};
const part = (text: string, ...numbers: number[]) => {
  const raw = crlf(text);
  const found = locate(mapOf(readEntity(raw)), numbers);
  return found && raw.toString("utf8", found[1], found[2]);
};
const header = (text: string) => readEntity(crlf(`${text}\n\n`)).header;

describe("structure", () => {
  it("gives every input one, however broken", () => {
    expect(structure("")).toBe('("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0)');
    expect(structure("\n\nbody")).toMatch(/^\("text" "plain"/);
    expect(structure("Content-Type: multipart/mixed\n\nx")).toBe(
      '(("text" "plain" ("charset" "us-ascii") NIL NIL "7bit" 0 0) "mixed")',
    );
    expect(structure("Content-Type: garbage\n\nx")).toContain('"text" "plain"');
    expect(structure("Content-Type: multipart/mixed; boundary=b\n\n--b\n\nnever closed")).toContain(
      '"7bit" 12 0) "mixed"',
    );
  });

  it("tells boundaries that begin alike apart, and ends a part at its parent's boundary", () => {
    const text =
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\ninner\n--b\n\nouter\n--b--\n";
    expect(part(text, 1, 1)).toBe("inner");
    expect(part(text, 2)).toBe("outer");
    expect(part(text, 3)).toBeNull();
  });

  it("bounds depth and number of parts", () => {
    const deep = `${"Content-Type: message/rfc822\n\n".repeat(500)}x`;
    expect(structure(deep).match(/"rfc822"/g)?.length).toBe(51);
    const wide = `Content-Type: multipart/mixed; boundary=b\n\n${"--b\n\nx\n".repeat(20_000)}--b--\n`;
    expect(structure(wide).match(/"plain"/g)?.length).toBeLessThanOrEqual(5000);
  });

  it("numbers the parts of an embedded message", () => {
    const text =
      "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\nSubject: s\n\nhello\n--b--\n";
    expect(part(text, 1)).toBe("Subject: s\r\n\r\nhello");
    expect(part(text, 1, 1)).toBe("hello");
    expect(part(text, 1, 2)).toBeNull();
    expect(part("Subject: x\n\nbody", 1)).toBe("body");
    expect(part("Subject: x\n\nbody", 1, 1)).toBeNull();
  });

  it("reads continued and extended parameters", () => {
    const type = "Content-Type: text/plain; name*0*=iso-8859-1''J%F6rg; name*1=\" x\"; a=b; a=c";
    expect(Buffer.from(structure(`${type}\n\n`), "latin1").toString()).toContain(
      '("a" "b" "name" {7}\r\nJörg x "charset" "us-ascii")',
    );
  });
});

describe("transfer encodings", () => {
  it.each(["BASE64", " base64 (as ever)", "base64;", "base64 ; x=y"])("%s", (encoding) => {
    expect(structure(`Content-Transfer-Encoding: ${encoding}\n\neA==`)).toContain('NIL NIL "base64" 4');
  });
});

describe("envelope", () => {
  const envelope = (text: string) => renderEnvelope(header(text));
  it("takes a source route for no address", () => {
    expect(envelope("From: Ann <@r1.test,@r2.test:ann@x.test>, bob@y.test")).toContain(
      '(("Ann" NIL "ann" "x.test")(NIL NIL "bob" "y.test"))',
    );
  });

  it("shows groups, comments for names, quoted locals, and addresses without a host", () => {
    expect(envelope('To: "a\\"b" <"x y"@h.test>, c@d (Cee), me, g: ;')).toContain(
      '(("a\\"b" NIL "x y" "h.test")("Cee" NIL "c" "d")(NIL NIL "me" "")(NIL NIL "g" NIL)(NIL NIL NIL NIL))',
    );
  });
  it("sends 8-bit text as a literal, and never a NUL", () => {
    expect(envelope("Subject: caf\u00e9")).toBe(
      `(NIL {5}\r\n${Buffer.from("café").toString("latin1")}${" NIL".repeat(8)})`,
    );
    expect(envelope("Subject: a\0b")).toContain("{2}\r\nab");
  });
  it("survives hostile lists in reasonable time", () => {
    const began = performance.now();
    envelope(`To: ${"(".repeat(200_000)}`);
    envelope(`To: ${"a@b,".repeat(60_000)}`);
    envelope(`To: ${'"\\'.repeat(100_000)}`);
    expect(performance.now() - began).toBeLessThan(5000);
  });
});

describe("words", () => {
  it("joins neighbours, also where a character was split between them", () => {
    expect(decodeWords("=?utf-8?q?J=C3?= =?utf-8?q?=B6rg?= x =?utf-8?b?4pyT?=")).toBe("Jörg x ✓");
    expect(decodeWords("=?iso-8859-1*de?q?M=FCller?=")).toBe("Müller");
    expect(decodeWords("=?utf-8?x?no?= a=?b")).toBe("=?utf-8?x?no?= a=?b");
  });
  it("reads dates with their zones, and the day as it is spelled", () => {
    expect(sentOf("Wed, 15 Nov 2023 01:00:00 +0900")).toEqual({ at: Date.UTC(2023, 10, 14, 16), day: 19_676 });
    expect(sentOf("15 nov 99 1:02 EST")?.at).toBe(Date.UTC(1999, 10, 15, 6, 2));
    expect(sentOf("yesterday")).toBeNull();
    expect(sentOf(null)).toBeNull();
  });
  it("finds the base subject", () => {
    for (const text of ["Re: [list] Fwd: Hello (fwd)", "re[2]: hello", "[Fwd: hello]", "[a] [b] hello"]) {
      expect(baseSubject(text).base).toBe("HELLO");
    }
    expect(baseSubject("[only a blob]").base).toBe("[ONLY A BLOB]");
    expect([baseSubject("hello").isReply, baseSubject("Fw: hello").isReply]).toEqual([false, true]);
  });
});

describe("text", () => {
  it("of HTML has no markup, script or style, and survives broken tags", () => {
    expect(textOfHtml("<p>a<br>b</p><!-- c --><script>d</script>e &lt; f &bogus; 1 < 2 <unclosed")).toBe(
      "\na\nb\ne < f &bogus; 1 < 2 ",
    );
    expect(textOfHtml("<style>x{</style >y<script>never closed")).toBe("y");
  });
  it("of a preview is cut between characters", () => {
    for (let pad = 0; pad < 4; pad++) {
      const raw = crlf(
        `Content-Type: text/plain; charset=utf-8\n\n${" ".repeat(1400)}${"x".repeat(pad)}${"ü✓😀".repeat(60)}`,
      );
      expect(previewOf(readEntity(raw), Bytes.of(raw))).toMatch(/^x*(ü|✓|😀)+$/u);
    }
  });
});
