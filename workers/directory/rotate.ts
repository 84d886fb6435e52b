/**
 * A mailbox's new master key, after a theft: new public half, new slots, every old slot revoked, in one revision. What the client
 * sends was made around a key that was never here; that the old key travels on, wrapped, lets the node take the mailbox over.
 */
import { and, eq, isNull, notInArray, sql } from "drizzle-orm";
import type { Keyslot, PreviousKey } from "../../src/core/contract/mailbox.ts";
import { audited } from "./audit.ts";
import { checkKey, type Mailbox, nextRevision, slotRow, slotsOf } from "./mailboxes.ts";
import { isGivenUp, type World } from "./open.ts";
import { Problem } from "./problem.ts";
import { keyslot, mailbox } from "./schema.ts";

export type Rotation = {
  /** Of the mailbox that the client read: another device may have changed it since. */
  revision: number;
  publicKey: string;
  keyId: string;
  previous: PreviousKey;
  keyslots: Keyslot[];
};

/** `contract/mailbox.ts` has room for ten. */
const mostPrevious = 10;

export async function rotateMailbox(world: World, of: Mailbox, input: Rotation): Promise<void> {
  await checkKey(input.publicKey, input.keyId);
  if (of.revision !== input.revision || input.previous.keyId !== of.keyId || input.keyId === of.keyId) throw stale();
  const kinds = new Set(input.keyslots.map(({ kind }) => kind));
  if (!kinds.has("app-password") || !kinds.has("recovery-code"))
    throw new Problem(422, "slots-missing", "A new key needs an app password and a recovery code of its own.");
  await mayForget(world, of);
  try {
    await audited(world, { domain: of.domain, act: "mailbox.rotated", subject: of.address }, [
      takeOver(world, of, input),
      revokeOld(world, of, input),
      ...addNew(world, of, input),
    ]);
  } catch (error) {
    // The batch is one transaction: nothing of it counts when its first statement found another revision.
    if (isGivenUp(error)) throw stale();
    throw error;
  }
}

function takeOver(world: World, of: Mailbox, { publicKey, keyId, previous, revision }: Rotation) {
  return world.db
    .update(mailbox)
    .set({
      publicKey,
      keyId,
      previous: [previous, ...of.previous].slice(0, mostPrevious),
      // NULL breaks the column's constraint, and with it the transaction: compare-and-set without a transaction to hold open.
      revision: sql`case when ${mailbox.revision} = ${revision} then ${nextRevision} end`,
    })
    .where(eq(mailbox.id, of.id));
}

function revokeOld(world: World, of: Mailbox, { keyslots }: Rotation) {
  const fresh = keyslots.map(({ id }) => id);
  return world.db
    .update(keyslot)
    .set({ revokedAt: world.clock() })
    .where(and(eq(keyslot.mailbox, of.id), isNull(keyslot.revokedAt), notInArray(keyslot.id, fresh)));
}

function addNew(world: World, of: Mailbox, { keyslots }: Rotation) {
  return keyslots.map((slot) => world.db.insert(keyslot).values(slotRow(of.id, slot)));
}

/** The oldest key is dropped once its mail is surely under a newer one: a mail program has logged in since the last rotation. */
async function mayForget(world: World, of: Mailbox): Promise<void> {
  if (of.previous.length < mostPrevious) return;
  const slots = await slotsOf(world, of.id);
  if (slots.some((slot) => slot.revokedAt === null && slot.kind === "app-password" && slot.lastUsedAt !== null)) return;
  throw new Problem(
    409,
    "rotated-too-often",
    "Let a mail program log in with the present app password first, so that the mailbox is taken over.",
  );
}

function stale(): Problem {
  return new Problem(
    409,
    "changed-meanwhile",
    "This mailbox's keys were changed meanwhile. Load the page and begin again.",
  );
}
