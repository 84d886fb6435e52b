/** Search, sort and thread by looking at every message; what is fast elsewhere must answer the same. RFC 9051 §6.4.4, RFC 5256. */
import type { Query, SortKey, Threads } from "../../src/daemon/imap/port.ts";
import type { Stored } from "./mailboxes.ts";
import { decodeBody, decodeCharset, decodeWords, find, type Node } from "./mime.ts";

const DAY = 86_400_000;

function utf8(binary: string): string {
  return Buffer.from(binary, "latin1").toString("utf8");
}

function holds(binary: string | undefined, text: string): boolean {
  return binary !== undefined && utf8(decodeWords(binary)).toLowerCase().includes(text.toLowerCase());
}

function fieldHolds({ mime }: Stored, name: string, text: string): boolean {
  return mime.fields.some((field) => field.name === name.toLowerCase() && holds(field.value, text));
}

export function bodyText(node: Node): string {
  // The header of an embedded message is text of the body; the headers of parts are not (RFC 9051 §6.4.4).
  const withHeader = node.type === "message";
  if (node.children.length > 0)
    return node.children.map((child) => `${withHeader ? headerText(child) : ""}\n${bodyText(child)}`).join("\n");
  if (node.type !== "text" && node.type !== "multipart") return "";
  const charset = node.params.find(([name]) => name === "charset")?.[1] ?? "utf-8";
  return decodeCharset(
    Buffer.from(decodeBody(node) ?? node.body, "latin1"),
    charset === "us-ascii" ? "utf-8" : charset,
  );
}

function headerText(node: Node): string {
  return node.fields.map((field) => utf8(decodeWords(field.value))).join("\n");
}

function partsOf(node: Node): Node[] {
  return node.children.flatMap((child) => [child, ...partsOf(child)]);
}

export function matches(m: Stored, query: Query, now: number): boolean {
  switch (query.kind) {
    case "all":
      return true;
    case "uids":
      return query.ranges.some(([first, last]) => m.uid >= first && m.uid <= last);
    case "flag":
      return m.flags.some((flag) => flag.toLowerCase() === query.flag.toLowerCase()) === query.set;
    case "header":
      return fieldHolds(m, query.name, query.text);
    case "address":
    case "subject":
      return fieldHolds(m, query.field, query.text);
    case "body":
      return bodyText(m.mime).toLowerCase().includes(query.text.toLowerCase());
    case "text":
      return (
        [m.mime, ...partsOf(m.mime)].some(({ header }) => holds(header, query.text)) ||
        matches(m, { kind: "body", text: query.text }, now)
      );
    case "date":
      return compareDay(dayOf(m, query.which), query.compare, query.day);
    case "size":
      return query.compare === "larger" ? m.raw.length > query.bytes : m.raw.length < query.bytes;
    case "age":
      return (query.compare === "older") === m.internalDate <= now - query.seconds * 1000;
    case "modseq":
      return m.modseq >= query.atLeast;
    case "id":
      return (query.which === "email" ? m.emailId : m.threadId) === query.id;
    case "and":
      return query.of.every((one) => matches(m, one, now));
    case "or":
      return query.of.some((one) => matches(m, one, now));
    case "not":
      return !matches(m, query.of, now);
  }
}

function dayOf(m: Stored, which: "internal" | "sent" | "saved"): number {
  if (which === "internal") return Math.floor(m.internalDate / DAY);
  if (which === "saved") return Math.floor(m.savedAt / DAY);
  const text = find(m.mime.fields, "date") ?? "";
  const [, day, month, year] = /(\d{1,2})\s+([A-Za-z]{3})\s+(\d{4})/.exec(text) ?? [];
  if (day === undefined) return Math.floor(m.internalDate / DAY);
  return Math.floor(Date.parse(`${day} ${month} ${year} 00:00:00 +0000`) / DAY);
}

function compareDay(day: number, compare: "before" | "on" | "since", wanted: number): boolean {
  return compare === "before" ? day < wanted : compare === "on" ? day === wanted : day >= wanted;
}

export function sentAt(m: Stored): number {
  const at = Date.parse(find(m.mime.fields, "date") ?? "");
  return Number.isNaN(at) ? m.internalDate : at;
}

/** RFC 5256 §2.1. */
export function baseSubject(m: Stored): string {
  let text = utf8(decodeWords(find(m.mime.fields, "subject") ?? ""))
    .replace(/\s+/g, " ")
    .trim();
  for (let before = ""; before !== text; ) {
    before = text;
    text = text.replace(/\(fwd\)\s*$/i, "").trim();
    text = text.replace(/^(?:\[[^\]]*\]\s*)*(?:re|fwd?)\s*(?:\[[^\]]*\])?\s*:\s*/i, "");
    const blobless = text.replace(/^\[[^[\]]*\]\s*/, "");
    if (blobless !== "") text = blobless;
    text = text.replace(/^\[fwd:(.*)\]$/i, "$1").trim();
  }
  return text.toUpperCase();
}

function firstMailbox(m: Stored, name: string): string {
  const text = find(m.mime.fields, name) ?? "";
  const [first = ""] = text.split(",");
  return (/<([^@>]*)/.exec(first)?.[1] ?? first.split("@")[0] ?? "").trim().toUpperCase();
}

function display(m: Stored, name: string): string {
  const [first = ""] = (find(m.mime.fields, name) ?? "").split(",");
  const shown = utf8(decodeWords(first.replace(/<.*>/, "").trim().replace(/^"|"$/g, "")));
  return (first.includes("<") && shown !== "" ? shown : (/<?([^<>]*)>?/.exec(first)?.[1] ?? "")).toUpperCase();
}

