/** Webhook receivers of several domains, by URL. */
import { among } from "./among.ts";
import type { World } from "./open.ts";
import { webhookEndpoint } from "./schema.ts";

export async function endpointsAmong(world: World, domains: readonly string[]): Promise<{ id: string; url: string }[]> {
  if (domains.length === 0) return [];
  return world.db
    .select({ id: webhookEndpoint.id, url: webhookEndpoint.url })
    .from(webhookEndpoint)
    .where(among(webhookEndpoint.domain, domains));
}
