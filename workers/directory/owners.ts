/** A domain's owner, for notices; and the hosts that are ours, which no webhook may call. */
import { and, asc, desc, eq, isNotNull } from "drizzle-orm";
import type { Edge } from "../platform.ts";
import { edgeOrigin, post } from "../post.ts";
import { account, membership, node } from "./schema.ts";

/** A mail to the owner's account address, through whichever node sends; nothing where there is none. */
export async function tellOwner(
  edge: Edge,
  domain: string,
  notice: { id: string; subject: string; text: string },
): Promise<void> {
  const [owners, nodes] = await edge.db.batch([
    edge.db
      .select({ email: account.email })
      .from(membership)
      .innerJoin(account, eq(account.id, membership.account))
      .where(and(eq(membership.domain, domain), eq(membership.role, "owner")))
      .orderBy(asc(membership.createdAt))
      .limit(1),
    edge.db
      .select({ id: node.id, key: node.transitKey, keyId: node.transitKeyId })
      .from(node)
      .where(and(eq(node.state, "active"), isNotNull(node.transitKey)))
      .orderBy(desc(node.lastSeenAt))
      .limit(1),
  ]);
  const [[owner], [through]] = [owners, nodes];
  if (owner === undefined || !through?.key || !through.keyId) return;
  const relay = { node: through.id, publicKey: through.key, keyId: through.keyId };
  await post(edge, relay, { ...notice, to: owner.email, journal: "" });
}

export async function ownHosts(edge: Edge): Promise<string[]> {
  const nodes = await edge.db.select({ origin: node.origin, mxHost: node.mxHost }).from(node);
  const origin = await edgeOrigin(edge);
  const urls = [...nodes.map((one) => one.origin), ...(origin === null ? [] : [origin])];
  return [edge.config.authservId, ...nodes.map(({ mxHost }) => mxHost), ...urls.map((url) => new URL(url).hostname)];
}
