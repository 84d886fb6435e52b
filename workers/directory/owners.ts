/** A domain's owner, for notices; and the hosts that are ours, which no webhook may call. */
import { and, asc, desc, eq, isNotNull } from "drizzle-orm";
import type { Edge } from "../platform.ts";
import { originKey, post } from "../post.ts";
import type { Directory } from "./open.ts";
import type { Relay } from "./routes.ts";
import { account, membership, node, setting } from "./schema.ts";

/** A mail to the owner's account address, through whichever node sends; nothing where there is none. */
export async function tellOwner(
  edge: Edge,
  domain: string,
  notice: { id: string; subject: string; text: string },
): Promise<void> {
  const [[owner], relay] = await Promise.all([
    edge.db
      .select({ email: account.email })
      .from(membership)
      .innerJoin(account, eq(account.id, membership.account))
      .where(and(eq(membership.domain, domain), eq(membership.role, "owner")))
      .orderBy(asc(membership.createdAt))
      .limit(1),
    relayOut(edge.db),
  ]);
  if (owner === undefined || relay === null) return;
  await post(edge, relay, { ...notice, to: owner.email, journal: "" });
}

/** The same to those who run this installation, ten at most. */
export async function tellOperators(
  edge: Edge,
  { id, ...notice }: { id: string; subject: string; text: string },
): Promise<void> {
  const [operators, relay] = await Promise.all([
    edge.db
      .select({ id: account.id, email: account.email })
      .from(account)
      .where(eq(account.operator, true))
      .orderBy(asc(account.createdAt))
      .limit(10),
    relayOut(edge.db),
  ]);
  if (relay === null) return;
  for (const { id: to, email } of operators)
    await post(edge, relay, { ...notice, id: `${id}-${to}`, to: email, journal: "" });
}

/** The node that our own letters leave by: whichever was heard of last; null where none sends. */
export async function relayOut(db: Directory): Promise<Relay | null> {
  const [through] = await db
    .select({ id: node.id, key: node.transitKey, keyId: node.transitKeyId })
    .from(node)
    .where(and(eq(node.state, "active"), isNotNull(node.transitKey)))
    .orderBy(desc(node.lastSeenAt))
    .limit(1);
  return through?.key && through.keyId ? { node: through.id, publicKey: through.key, keyId: through.keyId } : null;
}

/** Hosts of this installation: no webhook may lead back to one. */
export async function ownHosts(edge: Edge): Promise<string[]> {
  return [edge.config.authservId, ...(await hostsHere(edge.db))];
}

/** Those that the directory knows: the nodes', and the edge's own. */
export async function hostsHere(db: Directory): Promise<string[]> {
  const [nodes, origins] = await db.batch([
    db.select({ origin: node.origin, mxHost: node.mxHost }).from(node),
    db.select({ value: setting.value }).from(setting).where(eq(setting.key, originKey)),
  ]);
  const urls = [...nodes.map(({ origin }) => origin), ...origins.map(({ value }) => String(value))];
  return [...nodes.map(({ mxHost }) => mxHost), ...urls.map((url) => new URL(url).hostname)];
}
