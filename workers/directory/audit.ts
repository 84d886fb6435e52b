/**
 * The audit log: who changed what, in chains where each row carries the hash of the one before. A row that was altered, taken
 * out or put in between breaks its chain from there on, and `verifyChain` says where. (Whoever holds the database can
 * rewrite a whole chain: keep a head hash elsewhere to notice that too; the page shows it.)
 */
import { and, asc, desc, eq, gt, lt, sql } from "drizzle-orm";
import type { BatchItem } from "drizzle-orm/batch";
import { hex, utf8 } from "../../src/core/bytes.ts";
import { marks } from "./held.ts";
import { isUniqueViolation, newId, type World } from "./open.ts";
import { Problem } from "./problem.ts";
import { audit } from "./schema.ts";

export type AuditRow = typeof audit.$inferSelect;
export type Act =
  | "domain.added"
  | "domain.proved"
  | "domain.changed"
  | "domain.removed"
  | "alias.added"
  | "alias.changed"
  | "alias.removed"
  | "alias.imported"
  | "mailbox.added"
  | "mailbox.changed"
  | "mailbox.removed"
  | "mailbox.rotated"
  | "mailbox.moved"
  | "move.asked"
  | "move.cancelled"
  | "device.added"
  | "device.revoked"
  | "member.invited"
  | "member.joined"
  | "member.changed"
  | "member.removed"
  | "member.left"
  | "invitation.removed"
  | "webhook.added"
  | "webhook.changed"
  | "webhook.removed"
  | "rule.added"
  | "rule.removed"
  | "vacation.set"
  | "vacation.removed"
  | "txt.on"
  | "txt.off"
  | "dns.applied"
  | "signed-in"
  | "password.changed"
  | "password.reset"
  | "email.proved"
  | "email.changed"
  | "email.restored"
  | "key.made"
  | "key.removed"
  | "totp.on"
  | "totp.off"
  | "recovery-codes.made"
  | "recovery-code.used"
  | "codes.guessed"
  | "passkey.added"
  | "passkey.removed"
  | "session.revoked";

type Statement = BatchItem<"sqlite">;
export type Entry = { domain: string | null; act: Act; subject: string; detail?: Record<string, unknown> };

const first = "0".repeat(64);
/** Many changes of one domain in the same instant: all but one find their number taken, wait a moment and ask again. */
const tries = 24;

/**
 * Carries statements out together with their row in the log, in one batch: both happen or neither. The row is written only
 * if the last statement changed something, so an act that found nothing to do leaves no word.
 */
export async function audited<const T extends readonly Statement[]>(
  world: World,
  entry: Entry,
  statements: T,
): Promise<{ [K in keyof T]: T[K]["_"]["result"] }> {
  const results = await chained(world, entry, true, async (row) => {
    const first = marks(world.db, world.held ?? []);
    const all = await world.db.batch([...first, ...statements, row] as unknown as [Statement]);
    return { result: all.slice(first.length, -1), written: (all.at(-1) as unknown as unknown[]).length > 0 };
  });
  return results as { [K in keyof T]: T[K]["_"]["result"] };
}

/** For an act that is no write to the directory. */
export async function record(world: World, entry: Entry): Promise<void> {
  await chained(world, entry, false, async (row) => {
    await row;
    return { result: undefined, written: true };
  });
}

/** For an act of raw statements: `act` puts the log's own behind them, in the same batch. */
export async function auditedRaw(
  world: World,
  entry: Entry,
  act: (log: D1PreparedStatement[]) => Promise<unknown>,
): Promise<void> {
  await chained(world, entry, false, async (row) => {
    const raw = [...marks(world.db, world.held ?? []), row].map((one) => one.toSQL());
    await act(raw.map(({ sql: text, params }) => world.db.$client.prepare(text).bind(...params)));
    return { result: undefined, written: true };
  });
}

type RowInsert = ReturnType<typeof insertRow>;

