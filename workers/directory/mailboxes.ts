/**
 * Mailboxes as the edge knows them: an address, a public key, wrapped copies of a master key that was never here, and the
 * node that keeps the mail. Every change moves the revision; `mailboxRecord` is what the node is then told.
 */
import { and, asc, count, desc, eq, isNull, sql } from "drizzle-orm";
import { fromBase64, hex } from "../../src/core/bytes.ts";
import { type Keyslot, keyslotSchema, type MailboxRecord } from "../../src/core/contract/mailbox.ts";
import { foldAddress } from "./address.ts";
import { audited } from "./audit.ts";
import type { Node } from "./nodes.ts";
import { isGivenUp, isUniqueViolation, type World } from "./open.ts";
import { notFound, Problem } from "./problem.ts";
import { domain, keyslot, mailbox, node } from "./schema.ts";

export type Mailbox = typeof mailbox.$inferSelect;
export type SlotView = Omit<typeof keyslot.$inferSelect, "slot">;

const slotView = {
  id: keyslot.id,
  mailbox: keyslot.mailbox,
  kind: keyslot.kind,
  selector: keyslot.selector,
  label: keyslot.label,
  createdAt: keyslot.createdAt,
  lastUsedAt: keyslot.lastUsedAt,
  revokedAt: keyslot.revokedAt,
};

/** Without any check of rights: for callers that then check the mailbox's domain. */
export async function mailboxById(world: World, id: string): Promise<Mailbox | null> {
  const [row] = await world.db
    .select()
    .from(mailbox)
    .where(and(eq(mailbox.id, id), eq(mailbox.state, "active")))
    .limit(1);
  return row ?? null;
}

/** The same by its address. */
export async function mailboxByAddress(world: World, address: string): Promise<Mailbox | null> {
  const [row] = await world.db
    .select()
    .from(mailbox)
    .where(and(eq(mailbox.address, address), eq(mailbox.state, "active")))
    .limit(1);
  return row ?? null;
}

/** Where it is placed, or was until it was deleted. */
export async function nodeOfMailbox(world: World, id: string): Promise<Node | null> {
  const [row] = await world.db
    .select({ node })
    .from(mailbox)
    .innerJoin(node, eq(node.id, mailbox.node))
    .where(eq(mailbox.id, id))
    .limit(1);
  return row?.node ?? null;
}

export async function slotsOf(world: World, mailboxId: string): Promise<SlotView[]> {
  return world.db.select(slotView).from(keyslot).where(eq(keyslot.mailbox, mailboxId)).orderBy(asc(keyslot.createdAt));
}

export type NewMailbox = {
  /** Made by the client: it is bound into the wrapped keys. */
  id: string;
  address: string;
  domain: string;
  node: string;
  publicKey: string;
  keyId: string;
  quotaBytes: number;
  keyslots: Keyslot[];
};

export async function addMailbox(world: World, input: NewMailbox): Promise<Mailbox> {
  await checkKey(input.publicKey, input.keyId);
  await checkNode(world, input.node);
  await checkProven(world, input.domain);
  const { keyslots, ...row } = input;
  try {
    const entry = { domain: row.domain, act: "mailbox.added", subject: row.address } as const;
    const [[added]] = await audited(world, entry, [
      world.db
        .insert(mailbox)
        .values({ ...row, createdAt: world.clock() })
        .returning(),
      ...keyslots.map((slot) => world.db.insert(keyslot).values(slotRow(input.id, slot))),
    ]);
    if (added !== undefined) return added;
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
  }
  throw new Problem(409, "mailbox-exists", "There is a mailbox with this address or id.", { field: "address" });
}

/** What the node is to hold. Tombstones included, so that a node that missed a revocation learns it. */
export async function mailboxRecord(world: World, id: string): Promise<MailboxRecord> {
  const [rows, slots] = await world.db.batch([
    world.db.select().from(mailbox).where(eq(mailbox.id, id)).limit(1),
    // Tombstones may fall off the end: a slot that is not listed opens nothing either.
    world.db
      .select()
      .from(keyslot)
      .where(eq(keyslot.mailbox, id))
      .orderBy(sql`${keyslot.revokedAt} is not null`, desc(keyslot.createdAt))
      .limit(200),
  ]);
  const [row] = rows;
  if (row === undefined) throw notFound("mailbox");
  const { address, epoch, revision, publicKey, keyId, previous, quotaBytes, state } = row;
  const keyslots = slots.map((slot) => ({ ...keyslotSchema.parse(slot.slot), revokedAt: slot.revokedAt }));
  const former = previous.length === 0 ? {} : { previous };
  return { id, address, epoch, revision, publicKey, keyId, quotaBytes, keyslots, ...former, state };
}

