/** What pages read over and over: a visitor's domains, and names for the ids that the journal points to. */
import type { Context } from "hono";
import { roleAtLeast } from "../api/row.ts";
import { type DomainView, domainFor, domainsOf, type Role } from "../directory/domains.ts";
import { endpointsAmong } from "../directory/hook-names.ts";
import { addressesOf } from "../directory/mailbox-list.ts";
import type { World } from "../directory/open.ts";
import { Problem } from "../directory/problem.ts";
import type { App, Visitor } from "../sign-in/visitor.ts";
import type { Names } from "./message.tsx";

export async function myDomains(c: Context<App>, visitor: Visitor): Promise<DomainView[]> {
  return domainsOf(c.get("world"), visitor.account.id);
}

/** The domain in the path, for somebody of at least this role in it; else 404 or 403. */
export async function domainHere(c: Context<App>, visitor: Visitor, needs: Role = "member"): Promise<DomainView> {
  const found = await domainFor(c.get("world"), visitor.account.id, c.req.param("domain") ?? "");
  if (!roleAtLeast(found.role, needs))
    throw new Problem(403, "role", `This needs the role “${needs}” in ${found.name}; yours is “${found.role}”.`);
  return found;
}

/** Names for what destinations and steps point to: mailboxes by address, webhook receivers by URL. */
export async function namesFor(
  world: World,
  domains: readonly DomainView[],
  pointing: readonly { target: string }[],
): Promise<Names> {
  const ids = domains.map((domain) => domain.id);
  const targets = new Set(pointing.map(({ target }) => target));
  const [boxes, hooks] = await Promise.all([addressesOf(world, ids, targets), endpointsAmong(world, ids)]);
  return new Map([...boxes, ...hooks.map((hook): [string, string] => [hook.id, hook.url])]);
}
