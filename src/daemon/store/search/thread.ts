/**
 * THREAD=ORDEREDSUBJECT and REFERENCES: RFC 5256 §3. Answers flat, in preorder, as `imap/port.ts` says. The threads of a whole folder
 * are remembered until its messages change.
 */
import type { Mailbox } from "../mailbox.ts";
import type { Query, Threads } from "../types.ts";
import { Pace, type Pause } from "./pace.ts";
import { findMatches } from "./search.ts";
import { baseSubject } from "./subject.ts";

type Algorithm = "REFERENCES" | "ORDEREDSUBJECT";

/** A message, as far as threads look at it. */
type One = { uid: number; at: number; id: string | null; refs: string; subject: Subject };
type Subject = { base: string; isReply: boolean };

type Container = {
  one: One | null;
  parent: Container | null;
  children: Container[];
  /** Sent date of the message, or of the first below a gap. */
  at: number;
};

export async function thread(
  mailbox: Mailbox,
  id: number,
  query: Query,
  algorithm: Algorithm,
  pause: Pause,
): Promise<Threads> {
  const folder = mailbox.folder(id);
  const { uids: found } = await findMatches(mailbox, id, query, pause);
  const isAll = found.length === folder.messages;
  const [uids, depths] = (isAll && mailbox.remembered.get(folder, algorithm)) || [];
  if (uids && depths) return { uids, depths };
  const threads = await made(await readAll(mailbox, id, new Set(found), pause), algorithm, pause);
  if (isAll) mailbox.remembered.set(folder, algorithm, [threads.uids, threads.depths]);
  return threads;
}

const rowsAtOnce = 2000;
const columns = `e.uid, coalesce(w.sent_at, e.internal_date), w.message_id, w.refs, w.base, w.is_reply,
  CASE WHEN w.base IS NULL THEN w.subject END`;
const statement = `SELECT ${columns} FROM entry e CROSS JOIN words w ON w.message = e.message
  WHERE e.folder = ? AND e.uid >= ? ORDER BY e.uid LIMIT ?`;
type Row = [
  uid: number,
  at: number,
  id: string | null,
  refs: string,
  base: string | null,
  isReply: number,
  string | null,
];

async function readAll({ db }: Mailbox, folder: number, only: ReadonlySet<number>, pause: Pause): Promise<One[]> {
  const pace = new Pace(pause);
  const all: One[] = [];
  for (let from = 1; ; ) {
    const rows = db.tuples<Row>(statement, folder, from, rowsAtOnce);
    for (const [uid, at, id, refs, base, isReply, text] of rows) {
      if (!only.has(uid)) continue;
      const subject = base === null ? baseSubject(text ?? "") : { base, isReply: isReply === 1 };
      all.push({ uid, at, id, refs, subject });
    }
    const last = rows.at(-1);
    if (!last || rows.length < rowsAtOnce) return all;
    from = last[0] + 1;
    await pace.rest();
  }
}

async function made(found: readonly One[], algorithm: Algorithm, pause: Pause): Promise<Threads> {
  const pace = new Pace(pause);
  const roots = algorithm === "REFERENCES" ? await byReferences(found, pace) : bySubject(found);
  const uids: number[] = [];
  const depths: number[] = [];
  for (const root of roots) {
    flatten(root, uids, depths);
    if (pace.isOver) await pace.rest();
  }
  return { uids: Uint32Array.from(uids), depths: Uint32Array.from(depths) };
}

// A reference chain may be a hundred thousand long: no recursion.
function flatten(root: Container, uids: number[], depths: number[]): void {
  const stack: [Container, number][] = [[root, 0]];
  for (let top = stack.pop(); top; top = stack.pop()) {
    const [container, depth] = top;
    uids.push(container.one?.uid ?? 0);
    depths.push(depth);
    for (let i = container.children.length - 1; i >= 0; i--) {
      const child = container.children[i];
      if (child) stack.push([child, depth + 1]);
    }
  }
}

function container(one: One | null): Container {
  return { one, parent: null, children: [], at: one?.at ?? 0 };
}

function byDate(a: Container, b: Container): number {
  return a.at - b.at || (a.one?.uid ?? 0) - (b.one?.uid ?? 0);
}

function bySubject(found: readonly One[]): Container[] {
  const threads = new Map<string, Container>();
  for (const one of found.map(container).sort(byDate)) {
    const base = one.one?.subject.base ?? "";
    const first = threads.get(base);
    if (first) adopt(first, one);
    else threads.set(base, one);
  }
  return [...threads.values()].sort(byDate);
}

function adopt(parent: Container, child: Container): void {
  child.parent = parent;
  parent.children.push(child);
}

