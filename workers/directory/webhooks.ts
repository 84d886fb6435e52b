/** Webhook receivers of a domain, their keys, and the log of what was tried. */
import { and, asc, desc, eq, inArray, isNull, sql } from "drizzle-orm";
import { newWebhookSecret, parseWebhookKey, publicKeyText, signingKeyText } from "../../src/core/webhook/keys.ts";
import { ed25519PublicKey } from "../crypto.ts";
import { audited } from "./audit.ts";
import { type Page, type PageQuery, pageBy } from "./keyset.ts";
import { newId, type World } from "./open.ts";
import { notFound, Problem } from "./problem.ts";
import { alias, destination, webhookDelivery, webhookEndpoint } from "./schema.ts";

export type Endpoint = typeof webhookEndpoint.$inferSelect;
export type Delivery = typeof webhookDelivery.$inferSelect;
export type Scheme = Endpoint["scheme"];

/** Two live keys while one is rotated out. */
const liveKeys = 2;

export async function endpointsOf(world: World, domain: string): Promise<Endpoint[]> {
  return world.db
    .select()
    .from(webhookEndpoint)
    .where(eq(webhookEndpoint.domain, domain))
    .orderBy(asc(webhookEndpoint.url));
}

export async function endpointPage(world: World, domain: string, query: PageQuery): Promise<Page<Endpoint>> {
  const order = { by: [webhookEndpoint.url], of: ({ url }: Endpoint) => [url] };
  return pageBy(order, query, ({ after, orderBy, limit }) =>
    world.db
      .select()
      .from(webhookEndpoint)
      .where(and(eq(webhookEndpoint.domain, domain), after))
      .orderBy(...orderBy)
      .limit(limit),
  );
}

export async function endpointFor(world: World, domain: string, id: string): Promise<Endpoint> {
  const [row] = await world.db
    .select()
    .from(webhookEndpoint)
    .where(and(eq(webhookEndpoint.id, id), eq(webhookEndpoint.domain, domain)))
    .limit(1);
  if (row === undefined) throw notFound("webhook");
  return row;
}

export async function endpointById(world: World, id: string): Promise<Endpoint | null> {
  const [row] = await world.db.select().from(webhookEndpoint).where(eq(webhookEndpoint.id, id)).limit(1);
  return row ?? null;
}

/** The receiver at this URL, as somebody adds it who then sees its key; added twice it is the same one. */
export async function addEndpoint(world: World, domain: string, url: string): Promise<Endpoint> {
  const row = { ...newEndpoint(world, domain, url, null), id: newId(world) };
  const insert = world.db.insert(webhookEndpoint).values(row).onConflictDoNothing().returning();
  const [[made]] = await audited(world, { domain, act: "webhook.added", subject: url }, [insert]);
  return made ?? ensureEndpoint(world, domain, url, null);
}

/**
 * The receiver at this URL; made when a destination names it for the first time, with a secret of its own, or with `key`
 * (a `whsk_` text) for a domain whose owner has no account to see a secret in.
 */
export async function ensureEndpoint(world: World, domain: string, url: string, key: string | null): Promise<Endpoint> {
  const find = () =>
    world.db
      .select()
      .from(webhookEndpoint)
      .where(and(eq(webhookEndpoint.domain, domain), eq(webhookEndpoint.url, url)))
      .limit(1);
  const [known] = await find();
  // Mail for one that is switched off comes here only when nobody owns it and it has rested (`txt.ts`).
  if (known?.state === "disabled" && key !== null) return setEndpointState(world, known, "active");
  if (known !== undefined) return known;
  const row = { ...newEndpoint(world, domain, url, key), id: newId(world) };
  await world.db.insert(webhookEndpoint).values(row).onConflictDoNothing();
  const [made] = await find();
  if (made === undefined) throw notFound("webhook");
  return made;
}

function newEndpoint(world: World, domain: string, url: string, key: string | null) {
  const scheme: Scheme = key === null ? "v1" : "v1a";
  return { domain, url, scheme, secrets: [key ?? newWebhookSecret(world.random)], createdAt: world.clock() };
}

/** A new key in front, of either scheme; the one before stays live until the next rotation or `retireOldKeys`. */
export async function rotateKey(world: World, of: Endpoint, scheme: Scheme): Promise<Endpoint> {
  const secrets = [await newKey(world, scheme), ...of.secrets].slice(0, liveKeys);
  return change(world, of, `rotate-${scheme}`, { secrets, scheme });
}

