/**
 * MIME as IMAP sees it, slow and plain, over latin-1 text: the readable twin of what the store does at filing. RFC 2045, 2046, 5322;
 * RFC 9051 §7.5.2 for how it is spelled.
 */
export type Field = { name: string; value: string; raw: string };
export type Node = {
  /** Header with its empty line, and what follows up to the enclosing boundary. */
  header: string;
  body: string;
  fields: Field[];
  type: string;
  subtype: string;
  params: [string, string][];
  encoding: string;
  children: Node[];
};

export function parseMime(raw: string, isDigest = false, depth = 0): Node {
  const { header, body } = split(raw);
  const fields = parseFields(header);
  const { value, params } = parameters(find(fields, "content-type") ?? "");
  const [type = "", subtype = ""] = /^[^/\s]+\/[^/\s]+$/.test(value)
    ? value.toLowerCase().split("/")
    : isDigest
      ? ["message", "rfc822"]
      : ["text", "plain"];
  const encoding = (find(fields, "content-transfer-encoding") ?? "7bit").trim().toLowerCase();
  const node: Node = { header, body, fields, type, subtype, params, encoding, children: [] };
  if (type === "multipart" && depth < 40) node.children = multipart(node, depth);
  if (type === "message" && subtype === "rfc822" && depth < 40) node.children = [parseMime(body, false, depth + 1)];
  return node;
}

function split(raw: string): { header: string; body: string } {
  if (raw.startsWith("\r\n")) return { header: "\r\n", body: raw.slice(2) };
  const end = raw.indexOf("\r\n\r\n");
  return end < 0 ? { header: raw, body: "" } : { header: raw.slice(0, end + 4), body: raw.slice(end + 4) };
}

export function parseFields(header: string): Field[] {
  const fields: Field[] = [];
  for (const line of header.split(/(?<=\r\n)/)) {
    const last = fields.at(-1);
    if (/^[ \t]/.test(line) && last) {
      last.raw += line;
      last.value += line.replace(/\r\n$/, "");
      continue;
    }
    const [, name, value] = /^([!-9;-~]+)[ \t]*:(.*?)(?:\r\n)?$/s.exec(line) ?? [];
    if (name !== undefined) fields.push({ name: name.toLowerCase(), value: value ?? "", raw: line });
  }
  return fields;
}

export function find(fields: readonly Field[], name: string): string | undefined {
  return fields.find((field) => field.name === name)?.value.trim();
}

function parameters(text: string): { value: string; params: [string, string][] } {
  const [value = "", ...rest] = uncomment(text).split(/;(?=(?:[^"]*"[^"]*")*[^"]*$)/);
  const params = rest.flatMap((one): [string, string][] => {
    const [, name, quoted, plain] = /^\s*([^=\s]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|(\S+))\s*$/s.exec(one) ?? [];
    return name ? [[name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? plain ?? ""]] : [];
  });
  return { value: value.trim(), params };
}

function uncomment(text: string): string {
  return text.replace(/\((?:[^()\\]|\\.)*\)/g, "");
}

function multipart(node: Node, depth: number): Node[] {
  const boundary = node.params.find(([name]) => name === "boundary")?.[1];
  if (!boundary) return [];
  const parts: string[] = [];
  let current: string[] | null = null;
  for (const line of node.body.split(/(?<=\r\n)/)) {
    const isClose = line.trimEnd() === `--${boundary}--`;
    if (isClose || line.trimEnd() === `--${boundary}`) {
      // The CRLF before a boundary belongs to the boundary (RFC 2046 §5.1.1).
      if (current) parts.push(current.join("").replace(/\r\n$/, ""));
      current = isClose ? null : [];
      if (isClose) break;
    } else current?.push(line);
  }
  if (current) parts.push(current.join(""));
  return parts.map((part) => parseMime(part, node.subtype === "digest", depth + 1));
}

/** The part that dotted numbers name; [1] of a message that is no multipart is its text. RFC 9051 §6.4.5.1. */
export function partAt(root: Node, path: readonly number[]): Node | null {
  let node: Node | undefined = root;
  for (const [i, n] of path.entries()) {
    const holder: Node = node.type === "message" && i > 0 ? (node.children[0] ?? node) : node;
    if (holder.type === "multipart") node = holder.children[n - 1];
    else node = n === 1 && (i === 0 || holder !== node) ? holder : undefined;
    if (!node) return null;
  }
  return node;
}

// ENVELOPE and BODYSTRUCTURE.

export function str(text: string | undefined): string {
  if (text === undefined) return "NIL";
  if (/^[\x20-\x7e]*$/.test(text)) return `"${text.replace(/["\\]/g, "\\$&")}"`;
  return `{${text.length}}\r\n${text}`;
}

export function envelope(fields: readonly Field[]): string {
  const from = addresses(find(fields, "from"));
  const or = (name: string): string => {
    const list = addresses(find(fields, name));
    return list === "NIL" ? from : list;
  };
  const rest = ["to", "cc", "bcc"].map((name) => addresses(find(fields, name)));
  const text = (name: string): string => str(find(fields, name));
  const who = [from, or("sender"), or("reply-to"), ...rest].join(" ");
  return `(${text("date")} ${text("subject")} ${who} ${text("in-reply-to")} ${text("message-id")})`;
}

function addresses(text: string | undefined): string {
  const list = parseAddresses(text ?? "");
  return list.length === 0 ? "NIL" : `(${list.join("")})`;
}

const token = /\s*(?:"((?:[^"\\]|\\.)*)"|(\((?:[^()\\]|\\.)*\))|([<>@,:;])|([^\s"<>@,:;()]+))/gy;