const values: Record<SortKey["key"], (m: Stored) => number | string> = {
  arrival: (m) => m.internalDate,
  date: sentAt,
  size: (m) => m.raw.length,
  subject: baseSubject,
  from: (m) => firstMailbox(m, "from"),
  to: (m) => firstMailbox(m, "to"),
  cc: (m) => firstMailbox(m, "cc"),
  displayfrom: (m) => display(m, "from"),
  displayto: (m) => display(m, "to"),
};

export function sorted(messages: readonly Stored[], keys: readonly SortKey[]): Stored[] {
  return messages.toSorted((a, b) => {
    for (const { key, reverse } of keys) {
      const [x, y] = [values[key](a), values[key](b)];
      if (x !== y) return (x < y ? -1 : 1) * (reverse ? -1 : 1);
    }
    return a.uid - b.uid;
  });
}

type Tree = { m: Stored | null; children: Tree[] };

export function threads(messages: readonly Stored[], algorithm: "REFERENCES" | "ORDEREDSUBJECT"): Threads {
  const roots = algorithm === "ORDEREDSUBJECT" ? bySubject(messages) : byReferences(messages);
  const uids: number[] = [];
  const depths: number[] = [];
  const walk = (tree: Tree, depth: number): void => {
    uids.push(tree.m?.uid ?? 0);
    depths.push(depth);
    for (const child of tree.children) walk(child, depth + 1);
  };
  for (const root of roots) walk(root, 0);
  return { uids: Uint32Array.from(uids), depths: Uint32Array.from(depths) };
}

function bySubject(messages: readonly Stored[]): Tree[] {
  const groups = new Map<string, Stored[]>();
  for (const m of sorted(messages, [
    { key: "subject", reverse: false },
    { key: "date", reverse: false },
  ])) {
    const key = baseSubject(m);
    groups.set(key, [...(groups.get(key) ?? []), m]);
  }
  const all = [...groups.values()].toSorted((a, b) => sentAt(a[0] as Stored) - sentAt(b[0] as Stored));
  return all.map(([first, ...rest]) => ({ m: first ?? null, children: rest.map((m) => ({ m, children: [] })) }));
}

function ids(text: string | undefined): string[] {
  return [...(text ?? "").matchAll(/<([^<>\s]+)>/g)].map((m) => m[1] ?? "");
}

function byReferences(messages: readonly Stored[]): Tree[] {
  const nodes = new Map<string, Tree & { parent: string | null }>();
  const node = (id: string) => {
    const known = nodes.get(id) ?? { m: null, children: [], parent: null };
    nodes.set(id, known);
    return known;
  };
  const isAbove = (id: string, of: string): boolean => {
    for (let at: string | null = of; at !== null; at = nodes.get(at)?.parent ?? null) if (at === id) return true;
    return false;
  };
  for (const m of messages) {
    let [id = ""] = ids(find(m.mime.fields, "message-id"));
    if (id === "" || nodes.get(id)?.m) id = `\0${m.uid}`;
    node(id).m = m;
    const references = ids(find(m.mime.fields, "references"));
    const chain = references.length > 0 ? references : ids(find(m.mime.fields, "in-reply-to")).slice(0, 1);
    chain.forEach((ref, i) => {
      const above = chain[i - 1];
      if (above !== undefined && node(ref).parent === null && !isAbove(ref, above)) node(ref).parent = above;
      node(ref);
    });
    const parent = chain.at(-1);
    node(id).parent = parent !== undefined && !isAbove(id, parent) ? parent : null;
  }
  for (const [, one] of nodes) if (one.parent !== null) node(one.parent).children.push(one);
  const date = (tree: Tree): number => (tree.m ? sentAt(tree.m) : Math.min(...tree.children.map(date)));
  const uid = (tree: Tree): number => tree.m?.uid ?? Math.min(...tree.children.map(uid));
  const order = (trees: Tree[]): Tree[] => trees.toSorted((a, b) => date(a) - date(b) || uid(a) - uid(b));
  const prune = (tree: Tree, isRoot: boolean): Tree[] => {
    const children = order(tree.children.flatMap((child) => prune(child, false)));
    if (tree.m) return [{ m: tree.m, children }];
    return isRoot && children.length > 1 ? [{ m: null, children }] : children;
  };
  const roots = [...nodes.values()].filter((one) => one.parent === null).flatMap((one) => prune(one, true));
  return order(mergeSubjects(order(roots)));
}

/** RFC 5256 §3 REFERENCES step 5. */
function mergeSubjects(roots: Tree[]): Tree[] {
  const subjectOf = (tree: Tree): string => baseSubject((tree.m ?? tree.children[0]?.m) as Stored);
  const isReply = (tree: Tree): boolean =>
    tree.m !== null && /^\s*(?:re|fwd?)\b/i.test(find(tree.m.mime.fields, "subject") ?? "");
  const table = new Map<string, Tree>();
  for (const root of roots) {
    const subject = subjectOf(root);
    const held = table.get(subject);
    if (subject === "") continue;
    if (!held || (root.m === null && held.m !== null) || (isReply(held) && !isReply(root) && held.m !== null))
      table.set(subject, root);
  }
  const merged: Tree[] = [];
  for (const root of roots) {
    const subject = subjectOf(root);
    const held = table.get(subject);
    if (subject === "" || !held || held === root) {
      merged.push(root);
      continue;
    }
    if (held.m === null && root.m === null) held.children.push(...root.children);
    else if (held.m === null || (isReply(root) && !isReply(held))) held.children.push(root);
    else {
      const copy: Tree = { m: held.m, children: held.children };
      held.m = null;
      held.children = [copy, root];
    }
  }
  return merged;
}
