/**
 * A plain-text message of our own: verification mails, notices, automatic answers. RFC 5322, RFC 2045, RFC 2047. What people
 * typed can't add a header field: values are cut at control characters and encoded where they are not ASCII.
 */
import { toBase64, utf8 } from "../bytes.ts";

export type Letter = {
  /** Address only; `fromName`, unless empty, is shown. */
  from: string;
  fromName: string;
  to: string;
  subject: string;
  /** Lines end in LF. */
  text: string;
  /** UTC ms. */
  date: number;
  /** Without angle brackets. */
  messageId: string;
  /** Further fields (Auto-Submitted, In-Reply-To, …), values in ASCII. */
  fields: readonly (readonly [name: string, value: string])[];
};

export function writeLetter(letter: Letter): Uint8Array<ArrayBuffer> {
  const lines = letter.text.split(/\r?\n/);
  const text = lines.join("\r\n");
  // RFC 2045 §2.7, and readable wherever it is looked at raw.
  const isPlain = lines.every((line) => line.length <= 998 && /^[\t\x20-\x7e]*$/.test(line));
  const fields = [
    ["From", `${letter.fromName === "" ? "" : `${phrase(letter.fromName)} `}<${clean(letter.from)}>`],
    ["To", `<${clean(letter.to)}>`],
    ["Subject", encodedText(letter.subject)],
    ["Date", new Date(letter.date).toUTCString().replace("GMT", "+0000")],
    ["Message-ID", `<${clean(letter.messageId)}>`],
    ...letter.fields.map(([name, value]) => [name, clean(value)]),
    ["MIME-Version", "1.0"],
    ["Content-Type", "text/plain; charset=utf-8"],
    ["Content-Transfer-Encoding", isPlain ? "7bit" : "base64"],
  ];
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  if (isPlain) return utf8(`${head}\r\n${text}${text.endsWith("\r\n") ? "" : "\r\n"}`);
  return utf8(`${head}\r\n${toBase64(utf8(text)).replace(/.{1,76}/g, "$&\r\n")}`);
}

function clean(value: string): string {
  return value.replace(/[\x00-\x1f\x7f]+/g, " ").trim();
}

function phrase(name: string): string {
  const text = clean(name);
  return /^[\x20-\x7e]*$/.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : encodedText(text);
}

/** RFC 2047 §2: encoded-words of at most 75 characters, parted between characters, never inside one. */
function encodedText(value: string): string {
  const text = clean(value);
  if (/^[\x20-\x7e]*$/.test(text) && text.length <= 900 && !text.includes("=?")) return text;
  const words: string[] = [];
  let word = "";
  for (const char of text.slice(0, 900).toWellFormed()) {
    if (utf8(word + char).length > 45) {
      words.push(word);
      word = "";
    }
    word += char;
  }
  return [...words, word].map((part) => `=?utf-8?B?${toBase64(utf8(part))}?=`).join("\r\n ");
}
