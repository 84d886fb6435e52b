// Mail as fast-check makes it: trees of parts and plain nonsense, with every mark that the readers look for at odd places.
import { createCipheriv } from "node:crypto";
import fc from "fast-check";

const marks = [
  ...["--b", "--b--", "--bb", "--c", "--", "-", "b", "\r\n", "\n", "\r", "\r\n\r\n", "\n\n", " ", "\t"],
  "Content-Type: multipart/mixed; boundary=b\r\n",
  "Content-Type: multipart/alternative; boundary=bb\r\n",
  "Content-Type: multipart/digest; boundary=c\r\n",
  "Content-Type: message/rfc822\r\n",
  "Content-Type: text/html; charset=utf-8\r\n",
  "Content-Type: application/pdf; name=x\r\n",
  "Content-Transfer-Encoding: base64\r\n",
  "Subject: =?utf-8?q?h=C3=A9?=\r\n",
  "a line of text\r\n",
  "aGVsbG8=\r\n",
  "long ".repeat(60),
];

export const oddMail: fc.Arbitrary<Buffer> = fc
  .array(fc.constantFrom(...marks), { maxLength: 60 })
  .map((parts) => Buffer.from(parts.join(""), "latin1"));

/** Bytes of an attachment in base64; the same number makes the same ones. */
export function attachment(number: number, bytes: number): string {
  // A key stream: incompressible, and as fast as it gets.
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, number), Buffer.alloc(16));
  const text = cipher.update(Buffer.alloc(Math.ceil(bytes * 0.75))).toString("base64");
  return text.replace(/(.{76})/g, "$1\r\n").slice(0, bytes);
}

/** A message with a text and attachments. */
export function withAttachments(subject: string, attachments: readonly string[], text = "see what I attached"): string {
  const parts = [`Content-Type: text/plain\r\n\r\n${text}`, ...attachments.map(part)];
  const head = `From: Ann <ann@sender.test>\r\nSubject: ${subject}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n`;
  return `${head}preamble${parts.map((one) => `\r\n--b\r\n${one}`).join("")}\r\n--b--\r\n`;
}

function part(content: string, i: number): string {
  return `Content-Type: application/pdf; name=f${i}.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n${content}`;
}
