/**
 * API keys: `pst_<id>_<secret>`, shown once. A key can do what its scopes say and never more than the session that made it:
 * one made without a second factor does not reach domains that ask for one. It may name the domains that it is for: then it
 * finds no other, and does nothing that is about the whole account.
 */
import { and, desc, eq, sql } from "drizzle-orm";
import { equalConstantTime, utf8 } from "../../src/core/bytes.ts";
import type { Account } from "../directory/accounts.ts";
import { audited } from "../directory/audit.ts";
import { domainsOf } from "../directory/domains.ts";
import { type Page, type PageQuery, pageBy } from "../directory/keyset.ts";
import { newId, type World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import { account, apiKey } from "../directory/schema.ts";
import { digest, newSecret } from "./secret.ts";

export const scopes = [
  "domains:read",
  "domains:write",
  "aliases:read",
  "aliases:write",
  "mailboxes:read",
  "mailboxes:write",
  "activity:read",
  "team:read",
  "team:write",
  "nodes:read",
] as const;
export type Scope = (typeof scopes)[number];
export type ApiKey = typeof apiKey.$inferSelect;

const noteEveryMs = 60_000;

export type NewKey = { name: string; scopes: Scope[]; domains: string[] | null; expiresAt: number | null };

/** None where the password was changed since `of` was read: what it ended makes no key any more. */
export async function addKey(world: World, of: Account, input: NewKey): Promise<{ key: ApiKey; text: string }> {
  if (input.expiresAt !== null && input.expiresAt <= world.clock())
    throw new Problem(422, "expired", "This key would be over already.", { field: "expiresAt" });
  const names = input.domains === null ? null : await namesOf(world, of.id, input.domains);
  const secret = newSecret(world.random);
  const row = {
    ...input,
    id: newId(world),
    account: of.id,
    hash: await digest(secret),
    strong: world.strong,
    createdAt: world.clock(),
    lastUsedAt: null,
  };
  const detail = { scopes: row.scopes, ...(names === null ? {} : { domains: names }) };
  const entry = { domain: null, act: "key.made", subject: row.name, detail } as const;
  const { id, name, hash, strong, createdAt, expiresAt } = row;
  const lists = sql`${JSON.stringify(row.scopes)}, ${row.domains === null ? null : JSON.stringify(row.domains)}`;
  const facts = sql`${name}, ${hash}, ${lists}, ${strong ? 1 : 0}, ${createdAt}, ${expiresAt}, null`;
  const unchanged = sql`id = ${of.id} and password = ${of.password}`;
  const [[made]] = await audited(world, entry, [
    world.db
      .insert(apiKey)
      .select(sql`select ${id}, id, ${facts} from account where ${unchanged}`)
      .returning({ id: apiKey.id }),
  ]);
  if (made === undefined) throw new Problem(401, "ended-meanwhile", "Your session was ended meanwhile.");
  return { key: row, text: `pst_${row.id}_${secret}` };
}

/** A key for no domain at all would only look like one for every domain. */
async function namesOf(world: World, accountId: string, ids: readonly string[]): Promise<string[]> {
  const mine = new Map((await domainsOf(world, accountId)).map(({ id, name }) => [id, name]));
  const names = ids.map((id) => mine.get(id));
  if (names.length > 0 && names.every((name) => name !== undefined)) return names;
  throw new Problem(422, "bad-domains", "Name at least one domain, and only your own.", { field: "domains" });
}

export async function keyFor(world: World, text: string): Promise<{ key: ApiKey; account: Account } | null> {
  const [, id, secret] = /^pst_([0-9A-Z]{26})_([\w-]{43})$/.exec(text) ?? [];
  if (id === undefined || secret === undefined) return null;
  const [found] = await world.db
    .select({ key: apiKey, account })
    .from(apiKey)
    .innerJoin(account, eq(account.id, apiKey.account))
    .where(and(eq(apiKey.id, id), eq(account.state, "active")))
    .limit(1);
  const now = world.clock();
  const right = found !== undefined && equalConstantTime(utf8(await digest(secret)), utf8(found.key.hash));
  if (!right || (found.key.expiresAt ?? now + 1) <= now) return null;
  if ((found.key.lastUsedAt ?? 0) < now - noteEveryMs) {
    await world.db.update(apiKey).set({ lastUsedAt: now }).where(eq(apiKey.id, id));
  }
  return found;
}

export async function keysOf(world: World, accountId: string): Promise<ApiKey[]> {
  return world.db.select().from(apiKey).where(eq(apiKey.account, accountId)).orderBy(desc(apiKey.id));
}

export async function keyPage(world: World, accountId: string, query: PageQuery): Promise<Page<ApiKey>> {
  const order = { by: [apiKey.id], of: ({ id }: ApiKey) => [id], falling: true } as const;
  return pageBy(order, query, ({ after, orderBy, limit }) =>
    world.db
      .select()
      .from(apiKey)
      .where(and(eq(apiKey.account, accountId), after))
      .orderBy(...orderBy)
      .limit(limit),
  );
}

export async function removeKey(world: World, accountId: string, id: string): Promise<boolean> {
  const mine = and(eq(apiKey.id, id), eq(apiKey.account, accountId));
  const [found] = await world.db.select({ name: apiKey.name }).from(apiKey).where(mine).limit(1);
  if (found === undefined) return false;
  await audited(world, { domain: null, act: "key.removed", subject: found.name }, [
    world.db.delete(apiKey).where(mine),
  ]);
  return true;
}
