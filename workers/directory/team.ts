/** Who belongs to a domain, in which role, and who is asked to. A domain always has an owner. */
import { and, asc, count, eq, gt } from "drizzle-orm";
import { digest, newSecret } from "../sign-in/secret.ts";
import { record } from "./audit.ts";
import type { Domain, Role } from "./domains.ts";
import type { World } from "./open.ts";
import { notFound, Problem } from "./problem.ts";
import { account, domain, invitation, membership } from "./schema.ts";

export type Member = { account: string; email: string; name: string; role: Role; createdAt: number };
export type Invitation = typeof invitation.$inferSelect;

const invitationMs = 7 * 86_400_000;

export async function membersOf(world: World, domainId: string): Promise<Member[]> {
  return world.db
    .select({
      account: account.id,
      email: account.email,
      name: account.name,
      role: membership.role,
      createdAt: membership.createdAt,
    })
    .from(membership)
    .innerJoin(account, eq(account.id, membership.account))
    .where(eq(membership.domain, domainId))
    .orderBy(asc(account.email));
}

export async function changeMember(world: World, domainId: string, accountId: string, role: Role): Promise<Member> {
  const member = await memberOr404(world, domainId, accountId);
  if (member.role === "owner" && role !== "owner") await keepAnOwner(world, domainId);
  await world.db
    .update(membership)
    .set({ role })
    .where(and(eq(membership.domain, domainId), eq(membership.account, accountId)));
  await record(world, { domain: domainId, act: "member.changed", subject: member.email, detail: { role } });
  return { ...member, role };
}

export async function removeMember(world: World, domainId: string, accountId: string): Promise<void> {
  const member = await memberOr404(world, domainId, accountId);
  if (member.role === "owner") await keepAnOwner(world, domainId);
  await world.db.delete(membership).where(and(eq(membership.domain, domainId), eq(membership.account, accountId)));
  await record(world, { domain: domainId, act: "member.removed", subject: member.email });
}

/** Answers the link's token, shown to the inviter once. Asking the same address again replaces the first invitation. */
export async function invite(world: World, of: Domain, email: string, role: Role): Promise<string> {
  const members = await membersOf(world, of.id);
  if (members.some((member) => member.email === email))
    throw new Problem(409, "member-exists", "They belong to this domain already.", { field: "email" });
  const token = newSecret(world.random);
  const now = world.clock();
  const row = { id: await digest(token), domain: of.id, email, role, invitedBy: world.actor };
  await world.db.batch([
    world.db.delete(invitation).where(and(eq(invitation.domain, of.id), eq(invitation.email, email))),
    world.db.insert(invitation).values({ ...row, createdAt: now, expiresAt: now + invitationMs }),
  ]);
  await record(world, { domain: of.id, act: "member.invited", subject: email, detail: { role } });
  return token;
}

export async function invitationsOf(world: World, domainId: string): Promise<Invitation[]> {
  return world.db
    .select()
    .from(invitation)
    .where(and(eq(invitation.domain, domainId), gt(invitation.expiresAt, world.clock())))
    .orderBy(asc(invitation.email));
}

export async function removeInvitation(world: World, domainId: string, id: string): Promise<void> {
  const [gone] = await world.db
    .delete(invitation)
    .where(and(eq(invitation.domain, domainId), eq(invitation.id, id)))
    .returning();
  if (gone === undefined) throw notFound("invitation");
  await record(world, { domain: domainId, act: "invitation.removed", subject: gone.email });
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
  if (found === null || found.email !== who.email)
    throw new Problem(404, "no-invitation", "This invitation is used up, too old, or meant for another address.");
  await world.db.batch([
    world.db.delete(invitation).where(eq(invitation.id, found.id)),
    world.db
      .insert(membership)
      .values({ account: who.id, domain: found.domain, role: found.role, createdAt: world.clock() })
      .onConflictDoNothing(),
  ]);
  await record(world, { domain: found.domain, act: "member.joined", subject: who.email, detail: { role: found.role } });
  return found.domain;
}

async function memberOr404(world: World, domainId: string, accountId: string): Promise<Member> {
  const found = (await membersOf(world, domainId)).find((member) => member.account === accountId);
  if (found === undefined) throw notFound("member");
  return found;
}

async function keepAnOwner(world: World, domainId: string): Promise<void> {
  const [row] = await world.db
    .select({ n: count() })
    .from(membership)
    .where(and(eq(membership.domain, domainId), eq(membership.role, "owner")));
  if ((row?.n ?? 0) < 2) throw new Problem(409, "last-owner", "A domain needs an owner: make somebody else one first.");
}