function parseAddresses(text: string): string[] {
  const found: string[] = [];
  let words: string[] = [];
  let local: string | null = null;
  let domain: string | null = null;
  let isAngle = false;
  const flush = (): void => {
    if (local !== null || words.length > 0) {
      const mailbox = local ?? words.join("");
      const name = isAngle ? words.join(" ") : "";
      found.push(`(${name ? str(name) : "NIL"} NIL ${str(mailbox)} ${domain === null ? "NIL" : str(domain)})`);
    }
    words = [];
    local = null;
    domain = null;
    isAngle = false;
  };
  let held: string[] = [];
  token.lastIndex = 0;
  for (let m = token.exec(text); m; m = token.exec(text)) {
    const [, quoted, comment, special, atom] = m;
    if (comment !== undefined) continue;
    const word = quoted?.replace(/\\(.)/g, "$1") ?? atom;
    if (word !== undefined) {
      if (domain !== null) domain += word;
      else if (isAngle) local = (local ?? "") + word;
      else words.push(word);
    } else if (special === "<") {
      isAngle = true;
      held = words;
    } else if (special === "@") {
      if (!isAngle) {
        local = words.join("");
        words = [];
      }
      domain = "";
    } else if (special === ",") flush();
    else if (special === ":" && !isAngle) {
      found.push(`(NIL NIL ${str(words.join(" "))} NIL)`);
      words = [];
    } else if (special === ";") {
      flush();
      found.push("(NIL NIL NIL NIL)");
    } else if (special === ">") words = held;
  }
  flush();
  return found;
}

export function structure(node: Node, extended: boolean): string {
  if (node.type === "multipart" && node.children.length > 0) {
    const children = node.children.map((child) => structure(child, extended)).join("");
    const tail = extended ? ` ${params(node.params)} ${extension(node)}` : "";
    return `(${children} ${str(node.subtype)}${tail})`;
  }
  const isText = node.type === "multipart";
  const head = [
    str(isText ? "text" : node.type),
    str(isText ? "plain" : node.subtype),
    params(withCharset(node)),
    str(find(node.fields, "content-id")),
    str(find(node.fields, "content-description")),
    str(node.encoding),
    node.body.length,
  ];
  const inner = node.children[0];
  if (inner) head.push(envelope(inner.fields), structure(inner, extended), lines(node.body));
  else if (node.type === "text" || isText) head.push(lines(node.body));
  return `(${head.join(" ")}${extended ? ` ${str(find(node.fields, "content-md5"))} ${extension(node)}` : ""})`;
}

function withCharset({ type, params }: Node): [string, string][] {
  return type === "text" && !params.some(([name]) => name === "charset")
    ? [["charset", "us-ascii"], ...params]
    : params;
}

function lines(body: string): number {
  return body.split("\n").length - 1;
}

function params(list: readonly [string, string][]): string {
  return list.length === 0 ? "NIL" : `(${list.map(([name, value]) => `${str(name)} ${str(value)}`).join(" ")})`;
}

/** disposition, language, location. */
function extension({ fields }: Node): string {
  const disposition = find(fields, "content-disposition");
  const parsed = parameters(disposition ?? "");
  const languages = find(fields, "content-language")?.split(/\s*,\s*/);
  return [
    disposition ? `(${str(parsed.value.toLowerCase())} ${params(parsed.params)})` : "NIL",
    languages ? `(${languages.map(str).join(" ")})` : "NIL",
    str(find(fields, "content-location")),
  ].join(" ");
}

/** Decoded bytes as latin-1 text; null: unknown encoding. */
export function decodeBody({ encoding, body }: Node): string | null {
  if (encoding === "base64") return Buffer.from(body, "base64").toString("latin1");
  if (encoding === "quoted-printable") {
    return body
      .replace(/[ \t]+(?=\r\n|$)/g, "")
      .replace(/=\r\n/g, "")
      .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return ["7bit", "8bit", "binary", ""].includes(encoding) ? body : null;
}

/** RFC 2047 words decoded, raw UTF-8 read as such. */
export function decodeWords(text: string): string {
  return text
    .replace(/(=\?[^?]+\?[bqBQ]\?[^?]*\?=)\s+(?==\?[^?]+\?[bqBQ]\?)/g, "$1")
    .replace(/=\?([^?*]+)(?:\*[^?]*)?\?([bqBQ])\?([^?]*)\?=/g, (whole, charset: string, how: string, data: string) => {
      const bytes =
        how.toLowerCase() === "b"
          ? Buffer.from(data, "base64")
          : Buffer.from(
              data
                .replaceAll("_", " ")
                .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
              "latin1",
            );
      return toBinary(decodeCharset(bytes, charset)) ?? whole;
    });
}

function toBinary(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

export function decodeCharset(bytes: Uint8Array, charset: string): string {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return Buffer.from(bytes).toString("latin1");
  }
}
