/**
 * Reading a small XML document from a stranger: elements and their text, nothing else. Whatever XML can do beyond that
 * (document types, entities of one's own, external references) is refused outright, so there is nothing to expand or fetch.
 */
export type XmlElement = {
  /** Without its namespace prefix: programs differ in what they call a namespace. */
  name: string;
  children: XmlElement[];
  /** All text directly inside, references resolved. */
  text: string;
};

const bounds = { depth: 16, elements: 200 } as const;
const startTag =
  /<([\p{L}_][\p{L}\p{N}_.:-]*)((?:\s+[\p{L}_][\p{L}\p{N}_.:-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>/uy;
const endTag = /<\/([\p{L}_][\p{L}\p{N}_.:-]*)\s*>/uy;

/** The root element; null when this is not well-formed XML, or more of it than anybody needs. */
export function readXml(source: string): XmlElement | null {
  return new Reader(source).document();
}

/** Direct child by local name, the first. */
export function child(of: XmlElement | null, name: string): XmlElement | null {
  return of?.children.find((each) => each.name === name) ?? null;
}

type Open = { qualified: string; element: XmlElement };

class Reader {
  private at = 0;
  private count = 0;
  private readonly open: Open[] = [];
  private root: XmlElement | null = null;
  private readonly source: string;

  constructor(source: string) {
    this.source = source.replace(/^\ufeff/, "");
  }

  document(): XmlElement | null {
    while (this.at < this.source.length) {
      if (!this.next()) return null;
    }
    return this.open.length === 0 ? this.root : null;
  }

  private next(): boolean {
    if (this.source[this.at] !== "<") return this.text();
    if (this.starts("<!--")) return this.skipTo("-->");
    if (this.starts("<?")) return this.skipTo("?>");
    if (this.starts("<![CDATA[")) return this.cdata();
    if (this.starts("</")) return this.end();
    return this.start(); // `<!DOCTYPE` is no start tag: refused
  }

  private text(): boolean {
    const less = this.source.indexOf("<", this.at);
    const upTo = less === -1 ? this.source.length : less;
    const decoded = decodeReferences(this.source.slice(this.at, upTo));
    this.at = upTo;
    return decoded !== null && this.say(decoded);
  }

  private cdata(): boolean {
    const from = this.at + "<![CDATA[".length;
    return this.skipTo("]]>") && this.say(this.source.slice(from, this.at - "]]>".length));
  }

  /** Outside the root only white space may stand. */
  private say(text: string): boolean {
    const inside = this.open.at(-1);
    if (inside === undefined) return text.trim() === "";
    inside.element.text += text;
    return true;
  }

  private start(): boolean {
    const [whole, qualified = "", , empty] = this.match(startTag) ?? [];
    if (whole === undefined || this.open.length >= bounds.depth || ++this.count > bounds.elements) return false;
    const element: XmlElement = { name: qualified.slice(qualified.lastIndexOf(":") + 1), children: [], text: "" };
    const parent = this.open.at(-1);
    if (parent !== undefined) parent.element.children.push(element);
    else if (this.root === null) this.root = element;
    else return false;
    if (empty !== "/") this.open.push({ qualified, element });
    return true;
  }

  private end(): boolean {
    const found = this.match(endTag);
    return found !== null && this.open.pop()?.qualified === found[1];
  }

  private match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.source);
    if (found !== null) this.at += found[0].length;
    return found;
  }

  private starts(text: string): boolean {
    return this.source.startsWith(text, this.at);
  }

  private skipTo(end: string): boolean {
    const found = this.source.indexOf(end, this.at + 2);
    this.at = found + end.length;
    return found !== -1;
  }
}

const predefined: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

function decodeReferences(text: string): string | null {
  let bad = false;
  const decoded = text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot|apos));|&/g, (...found) => {
    const [whole, hex, decimal, name]: (string | undefined)[] = found;
    if (name !== undefined) return predefined[name] ?? "";
    const point = hex !== undefined ? Number.parseInt(hex, 16) : Number(decimal);
    if (whole === "&" || !(point > 0 && point <= 0x10ffff)) bad = true;
    return bad ? "" : String.fromCodePoint(point);
  });
  return bad ? null : decoded;
}
