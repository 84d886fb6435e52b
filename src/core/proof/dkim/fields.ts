/** Header canonicalisation (RFC 6376 §3.4.1, §3.4.2) and the choice of signed fields (§5.4.2), for DKIM and for ARC. */
import { fromLatin1, latin1 } from "../../bytes.ts";
import { limits } from "../../limits.ts";
import { type Field, fieldBytes, type Header } from "../../message/header.ts";
import { trimEnd } from "../../message/white.ts";
import type { Canon } from "./body.ts";

/** Canonical fields are made once however many signatures sign them. */
export class CanonicalFields {
  private readonly made = { simple: new Map<Field, Uint8Array>(), relaxed: new Map<Field, Uint8Array>() };
  private byName: Map<string, Field[]> | null = null;
  private readonly header: Header;

  constructor(header: Header) {
    this.header = header;
  }

  canonical(field: Field, canon: Canon): Uint8Array {
    let bytes = this.made[canon].get(field);
    if (bytes === undefined) {
      bytes = canonicalField(latin1(fieldBytes(this.header, field)), canon);
      this.made[canon].set(field, bytes);
    }
    return bytes;
  }

  /**
   * The fields that h= names, bottom-up for repeated names; a name that occurs no more signs nothing (§5.4.2).
   * `names` are lower case; `except` is the signature itself, which is never its own input.
   * Null when a hostile h= names more header than any honest message has.
   */
  signed(names: readonly string[], canon: Canon, except: Field | null): Uint8Array[] | null {
    const above = new Map<string, number>();
    const parts: Uint8Array[] = [];
    let size = 0;
    for (const name of names) {
      const fields = this.named(name);
      let at = (above.get(name) ?? fields.length) - 1;
      if (at >= 0 && fields[at] === except) at--;
      above.set(name, Math.max(at, 0));
      const field = fields[at];
      if (field === undefined) continue;
      size += field.end - field.start;
      if (size > limits.headerBytes) return null;
      parts.push(this.canonical(field, canon));
    }
    return parts;
  }

  private named(name: string): readonly Field[] {
    if (this.byName === null) {
      this.byName = new Map();
      for (const field of this.header.fields) {
        const list = this.byName.get(field.name);
        if (list) list.push(field);
        else this.byName.set(field.name, [field]);
      }
    }
    return this.byName.get(name) ?? [];
  }
}

/** `text` is one whole field, one character per byte. The answer ends in CRLF. */
export function canonicalField(text: string, canon: Canon): Uint8Array {
  return fromLatin1(canon === "simple" ? simpleField(text) : relaxedField(text));
}

// §3.4.1 changes nothing; a file with bare LFs is what its CRLF form is.
function simpleField(text: string): string {
  return `${text.replace(/\r?\n$/, "").replace(/\r?\n/g, "\r\n")}\r\n`;
}

function relaxedField(text: string): string {
  const colon = text.indexOf(":");
  const name = trimEnd(text.slice(0, Math.max(colon, 0))).toLowerCase();
  const value = text
    .slice(colon + 1)
    .replace(/\r?\n/g, "")
    .replace(/[ \t]+/g, " ")
    .replace(/^ | $/g, "");
  return `${name}:${value}\r\n`;
}

/** The signature field as it was signed: the value of b= empty, nothing else touched, no final CRLF (§3.7). */
export function withoutSignature(text: string, canon: Canon): Uint8Array {
  const colon = text.indexOf(":") + 1;
  const emptied = text.slice(0, colon) + emptyB(text.slice(colon));
  const bytes = canonicalField(emptied, canon);
  return bytes.subarray(0, bytes.length - 2);
}

function emptyB(value: string): string {
  return value
    .split(";")
    .map((spec) => spec.replace(/^([ \t\r\n]*b[ \t\r\n]*=)[\s\S]*$/, (whole, head: string) => head + lineEndOf(whole)))
    .join(";");
}

// The last tag runs to the end of the field: the final line end is not part of its value.
function lineEndOf(spec: string): string {
  return /\r?\n$/.exec(spec)?.[0] ?? "";
}
