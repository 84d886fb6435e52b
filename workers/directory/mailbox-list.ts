/** Mailboxes in lists: a page of them, the largest, names for ids. Never with their keys, which are two kilobytes each. */
import { and, asc, count, desc, eq, gt, type SQL, sql } from "drizzle-orm";
import { among } from "./among.ts";
import type { World } from "./open.ts";
import { mailbox } from "./schema.ts";

const columns = {
  id: mailbox.id,
  domain: mailbox.domain,
  address: mailbox.address,
  node: mailbox.node,
  keyId: mailbox.keyId,
  epoch: mailbox.epoch,
  revision: mailbox.revision,
  appliedRevision: mailbox.appliedRevision,
  quotaBytes: mailbox.quotaBytes,
  usedBytes: mailbox.usedBytes,
  waiting: mailbox.waiting,
  state: mailbox.state,
  createdAt: mailbox.createdAt,
};
export type MailboxLine = Pick<typeof mailbox.$inferSelect, keyof typeof columns>;

export type MailboxQuery = {
  domains: readonly string[];
  /** Part of the address. */
  text?: string | undefined;
  /** The last address of the page before. */
  after?: string | undefined;
  limit: number;
};

/** By address. */
export async function mailboxPage(
  world: World,
  query: MailboxQuery,
): Promise<{ rows: MailboxLine[]; next: string | null; total: number }> {
  const { domains, after, limit } = query;
  if (domains.length === 0) return { rows: [], next: null, total: 0 };
  const text = query.text?.trim().toLowerCase();
  const fits = and(theirs(domains), text ? sql`instr(${mailbox.address}, ${text}) > 0` : undefined);
  const [found, counted] = await world.db.batch([
    world.db
      .select(columns)
      .from(mailbox)
      .where(and(fits, after === undefined ? undefined : gt(mailbox.address, after)))
      .orderBy(asc(mailbox.address))
      .limit(limit + 1),
    world.db.select({ n: count() }).from(mailbox).where(fits),
  ]);
  const rows = found.slice(0, limit);
  return { rows, next: found.length > limit ? (rows.at(-1)?.address ?? null) : null, total: counted[0]?.n ?? 0 };
}

/** Those that hold most. */
export async function largestMailboxes(
  world: World,
  domains: readonly string[],
  limit: number,
): Promise<MailboxLine[]> {
  if (domains.length === 0) return [];
  return world.db.select(columns).from(mailbox).where(theirs(domains)).orderBy(desc(mailbox.usedBytes)).limit(limit);
}

/** Addresses by id; what is no mailbox of these domains is left out. */
export async function addressesOf(
  world: World,
  domains: readonly string[],
  ids: Iterable<string>,
): Promise<Map<string, string>> {
  const rows = await some(world, domains, among(mailbox.id, ids));
  return new Map(rows.map(({ id, address }) => [id, address]));
}

/** All ids by address. */
export async function addressBook(world: World, domains: readonly string[]): Promise<Map<string, string>> {
  const rows = await some(world, domains);
  return new Map(rows.map(({ id, address }) => [address, id]));
}

/** Ids of those at these addresses. */
export async function mailboxesAt(
  world: World,
  domains: readonly string[],
  addresses: Iterable<string>,
): Promise<Map<string, string>> {
  const rows = await some(world, domains, among(mailbox.address, addresses));
  return new Map(rows.map(({ id, address }) => [address, id]));
}

function some(world: World, domains: readonly string[], which?: SQL) {
  const { id, address } = mailbox;
  return world.db
    .select({ id, address })
    .from(mailbox)
    .where(and(which, theirs(domains)));
}

function theirs(domains: readonly string[]): SQL | undefined {
  return and(among(mailbox.domain, domains), eq(mailbox.state, "active"));
}
