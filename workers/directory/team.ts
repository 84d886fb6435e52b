/** Who belongs to a domain, in which role, and who is asked to. A domain always has an owner. */
import { and, asc, eq, exists, gt, ne, or, type SQL, sql } from "drizzle-orm";
import { digest, newSecret } from "../sign-in/secret.ts";
import { audited } from "./audit.ts";
import type { Domain, Role } from "./domains.ts";
import { type Page, type PageQuery, pageBy } from "./keyset.ts";
import type { World } from "./open.ts";
import { notFound, Problem } from "./problem.ts";
import { account, domain, invitation, membership } from "./schema.ts";

export type Member = { account: string; email: string; name: string; role: Role; createdAt: number };
export type Invitation = typeof invitation.$inferSelect;

const invitationMs = 7 * 86_400_000;

export async function membersOf(world: World, domainId: string): Promise<Member[]> {
  return members(world, domainId).orderBy(asc(account.email));
}

export async function memberPage(world: World, domainId: string, query: PageQuery): Promise<Page<Member>> {
  const order = { by: [account.email], of: ({ email }: Member) => [email] };
  return pageBy(order, query, ({ after, orderBy, limit }) =>
    members(world, domainId, after)
      .orderBy(...orderBy)
      .limit(limit),
  );
}

function members(world: World, domainId: string, which?: SQL) {
  const { id, email, name } = account;
  const { role, createdAt } = membership;
  return world.db
    .select({ account: id, email, name, role, createdAt })
    .from(membership)
    .innerJoin(account, eq(account.id, membership.account))
    .where(and(eq(membership.domain, domainId), which));
}

export async function changeMember(world: World, domainId: string, accountId: string, role: Role): Promise<Member> {
  const member = await memberOf(world, domainId, accountId);
  const which = role === "owner" ? membershipIn(domainId, accountId) : notTheLastOwner(domainId, accountId);
  const entry = { domain: domainId, act: "member.changed", subject: member.email, detail: { role } } as const;
  const change = world.db.update(membership).set({ role }).where(which).returning();
  const [, changed] = await audited(world, entry, [invitationsBy(world, domainId, accountId, role), change]);
  if (changed.length === 0) throw lastOwner();
  return { ...member, role };
}

/** Or leaves, where it is the actor. What an account's keys may do follows from its membership, so that ends too. */
export async function removeMember(world: World, domainId: string, accountId: string): Promise<void> {
  const member = await memberOf(world, domainId, accountId);
  const act = accountId === world.actor ? "member.left" : "member.removed";
  const [, gone] = await audited(world, { domain: domainId, act, subject: member.email }, [
    invitationsBy(world, domainId, accountId, null),
    world.db.delete(membership).where(notTheLastOwner(domainId, accountId)).returning(),
  ]);
  if (gone.length === 0) throw lastOwner();
}

/** Answers the link's token, shown to the inviter once. Asking the same address again replaces the first invitation. */
export async function invite(world: World, of: Domain, email: string, role: Role): Promise<string> {
  const [here] = await members(world, of.id, eq(account.email, email)).limit(1);
  if (here !== undefined)
    throw new Problem(409, "member-exists", "They belong to this domain already.", { field: "email" });
  const token = newSecret(world.random);
  const now = world.clock();
  const row = { id: await digest(token), domain: of.id, email, role, invitedBy: world.actor };
  await audited(world, { domain: of.id, act: "member.invited", subject: email, detail: { role } }, [
    world.db.delete(invitation).where(and(eq(invitation.domain, of.id), eq(invitation.email, email))),
    world.db.insert(invitation).values({ ...row, createdAt: now, expiresAt: now + invitationMs }),
  ]);
  return token;
}

export async function invitationsOf(world: World, domainId: string): Promise<Invitation[]> {
  return invited(world, domainId).orderBy(asc(invitation.email));
}

