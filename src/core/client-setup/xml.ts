/**
 * Writing XML 1.0: elements are values, text is escaped in one place. An address or domain that was made to break out of its
 * element stays text.
 */
export type Xml = { name: string; attributes: Readonly<Record<string, string>>; content: readonly Xml[] | string };

/** `name` is ours, never a visitor's. */
export function element(name: string, content: readonly Xml[] | string, attributes: Record<string, string> = {}): Xml {
  return { name, attributes, content };
}

/** A whole document, UTF-8 without BOM; `doctype` stands as given. */
export function xmlDocument(root: Xml, doctype = ""): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${doctype === "" ? "" : `${doctype}\n`}${render(root, "")}`;
}

function render({ name, attributes, content }: Xml, indent: string): string {
  const tag = [name, ...Object.entries(attributes).map(([key, value]) => `${key}="${escapeXml(value)}"`)].join(" ");
  if (content.length === 0) return `${indent}<${tag}/>\n`;
  if (typeof content === "string") return `${indent}<${tag}>${escapeXml(content)}</${name}>\n`;
  return `${indent}<${tag}>\n${content.map((child) => render(child, `${indent}  `)).join("")}${indent}</${name}>\n`;
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
};

// XML 1.0 §2.2: most control characters can't be written at all, not even as references; neither can lone surrogates.
const unwritable = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu;

export function escapeXml(text: string): string {
  return text.replace(unwritable, "\ufffd").replace(/[&<>"']/g, (c) => escapes[c] ?? c);
}
