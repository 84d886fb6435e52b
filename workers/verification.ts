/**
 * Destination addresses are verified by a mailed link before first use. At most one such mail a week goes to an address, and
 * twenty a day for a domain; its owner may say "never again", which holds for the whole installation.
 */
import { and, count, eq, gt } from "drizzle-orm";
import { hex, toBase64url, utf8 } from "../src/core/bytes.ts";
import type { DomainRef } from "./directory/routes.ts";
import { suppression, txtDestination, verifiedAddress } from "./directory/schema.ts";
import { standingsFor } from "./directory/standings.ts";
import type { Edge } from "./platform.ts";
import { edgeOrigin, post } from "./post.ts";

const dayMs = 86_400_000;
const weekMs = 7 * dayMs;
const perDay = 20;

export type Asked = "sent" | "sent-before" | "enough-today" | "verified" | "refused" | "no-way-out";
type Row = { sentAt: number; verifiedAt: number | null; refusedAt: number | null };

/** Asks the address's owner, unless that was done lately or is not wanted. */
export async function askVerification(edge: Edge, domain: DomainRef, address: string): Promise<Asked> {
  const origin = await edgeOrigin(edge);
  if (domain.relay === null || origin === null) return "no-way-out";
  const book = domain.ownerId === null ? txtBook(edge, domain.name) : accountBook(edge, domain.ownerId);
  const [row, today, suppressed, exempt] = await Promise.all([
    book.find(address),
    book.sentToday(),
    isSuppressed(edge, address),
    needsNoLink(edge, domain, address),
  ]);
  if (row?.verifiedAt || exempt) return "verified";
  if (row?.refusedAt || suppressed) return "refused";
  if (row !== null && edge.clock() - row.sentAt < weekMs) return "sent-before";
  if (today >= perDay) return "enough-today";
  const token = toBase64url(edge.random(24));
  const link = `${origin}/verify/${token}`;
  const id = `verify-${edge.newId()}`;
  const subject = `May ${domain.name} forward mail to you?`;
  await post(edge, domain.relay, {
    id,
    journal: "",
    to: address,
    subject,
    text: letterText(domain.name, address, link),
  });
  // After the letter is durable: the other way round, a crash between would silence the address for a week.
  await book.write(address, tokenHash(edge, token));
  return "sent";
}

function letterText(domain: string, address: string, link: string): string {
  return [
    `Somebody set up mail of ${domain} to be forwarded to ${address}.`,
    "",
    "If that is what you want, open this page and say yes:",
    link,
    "",
    "If you know nothing of it, you need do nothing: no mail will be forwarded.",
    "On the same page you can say that we shall never write to you again.",
    "",
  ].join("\n");
}

/** The same exceptions as `standing.ts`: an operator's destinations, and the people's own domains. */
async function needsNoLink(edge: Edge, domain: DomainRef, address: string): Promise<boolean> {
  if (domain.ownerId === null) return false;
  const { trusted, ownDomains } = await standingsFor(edge.env.DIRECTORY, domain.id, [address]);
  return trusted || ownDomains.has(address.slice(address.lastIndexOf("@") + 1));
}

/** SHA-256 of the token, which itself is kept nowhere. */
function tokenHash(edge: Edge, token: string): string {
  const hash = edge.crypto.sha256();
  hash.update(utf8(token));
  return hex(hash.digest());
}

async function isSuppressed(edge: Edge, address: string): Promise<boolean> {
  const rows = await edge.db.select().from(suppression).where(eq(suppression.address, address)).limit(1);
  return rows.length > 0;
}

type Book = {
  find(address: string): Promise<Row | null>;
  sentToday(): Promise<number>;
  write(address: string, token: string): Promise<unknown>;
};

function accountBook(edge: Edge, account: string): Book {
  const { db } = edge;
  const mine = eq(verifiedAddress.account, account);
  return {
    async find(address) {
      const rows = await db
        .select()
        .from(verifiedAddress)
        .where(and(mine, eq(verifiedAddress.address, address)))
        .limit(1);
      return rows[0] ?? null;
    },
    async sentToday() {
      const since = gt(verifiedAddress.sentAt, edge.clock() - dayMs);
      const rows = await db.select({ n: count() }).from(verifiedAddress).where(and(mine, since));
      return rows[0]?.n ?? 0;
    },
    write(address, token) {
      const news = { token, sentAt: edge.clock() };
      const target = [verifiedAddress.account, verifiedAddress.address];
      return db
        .insert(verifiedAddress)
        .values({ account, address, ...news })
        .onConflictDoUpdate({ target, set: news });
    },
  };
}

function txtBook(edge: Edge, domain: string): Book {
  const { db } = edge;
  const mine = eq(txtDestination.domain, domain);
  return {
    async find(address) {
      const rows = await db
        .select()
        .from(txtDestination)
        .where(and(mine, eq(txtDestination.address, address)))
        .limit(1);
      return rows[0] ?? null;
    },
    async sentToday() {
      const since = gt(txtDestination.sentAt, edge.clock() - dayMs);
      const rows = await db.select({ n: count() }).from(txtDestination).where(and(mine, since));
      return rows[0]?.n ?? 0;
    },
    write(address, token) {
      const news = { token, sentAt: edge.clock() };
      const target = [txtDestination.domain, txtDestination.address];
      return db
        .insert(txtDestination)
        .values({ domain, address, ...news })
        .onConflictDoUpdate({ target, set: news });
    },
  };
}

export type Pending = { table: "account" | "txt"; of: string; address: string };

/** What a mailed token is about; null for one that was never sent or has been replaced. */
export async function pendingFor(edge: Edge, token: string): Promise<Pending | null> {
  const hash = tokenHash(edge, token);
  const [[known], [txt]] = await edge.db.batch([
    edge.db.select().from(verifiedAddress).where(eq(verifiedAddress.token, hash)).limit(1),
    edge.db.select().from(txtDestination).where(eq(txtDestination.token, hash)).limit(1),
  ]);
  if (known !== undefined) return { table: "account", of: known.account, address: known.address };
  return txt === undefined ? null : { table: "txt", of: txt.domain, address: txt.address };
}

/** `yes` may come after `never`: whoever reads the address's mail decides. */
export async function answerVerification(edge: Edge, { table, of, address }: Pending, yes: boolean): Promise<void> {
  const { db } = edge;
  const now = edge.clock();
  const said = yes ? { verifiedAt: now, refusedAt: null } : { verifiedAt: null, refusedAt: now };
  const change =
    table === "account"
      ? db
          .update(verifiedAddress)
          .set(said)
          .where(and(eq(verifiedAddress.account, of), eq(verifiedAddress.address, address)))
      : db
          .update(txtDestination)
          .set(said)
          .where(and(eq(txtDestination.domain, of), eq(txtDestination.address, address)));
  const list = yes
    ? db.delete(suppression).where(eq(suppression.address, address))
    : db.insert(suppression).values({ address, reason: "its owner asked", createdAt: now }).onConflictDoNothing();
  await db.batch([change, list]);
}