async function byReferences(found: readonly One[], pace: Pace): Promise<Container[]> {
  const all = await linked(found, pace);
  const roots = all.filter((one) => one.parent === null);
  const pruned = roots.flatMap(prune);
  await pace.rest();
  for (const root of pruned) sortBelow(root);
  await pace.rest();
  const merged = mergeSubjects(pruned.sort(byDate));
  await pace.rest();
  for (const root of merged) sortBelow(root);
  return merged.sort(byDate);
}

/** Step 1: containers by Message-ID, linked along the references. */
async function linked(found: readonly One[], pace: Pace): Promise<Container[]> {
  const byId = new Map<string, Container>();
  const all: Container[] = [];
  const named = (id: string) => {
    let one = byId.get(id);
    if (!one) {
      one = container(null);
      byId.set(id, one);
      all.push(one);
    }
    return one;
  };
  for (const one of found) {
    if (pace.isOver) await pace.rest();
    const { id, refs } = one;
    // A second message with the same id gets a container of its own.
    let own = id === null ? null : named(id);
    if (own === null || own.one !== null) {
      own = container(null);
      all.push(own);
    }
    own.one = one;
    own.at = one.at;
    let above: Container | null = null;
    for (const ref of refs === "" ? [] : refs.split(" ")) {
      const next = named(ref);
      if (above && next.parent === null && !isBelow(above, next)) adopt(above, next);
      above = next;
    }
    if (above && !isBelow(above, own)) reparent(own, above);
  }
  return all;
}

function isBelow(one: Container, ancestor: Container): boolean {
  // Nothing is below a leaf but itself: so a long chain is not climbed for each message that is added to its end.
  if (ancestor.children.length === 0) return one === ancestor;
  for (let at: Container | null = one; at; at = at.parent) if (at === ancestor) return true;
  return false;
}

function reparent(child: Container, parent: Container): void {
  if (child.parent) child.parent.children.splice(child.parent.children.indexOf(child), 1);
  adopt(parent, child);
}

/** Step 3: empty containers go; at the root one stays where it holds several. */
function prune(root: Container): Container[] {
  const order: Container[] = [];
  const stack = [root];
  for (let top = stack.pop(); top; top = stack.pop()) {
    order.push(top);
    stack.push(...top.children);
  }
  for (const one of order.reverse()) {
    one.children = one.children.flatMap((child) => (child.one === null ? child.children : [child]));
    for (const child of one.children) child.parent = one;
  }
  if (root.one !== null) return [root];
  if (root.children.length > 1) return [root];
  for (const child of root.children) child.parent = null;
  return root.children;
}

/** Step 4 and 6: siblings by date; a gap counts by its first child. */
function sortBelow(root: Container): void {
  const order: Container[] = [];
  const stack = [root];
  for (let top = stack.pop(); top; top = stack.pop()) {
    order.push(top);
    stack.push(...top.children);
  }
  for (const one of order.reverse()) {
    one.children.sort(byDate);
    if (one.one === null) one.at = one.children[0]?.at ?? 0;
  }
}

const noSubject: Subject = { base: "", isReply: false };

function subjectOf(root: Container): Subject {
  return (root.one ?? root.children[0]?.one)?.subject ?? noSubject;
}

/** Step 5: threads of one base subject become one. */
function mergeSubjects(roots: readonly Container[]): Container[] {
  const table = subjectTable(roots);
  const made: Container[] = [];
  for (const root of roots) {
    const subject = subjectOf(root);
    const had = table.get(subject.base);
    if (!had || had.root === root) continue;
    const around = mergeInto(had, root, subject);
    if (!around) continue;
    had.root = around;
    made.push(around);
  }
  // Whoever became a child, or lost its children to another gap, is no root any more.
  return [...roots, ...made].filter((root) => root.parent === null && (root.one !== null || root.children.length > 0));
}

type TableRow = { root: Container; subject: Subject };

function subjectTable(roots: readonly Container[]): Map<string, TableRow> {
  const table = new Map<string, TableRow>();
  for (const root of roots) {
    const subject = subjectOf(root);
    if (subject.base === "") continue;
    const had = table.get(subject.base);
    const isBetter = had?.root.one !== null && (root.one === null || (had?.subject.isReply && !subject.isReply));
    if (!had || isBetter) table.set(subject.base, { root, subject });
  }
  return table;
}

/** Answers a gap around both where neither can be above the other. */
function mergeInto({ root: first, subject: its }: TableRow, root: Container, subject: Subject): Container | null {
  if (first.one === null && root.one === null) {
    for (const child of root.children) adopt(first, child);
    root.children = [];
    return null;
  }
  if (first.one === null || (subject.isReply && !its.isReply)) {
    adopt(first, root);
    return null;
  }
  const both = container(null);
  adopt(both, first);
  adopt(both, root);
  return both;
}