export async function addSlot(world: World, of: Mailbox, slot: Keyslot): Promise<void> {
  const bump = world.db.update(mailbox).set({ revision: nextRevision }).where(eq(mailbox.id, of.id));
  try {
    const entry = { domain: of.domain, act: "device.added", subject: `${of.address}: ${slot.label}` } as const;
    await audited(world, entry, [world.db.insert(keyslot).values(slotRow(of.id, slot)), bump]);
  } catch (error) {
    if (isUniqueViolation(error)) throw new Problem(409, "slot-exists", "This device is listed already.");
    throw error;
  }
}

/** Above what the node has, also where D1 was put back to an older state: the node would take a lower one for old news. */
export const nextRevision = sql`max(${mailbox.revision}, ${mailbox.appliedRevision}) + 1`;

/** The node holds to it once it has heard; what is over it stays, and takes no more. */
export async function setQuota(world: World, of: Mailbox, quotaBytes: number): Promise<void> {
  const entry = { domain: of.domain, act: "mailbox.changed", subject: of.address, detail: { quotaBytes } } as const;
  await audited(world, entry, [
    world.db.update(mailbox).set({ quotaBytes, revision: nextRevision }).where(eq(mailbox.id, of.id)),
  ]);
}

/** The last way in may not be revoked: the mail would be lost to everybody. */
export async function revokeSlot(world: World, of: Mailbox, slotId: string): Promise<void> {
  const slots = (await slotsOf(world, of.id)).filter((slot) => slot.revokedAt === null);
  const slot = slots.find((one) => one.id === slotId);
  if (slot === undefined) throw notFound("device");
  if (slots.length === 1) throw lastSlot();
  const entry = { domain: of.domain, act: "device.revoked", subject: `${of.address}: ${slot.label}` } as const;
  const left = world.db
    .select({ n: count() })
    .from(keyslot)
    .where(and(eq(keyslot.mailbox, of.id), isNull(keyslot.revokedAt)));
  try {
    await audited(world, entry, [
      // NULL breaks the column's constraint, and with it the transaction: the other one may be on its way out too.
      world.db
        .update(mailbox)
        .set({ revision: sql`case when (${left}) > 1 then ${nextRevision} end` })
        .where(eq(mailbox.id, of.id)),
      world.db
        .update(keyslot)
        .set({ revokedAt: world.clock() })
        .where(and(eq(keyslot.id, slotId), eq(keyslot.mailbox, of.id))),
    ]);
  } catch (error) {
    throw isGivenUp(error) ? lastSlot() : error;
  }
}

function lastSlot(): Problem {
  return new Problem(409, "last-slot", "This is the only key to the mailbox. Add another device first.");
}

/** The node confirmed this revision. */
export async function markApplied(world: World, mailboxId: string, revision: number): Promise<void> {
  await world.db
    .update(mailbox)
    .set({ appliedRevision: sql`max(${mailbox.appliedRevision}, ${revision})` })
    .where(eq(mailbox.id, mailboxId));
}

/** Whole address, folded, or a 422. */
export function mailboxAddress(text: string): { address: string; local: string; domain: string } {
  const folded = foldAddress(text);
  if (folded === null)
    throw new Problem(422, "bad-address", "Write a whole address, such as you@example.com.", { field: "address" });
  return { ...folded, address: `${folded.local}@${folded.domain}` };
}

export function slotRow(mailboxId: string, slot: Keyslot): typeof keyslot.$inferInsert {
  const { id, kind, selector, label, createdAt } = slot;
  return { id, mailbox: mailboxId, kind, selector, label, slot, createdAt };
}

const xwingPublicKeyBytes = 1216;

export async function checkKey(publicKey: string, keyId: string): Promise<void> {
  const bytes = fromBase64(publicKey);
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  if (bytes.length !== xwingPublicKeyBytes || hex(digest.subarray(0, 16)) !== keyId)
    throw new Problem(422, "bad-key", "The public key and its id do not belong together.", { field: "publicKey" });
}

/** Or a stranger could take an address of a domain that is not theirs. */
async function checkProven(world: World, id: string): Promise<void> {
  const [row] = await world.db.select({ state: domain.state }).from(domain).where(eq(domain.id, id)).limit(1);
  if (row?.state === "pending")
    throw new Problem(409, "not-proven", "Show first that the domain is yours: its set-up page says how.", {
      field: "address",
    });
}

async function checkNode(world: World, id: string): Promise<void> {
  const [row] = await world.db.select({ state: node.state }).from(node).where(eq(node.id, id)).limit(1);
  if (row?.state !== "active")
    throw new Problem(422, "no-such-node", "This node takes no new mailboxes.", { field: "node" });
}
