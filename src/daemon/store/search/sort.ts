/** SORT and SORT=DISPLAY: RFC 5256 §2.2, §3; RFC 5957. The order of a whole folder is remembered: any part of it is in that order too. */
import type { Mailbox } from "../mailbox.ts";
import type { Query, SortKey } from "../types.ts";
import { fold } from "./fold.ts";
import { Pace, type Pause } from "./pace.ts";
import { findMatches } from "./search.ts";
import { baseSubject } from "./subject.ts";

export async function sort(mailbox: Mailbox, folder: number, query: Query, keys: readonly SortKey[], pause: Pause) {
  const order = await orderOf(mailbox, folder, keys, pause);
  const { uids } = await findMatches(mailbox, folder, query, pause);
  const wanted = new Set(uids);
  return order.filter((uid) => wanted.has(uid));
}

async function orderOf(mailbox: Mailbox, id: number, keys: readonly SortKey[], pause: Pause): Promise<Uint32Array> {
  const folder = mailbox.folder(id);
  const name = `sort ${keys.map(({ key, reverse }) => (reverse ? "-" : "+") + key).join()}`;
  const [known] = mailbox.remembered.get(folder, name) ?? [];
  if (known) return known;
  const order = inOrder(await readRows(mailbox, id, keys, pause), keys);
  mailbox.remembered.set(folder, name, [order]);
  return order;
}

type Row = [
  uid: number,
  arrival: number,
  size: number,
  sent: number,
  base: string | null,
  subject: string | null,
  from: string | null,
  to: string | null,
  cc: string | null,
];

const rowsAtOnce = 2000;

async function readRows({ db }: Mailbox, folder: number, keys: readonly SortKey[], pause: Pause): Promise<Row[]> {
  const sql = statementFor(new Set(keys.map(({ key }) => key)));
  const pace = new Pace(pause);
  const all: Row[] = [];
  for (let from = 1; ; ) {
    const rows = db.tuples<Row>(sql, folder, from, rowsAtOnce);
    for (const row of rows) all.push(row);
    const last = rows.at(-1);
    if (!last || rows.length < rowsAtOnce) return all;
    from = last[0] + 1;
    await pace.rest();
  }
}

/** Reads the columns that the keys need, and no others. */
function statementFor(keys: ReadonlySet<SortKey["key"]>): string {
  const has = (...wanted: SortKey["key"][]): boolean => wanted.some((key) => keys.has(key));
  const texts = [
    has("subject") ? "w.base, CASE WHEN w.base IS NULL THEN w.subject END" : "NULL, NULL",
    has("from", "displayfrom") ? "w.from_" : "NULL",
    has("to", "displayto") ? "w.to_" : "NULL",
    has("cc") ? "w.cc" : "NULL",
  ].join(", ");
  const isBare = !has("subject", "from", "displayfrom", "to", "displayto", "cc");
  const words = isBare ? "words w INDEXED BY words_sent" : "words w";
  const join = isBare && !has("date") ? "" : `CROSS JOIN ${words} ON w.message = e.message`;
  // The Date: field, or the arrival where there is none.
  const sent = has("date") ? "coalesce(w.sent_at, e.internal_date)" : "0";
  return `SELECT e.uid, e.internal_date, e.size, ${sent}, ${texts} FROM entry e ${join}
    WHERE e.folder = ? AND e.uid >= ? ORDER BY e.uid LIMIT ?`;
}

function inOrder(rows: readonly Row[], keys: readonly SortKey[]): Uint32Array {
  const columns = keys.map(({ key, reverse }) => ({
    values: rows.map((row) => sortValue(row, key)),
    sign: reverse ? -1 : 1,
  }));
  const order = Uint32Array.from(rows, (_, i) => i);
  order.sort((a, b) => {
    for (const { values, sign } of columns) {
      const x = values[a] as string | number;
      const y = values[b] as string | number;
      if (x !== y) return x < y ? -sign : sign;
    }
    return a - b;
  });
  return order.map((i) => rows[i]?.[0] ?? 0);
}

function sortValue(row: Row, key: SortKey["key"]): string | number {
  const [, arrival, size, sent, base, subject, from, to, cc] = row;
  switch (key) {
    case "arrival":
      return arrival;
    case "date":
      return sent;
    case "size":
      return size;
    case "subject":
      return fold(base ?? baseSubject(subject ?? "").base);
    case "displayfrom":
      return fold(display(firstOf(from ?? "")));
    case "displayto":
      return fold(display(firstOf(to ?? "")));
    default:
      return fold(local(firstOf({ from, to, cc }[key] ?? "")));
  }
}

function firstOf(addresses: string): string {
  return addresses.split("\n").find((line) => !line.endsWith(":")) ?? "";
}

function addressIn(line: string): string {
  return line.match(/<([^<>]*)>$/)?.[1] ?? line;
}

function local(line: string): string {
  return addressIn(line).replace(/@[^@]*$/, "");
}

function display(line: string): string {
  const name = line.match(/^(.*\S)\s*<[^<>]*>$/s)?.[1];
  return name ?? addressIn(line);
}