export async function retireOldKeys(world: World, of: Endpoint): Promise<Endpoint> {
  return change(world, of, "retire", { secrets: of.secrets.slice(0, 1) });
}

/** Switching on again forgets the failures that switched it off. */
export async function setEndpointState(world: World, of: Endpoint, state: Endpoint["state"]): Promise<Endpoint> {
  const disabledAt = state === "disabled" ? world.clock() : null;
  const to = { state, disabledAt, ...(state === "active" ? { failingSince: null } : {}) };
  return change(world, of, state === "active" ? "on" : "off", to);
}

/** Refused while an alias sends there: its next message would only make it anew, with another key. Waiting messages go with it. */
export async function removeEndpoint(world: World, of: Endpoint): Promise<void> {
  const aimed = await world.db
    .select({ pattern: alias.pattern })
    .from(destination)
    .innerJoin(alias, eq(alias.id, destination.alias))
    .where(
      and(eq(alias.domain, of.domain), eq(destination.kind, "webhook"), inArray(destination.target, [of.url, of.id])),
    )
    .limit(1);
  const [first] = aimed;
  if (first !== undefined)
    throw new Problem(409, "webhook-in-use", `The alias ${first.pattern} sends its mail there: change that first.`);
  await audited(world, { domain: of.domain, act: "webhook.removed", subject: of.url }, [
    world.db.delete(webhookEndpoint).where(eq(webhookEndpoint.id, of.id)),
  ]);
}

/** What a receiver is set up with: HMAC secrets, or the public halves of Ed25519 keys. Newest first. */
export async function receiverKeys(of: Endpoint): Promise<string[]> {
  const keys: string[] = [];
  for (const text of of.secrets) {
    const key = parseWebhookKey(text);
    if (key?.scheme === "v1a") keys.push(publicKeyText(await ed25519PublicKey(key.seed)));
    else keys.push(text);
  }
  return keys;
}

export async function deliveriesOf(
  world: World,
  endpoint: string,
  page: { before?: string | undefined; limit: number },
): Promise<Delivery[]> {
  const older = page.before === undefined ? undefined : sql`${webhookDelivery.id} < ${page.before}`;
  return world.db
    .select()
    .from(webhookDelivery)
    .where(and(eq(webhookDelivery.endpoint, endpoint), older))
    .orderBy(desc(webhookDelivery.id))
    .limit(page.limit);
}

export async function lastAttempt(world: World, endpoint: string, message: string): Promise<Delivery | null> {
  const [row] = await world.db
    .select()
    .from(webhookDelivery)
    .where(and(eq(webhookDelivery.endpoint, endpoint), eq(webhookDelivery.message, message)))
    .orderBy(desc(webhookDelivery.attempt))
    .limit(1);
  return row ?? null;
}

/** The attempt's row, and what it says about the receiver's health. */
export async function logAttempt(world: World, row: Delivery): Promise<void> {
  const health = row.ok
    ? world.db.update(webhookEndpoint).set({ failingSince: null }).where(eq(webhookEndpoint.id, row.endpoint))
    : world.db
        .update(webhookEndpoint)
        .set({ failingSince: row.at })
        .where(and(eq(webhookEndpoint.id, row.endpoint), isNull(webhookEndpoint.failingSince)));
  await world.db.batch([world.db.insert(webhookDelivery).values(row), health]);
}

async function newKey(world: World, scheme: Scheme): Promise<string> {
  if (scheme === "v1") return newWebhookSecret(world.random);
  const seed = world.random(32);
  return signingKeyText(seed, await ed25519PublicKey(seed));
}

async function change(world: World, of: Endpoint, act: string, to: Partial<Endpoint>): Promise<Endpoint> {
  const update = world.db.update(webhookEndpoint).set(to).where(eq(webhookEndpoint.id, of.id)).returning();
  const entry = { domain: of.domain, act: "webhook.changed", subject: of.url, detail: { act } } as const;
  const [[row]] = await audited(world, entry, [update]);
  if (row === undefined) throw new Problem(404, "not-found", "There is no such webhook here, or it is not yours.");
  return row;
}
