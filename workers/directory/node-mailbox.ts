/** A node met a login name or selector it does not know: the mailbox's record, if that mailbox lives there. */
import { and, eq } from "drizzle-orm";
import type { MailboxRecord } from "../../src/core/contract/mailbox.ts";
import { addressText, foldAddress } from "../../src/core/rules/address.ts";
import type { Edge } from "../platform.ts";
import { mailboxRecord } from "./mailboxes.ts";
import { openWorld } from "./open.ts";
import { mailbox } from "./schema.ts";

export async function mailboxFor(
  edge: Edge,
  node: string,
  { address }: { address: string },
): Promise<{ mailbox: MailboxRecord | null }> {
  const folded = foldAddress(address);
  if (folded === null) return { mailbox: null };
  const [row] = await edge.db
    .select({ id: mailbox.id })
    .from(mailbox)
    .where(and(eq(mailbox.address, addressText(folded)), eq(mailbox.node, node)))
    .limit(1);
  return { mailbox: row === undefined ? null : await mailboxRecord(openWorld(edge.env.DIRECTORY), row.id) };
}
