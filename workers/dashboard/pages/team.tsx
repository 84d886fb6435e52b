/** A domain's people, its settings and its audit log. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { auditLog, verifyChain } from "../../directory/audit.ts";
import { type DomainView, setDomainMfa } from "../../directory/domains.ts";
import type { Problem } from "../../directory/problem.ts";
import {
  changeMember,
  invitationsOf,
  invite,
  membersOf,
  removeInvitation,
  removeMember,
} from "../../directory/team.ts";
import { openEdge } from "../../platform.ts";
import { foldEmail } from "../../sign-in/enter.ts";
import { mailInvitation } from "../../sign-in/links.ts";
import { type App, siteOf, type Visitor } from "../../sign-in/visitor.ts";
import { attempt, formOf, proofFirst, proved, signedIn } from "../guard.tsx";
import { domainHere } from "../reader.ts";
import { page } from "../shell.tsx";
import { AuditView, TeamView } from "../team-views.tsx";

export const teamPages = new Hono<App>();
const roleField = z.enum(["owner", "admin", "member"]);

teamPages.get(
  "/domains/:domain/team",
  signedIn(async (c, visitor) => teamPage(c, visitor, await domainHere(c, visitor), { link: null, problem: null })),
);

type Shown = { link: string | null; problem: Problem | null };

async function teamPage(c: Context<App>, visitor: Visitor, domain: DomainView, shown: Shown): Promise<Response> {
  const world = c.get("world");
  const members = await membersOf(world, domain.id);
  const invitations = domain.role === "owner" ? await invitationsOf(world, domain.id) : [];
  const view = <TeamView {...{ visitor, domain, members, invitations, ...shown }} />;
  return page(
    c,
    visitor,
    { title: `People of ${domain.name}`, at: "domains", status: shown.problem === null ? 200 : 422 },
    view,
  );
}

const inviteForm = z.object({ email: z.string().max(320), role: roleField });

teamPages.post(
  "/domains/:domain/team/invite",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "owner");
    const form = await formOf(c, visitor, inviteForm);
    const first = form.role === "member" ? null : proofFirst(c, visitor);
    if (first !== null) return first;
    const tried = await attempt(async () => {
      const email = foldEmail(form.email);
      const token = await invite(c.get("world"), domain, email, form.role);
      mailInvitation(openEdge(c.env, c.executionCtx), { email, domain: domain.name, token });
      return token;
    });
    if (!tried.ok) return teamPage(c, visitor, domain, { link: null, problem: tried.problem });
    return teamPage(c, visitor, domain, { link: `${siteOf(c).origin}/join/${tried.value}`, problem: null });
  }),
);

const memberForm = z.object({ account: z.string().max(26), role: roleField.or(z.literal("gone")) });

teamPages.post(
  "/domains/:domain/team/member",
  proved(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "owner");
    const { account, role } = await formOf(c, visitor, memberForm);
    const world = c.get("world");
    const tried = await attempt<unknown>(() =>
      role === "gone" ? removeMember(world, domain.id, account) : changeMember(world, domain.id, account, role),
    );
    if (!tried.ok) return teamPage(c, visitor, domain, { link: null, problem: tried.problem });
    return c.redirect(`/domains/${domain.id}/team?done=member-${role === "gone" ? "removed" : "changed"}`, 303);
  }),
);

teamPages.post(
  "/domains/:domain/team/leave",
  proved(async (c, visitor) => {
    const domain = await domainHere(c, visitor);
    await formOf(c, visitor, z.object({}));
    const tried = await attempt(() => removeMember(c.get("world"), domain.id, visitor.account.id));
    if (!tried.ok) return teamPage(c, visitor, domain, { link: null, problem: tried.problem });
    return c.redirect("/domains?done=domain-left", 303);
  }),
);

teamPages.post(
  "/domains/:domain/team/uninvite",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "owner");
    const { invitation } = await formOf(c, visitor, z.object({ invitation: z.string().max(64) }));
    await removeInvitation(c.get("world"), domain.id, invitation);
    return c.redirect(`/domains/${domain.id}/team?done=invitation-removed`, 303);
  }),
);

teamPages.post(
  "/domains/:domain/team/mfa",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "owner");
    const { mfa } = await formOf(c, visitor, z.object({ mfa: z.enum(["on", "off"]) }));
    const first = mfa === "on" ? null : proofFirst(c, visitor);
    if (first !== null) return first;
    const tried = await attempt(() => setDomainMfa(c.get("world"), domain, mfa === "on"));
    if (!tried.ok) return teamPage(c, visitor, domain, { link: null, problem: tried.problem });
    return c.redirect(`/domains/${domain.id}/team?done=settings-changed`, 303);
  }),
);

teamPages.get(
  "/domains/:domain/audit",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const world = c.get("world");
    const before = z.coerce.number().int().min(1).optional().catch(undefined).parse(c.req.query("before"));
    const check = c.req.query("check") === undefined ? null : await verifyChain(world, domain.id);
    const { rows, next } = await auditLog(world, domain.id, { before, limit: 50 });
    const people = new Map((await membersOf(world, domain.id)).map((one) => [one.account, one.name || one.email]));
    const view = <AuditView {...{ domain, rows, next, people, check }} />;
    return page(c, visitor, { title: `Log of ${domain.name}`, at: "domains" }, view);
  }),
);
