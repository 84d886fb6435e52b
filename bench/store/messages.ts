/** Made-up mail, always the same for a number: 78 % of 2 KB, 20 % of 20 KB, 2 % of 1 MB with an attachment, as the IMAP benchmark has it. */
import { createHash } from "node:crypto";

const words = Array.from({ length: 2000 }, (_, i) =>
  hash(`w${i}`)
    .toString("base64url")
    .replace(/[^a-z]/gi, "")
    .slice(0, 3 + (i % 7)),
);

function hash(text: string): Buffer {
  return createHash("sha512").update(text).digest();
}

export function sizeOf(number: number): number {
  return number % 50 === 49 ? 1_000_000 : number % 5 === 4 ? 20_000 : 2000;
}

export function message(number: number, size = sizeOf(number)): Buffer {
  let state = number + 1;
  const next = (most: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor((state / 2 ** 32) * most);
  };
  const some = (count: number): string => Array.from({ length: count }, () => words[next(2000)]).join(" ");
  const head =
    `From: ${some(2)} <p${number % 97}@example.org>\r\nTo: user@example.com\r\nSubject: ${some(6)}\r\n` +
    `Date: Tue, 14 Nov 2023 22:${String(number % 60).padStart(2, "0")}:00 +0000\r\nMessage-ID: <${number}@example.org>\r\n`;
  if (size > 100_000) return attachment(head, number, size);
  const lines = [`${head}Content-Type: text/plain; charset=utf-8\r\n\r\n`];
  for (let length = lines[0]?.length ?? 0; length < size; length += lines.at(-1)?.length ?? 1)
    lines.push(`${some(11)}\r\n`);
  if (number % 200 === 11) lines.push("here hides one zebrafish in the text\r\n");
  return Buffer.from(lines.join(""));
}

function attachment(head: string, number: number, size: number): Buffer {
  const blocks = Array.from({ length: Math.floor((size * 0.73) / 64) }, (_, i) => hash(`${number}.${i}`));
  const encoded = Buffer.concat(blocks).toString("base64").replace(/.{76}/g, "$&\r\n");
  const type =
    "Content-Type: multipart/mixed; boundary=b0\r\n\r\n--b0\r\nContent-Type: text/plain\r\n\r\nsee attachment\r\n--b0\r\n";
  const part = 'Content-Type: application/octet-stream; name="f.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n';
  return Buffer.from(`${head}${type}${part}${encoded}\r\n--b0--\r\n`);
}
