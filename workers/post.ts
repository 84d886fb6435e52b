/**
 * Mail that the edge itself writes: it goes out as a relay job of a node, like any forwarded message, but with the null
 * reverse-path (RFC 3834 §3.3, RFC 5321 §4.5.5), so that nothing ever answers it.
 */
import { eq } from "drizzle-orm";
import { fromBase64 } from "../src/core/bytes.ts";
import type { RelayJob } from "../src/core/contract/handoff.ts";
import { type Letter, writeLetter } from "../src/core/message/letter.ts";
import { sealFrame } from "../src/core/seal/seal.ts";
import type { Relay } from "./directory/routes.ts";
import { setting } from "./directory/schema.ts";
import type { Edge } from "./platform.ts";
import { relayBox, ring, spool } from "./spool.ts";

export type Post = Pick<Letter, "to" | "subject" | "text"> & {
  /** The same id again is not sent again. */
  id: string;
  /** The message in whose journal this shows; empty for none. */
  journal: string;
  /** Whose name it bears; the service's own by default. */
  from?: { address: string; name: string };
  fields?: Letter["fields"];
  /** RFC 3834 §5. */
  submitted?: "auto-generated" | "auto-replied";
};

/** Durable when it resolves. */
export async function post(edge: Edge, relay: Relay, letter: Post): Promise<void> {
  ring(edge, [await spoolLetter(edge, relay, letter)]);
}

/** The same without a bell; answers the key in the spool. */
export async function spoolLetter(edge: Edge, relay: Relay, letter: Post): Promise<string> {
  const from = letter.from ?? { address: `no-reply@${edge.config.authservId}`, name: "Postern" };
  const domain = from.address.slice(from.address.lastIndexOf("@") + 1);
  const now = edge.clock();
  const raw = writeLetter({
    from: from.address,
    fromName: from.name,
    to: letter.to,
    subject: letter.subject,
    text: letter.text,
    date: now,
    messageId: `${letter.id}@${domain}`,
    fields: [["Auto-Submitted", letter.submitted ?? "auto-generated"], ...(letter.fields ?? [])],
  });
  const job: RelayJob = {
    id: letter.id,
    mailFrom: "",
    domain,
    forwardedFor: "",
    recipient: letter.to,
    route: null,
    journalId: letter.journal,
    receivedAt: now,
    authResults: `${edge.config.authservId}; none`,
    arcCv: "none",
    dmarcPassed: false,
    pathProven: false,
    smtputf8: /[^\x00-\x7f]/.test(letter.to),
  };
  const key = { publicKey: fromBase64(relay.publicKey), keyId: relay.keyId };
  const sealed = sealFrame({ ...key, head: job, raw }, edge.seal);
  const facts = { journal: letter.journal, at: now };
  return spool(edge, { node: relay.node, box: relayBox, id: letter.id }, facts, sealed);
}

export const originKey = "edge-origin";

/** Where people reach this edge: links in mails begin with it. Nodes are told it by their operator, so their calls tell us. */
export async function noteOrigin(edge: Edge, url: string): Promise<void> {
  const value = new URL(url).origin;
  if ((await edgeOrigin(edge)) === value) return;
  await edge.db
    .insert(setting)
    .values({ key: originKey, value })
    .onConflictDoUpdate({ target: setting.key, set: { value } });
}

export async function edgeOrigin(edge: Edge): Promise<string | null> {
  const [row] = await edge.db.select().from(setting).where(eq(setting.key, originKey)).limit(1);
  return typeof row?.value === "string" ? row.value : null;
}