/** The whole batch is undone where another change took the number first; then it is tried again behind that one. */
async function chained<T>(
  world: World,
  entry: Entry,
  ifChanged: boolean,
  act: (row: RowInsert) => Promise<{ result: T; written: boolean }>,
): Promise<T> {
  const chain = entry.domain ?? world.actor;
  for (let attempt = 1; attempt <= tries; attempt++) {
    const row = await linked(world, chain, entry, await headOf(world, chain));
    try {
      const { result, written } = await act(insertRow(world, row, ifChanged));
      if (written) world.heard?.(row);
      return result;
    } catch (error) {
      if (!isUniqueViolation(error, "audit.chain")) throw error;
      await scheduler.wait(((world.random(1)[0] ?? 0) / 16) * attempt);
    }
  }
  throw new Problem(503, "busy", "Too much is being changed at once. Please try again.", { retryAfter: 1 });
}

// changes() is of the statement before it in the same batch, which is one transaction.
function insertRow(world: World, row: AuditRow, ifChanged: boolean) {
  const { id, domain, chain, seq, actor, at, act, subject, detail, previous, hash } = row;
  const values = sql`select ${id}, ${domain}, ${chain}, ${seq}, ${actor}, ${at}, ${act}, ${subject}, ${JSON.stringify(detail)}, ${previous}, ${hash}`;
  return world.db
    .insert(audit)
    .select(ifChanged ? sql`${values} where changes() > 0` : values)
    .returning({ seq: audit.seq });
}

async function linked(world: World, chain: string, entry: Entry, head: AuditRow | null): Promise<AuditRow> {
  const facts = {
    id: newId(world),
    domain: entry.domain,
    chain,
    seq: (head?.seq ?? 0) + 1,
    actor: world.actor,
    at: world.clock(),
    act: entry.act,
    subject: entry.subject.slice(0, 500),
    detail: entry.detail ?? {},
    previous: head?.hash ?? first,
  };
  return { ...facts, hash: await hashOf(facts) };
}

async function hashOf(row: Omit<AuditRow, "hash">): Promise<string> {
  const { id, domain, chain, seq, actor, at, act, subject, detail, previous } = row;
  const text = JSON.stringify([previous, id, domain, chain, seq, actor, at, act, subject, detail]);
  return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text))));
}

async function headOf(world: World, chain: string): Promise<AuditRow | null> {
  const [row] = await world.db.select().from(audit).where(eq(audit.chain, chain)).orderBy(desc(audit.seq)).limit(1);
  return row ?? null;
}

export async function auditLog(
  world: World,
  chain: string,
  query: { before?: number | undefined; limit: number },
): Promise<{ rows: AuditRow[]; next: string | null }> {
  const below = query.before === undefined ? undefined : lt(audit.seq, query.before);
  const found = await world.db
    .select()
    .from(audit)
    .where(and(eq(audit.chain, chain), below))
    .orderBy(desc(audit.seq))
    .limit(query.limit + 1);
  const rows = found.slice(0, query.limit);
  return { rows, next: found.length > query.limit ? String(rows.at(-1)?.seq) : null };
}

export type ChainCheck = { ok: boolean; rows: number; head: string; brokenAt: number | null };

/** Reads the whole chain, a page at a time, and recomputes every hash. */
export async function verifyChain(world: World, chain: string): Promise<ChainCheck> {
  let previous = first;
  let seq = 0;
  for (;;) {
    const rows = await world.db
      .select()
      .from(audit)
      .where(and(eq(audit.chain, chain), gt(audit.seq, seq)))
      .orderBy(asc(audit.seq))
      .limit(500);
    for (const row of rows) {
      const whole = row.seq === seq + 1 && row.previous === previous && row.hash === (await hashOf(row));
      if (!whole) return { ok: false, rows: seq, head: previous, brokenAt: seq + 1 };
      previous = row.hash;
      seq = row.seq;
    }
    if (rows.length < 500) return { ok: true, rows: seq, head: previous, brokenAt: null };
  }
}