export async function invitationPage(world: World, domainId: string, query: PageQuery): Promise<Page<Invitation>> {
  const order = { by: [invitation.email], of: ({ email }: Invitation) => [email] };
  return pageBy(order, query, ({ after, orderBy, limit }) =>
    invited(world, domainId, after)
      .orderBy(...orderBy)
      .limit(limit),
  );
}

function invited(world: World, domainId: string, which?: SQL) {
  return world.db
    .select()
    .from(invitation)
    .where(and(eq(invitation.domain, domainId), gt(invitation.expiresAt, world.clock()), which));
}

export async function removeInvitation(world: World, domainId: string, id: string): Promise<void> {
  const here = and(eq(invitation.domain, domainId), eq(invitation.id, id));
  const [found] = await world.db.select({ email: invitation.email }).from(invitation).where(here).limit(1);
  if (found === undefined) throw notFound("invitation");
  const [[gone]] = await audited(world, { domain: domainId, act: "invitation.removed", subject: found.email }, [
    world.db.delete(invitation).where(here).returning({ id: invitation.id }),
  ]);
  // Accepted in this very moment: whoever took it back must not believe that nobody came.
  if (gone === undefined) throw notFound("invitation");
}

/** What a link offers, or null for a wrong or old one. */
export async function invitationFor(
  world: World,
  token: string,
): Promise<(Invitation & { domainName: string }) | null> {
  const [found] = await world.db
    .select({ invitation, domainName: domain.name })
    .from(invitation)
    .innerJoin(domain, eq(domain.id, invitation.domain))
    .where(and(eq(invitation.id, await digest(token)), gt(invitation.expiresAt, world.clock())))
    .limit(1);
  return found === undefined ? null : { ...found.invitation, domainName: found.domainName };
}

/** Only the address that was asked may come in: a forwarded link opens nothing. */
export async function acceptInvitation(
  world: World,
  token: string,
  who: { id: string; email: string },
): Promise<string> {
  const found = await invitationFor(world, token);
  if (found === null || found.email !== who.email) throw noInvitation();
  const entry = {
    domain: found.domain,
    act: "member.joined",
    subject: who.email,
    detail: { role: found.role },
  } as const;
  // One that is taken back in this very moment lets nobody in any more.
  const asked = sql`select ${who.id}, domain, role, ${world.clock()} from invitation where id = ${found.id}`;
  const [, [used]] = await audited(world, entry, [
    world.db.insert(membership).select(asked).onConflictDoNothing(),
    world.db.delete(invitation).where(eq(invitation.id, found.id)).returning({ id: invitation.id }),
  ]);
  if (used === undefined) throw noInvitation();
  return found.domain;
}

function noInvitation(): Problem {
  return new Problem(404, "no-invitation", "This invitation is used up, too old, or meant for another address.");
}

export async function memberOf(world: World, domainId: string, accountId: string): Promise<Member> {
  const [found] = await members(world, domainId, eq(account.id, accountId)).limit(1);
  if (found === undefined) throw notFound("member");
  return found;
}

/** Deletes what an owner asked others to join by, where the rest of the batch gives them another role or none. */
function invitationsBy(world: World, domainId: string, accountId: string, role: Role | null) {
  const losesIt = role === "owner" ? sql`false` : notTheLastOwner(domainId, accountId);
  const canGo = world.db.select().from(membership).where(losesIt);
  return world.db
    .delete(invitation)
    .where(and(eq(invitation.domain, domainId), eq(invitation.invitedBy, accountId), exists(canGo)));
}

function membershipIn(domainId: string, accountId: string): SQL | undefined {
  return and(eq(membership.domain, domainId), eq(membership.account, accountId));
}

// Asked inside the change itself: two owners who remove each other at once can't both succeed.
function notTheLastOwner(domainId: string, accountId: string): SQL | undefined {
  const owners = sql`(select count(*) from ${membership} o where o.domain = ${domainId} and o.role = 'owner')`;
  return and(membershipIn(domainId, accountId), or(ne(membership.role, "owner"), sql`${owners} > 1`));
}

function lastOwner(): Problem {
  return new Problem(409, "last-owner", "A domain needs an owner: make somebody else one first.");
}
