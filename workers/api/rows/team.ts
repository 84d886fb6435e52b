/** A domain's people and its audit log. */
import { z } from "zod";
import { auditLog, verifyChain } from "../../directory/audit.ts";
import { setDomainMfa } from "../../directory/domains.ts";
import {
  acceptInvitation,
  changeMember,
  invitationPage,
  invite,
  memberOf,
  memberPage,
  removeInvitation,
  removeMember,
} from "../../directory/team.ts";
import { openEdge } from "../../platform.ts";
import { foldEmail } from "../../sign-in/enter.ts";
import { mailInvitation } from "../../sign-in/links.ts";
import { personal, within } from "../row.ts";
import { auditQuery, auditShape, chainShape, cursorQuery, domainParams, id, page, role } from "../shapes.ts";

const tag = "Team";
const time = z.int().describe("UTC milliseconds");
const memberParams = domainParams.extend({ account: id });
const memberShape = z.object({ account: id, email: z.string(), name: z.string(), role, createdAt: time });
const invitationShape = z.object({ id: z.string(), email: z.string(), role, createdAt: time, expiresAt: time });

export const teamRows = [
  within("member", "team:read", {
    method: "GET",
    path: "/domains/:domain/members",
    name: "members",
    tag,
    says: "Who belongs to the domain",
    params: domainParams,
    query: cursorQuery,
    answer: page(memberShape),
    run: (call) => memberPage(call.world, call.domain.id, call.query),
  }),
  within("member", "team:read", {
    method: "GET",
    path: "/domains/:domain/members/:account",
    name: "member",
    tag,
    says: "One of the domain's people",
    params: memberParams,
    answer: memberShape,
    run: (call) => memberOf(call.world, call.domain.id, call.params.account),
  }),
  within("owner", "team:write", {
    method: "PATCH",
    path: "/domains/:domain/members/:account",
    name: "changeMember",
    tag,
    says: "Change somebody's role",
    proof: true,
    params: memberParams,
    body: z.object({ role }),
    answer: memberShape,
    run: (call) => changeMember(call.world, call.domain.id, call.params.account, call.body.role),
  }),
  within("owner", "team:write", {
    method: "DELETE",
    path: "/domains/:domain/members/:account",
    name: "removeMember",
    tag,
    says: "Take somebody out of the domain",
    proof: true,
    params: memberParams,
    run: (call) => removeMember(call.world, call.domain.id, call.params.account),
  }),
  personal(null, {
    method: "DELETE",
    path: "/domains/:domain/membership",
    name: "leaveDomain",
    tag,
    says: "Leave the domain; your API keys then reach it no more. Refused while you are its only owner",
    proof: true,
    params: domainParams,
    run: (call) => removeMember(call.world, call.params.domain, call.visitor.account.id),
  }),
  within("owner", "team:read", {
    method: "GET",
    path: "/domains/:domain/invitations",
    name: "invitations",
    tag,
    says: "Who is asked to join",
    params: domainParams,
    query: cursorQuery,
    answer: page(invitationShape),
    run: (call) => invitationPage(call.world, call.domain.id, call.query),
  }),
  within("owner", "team:write", {
    method: "POST",
    path: "/domains/:domain/invitations",
    name: "invite",
    tag,
    says: "Ask somebody to join, by mail where mail can be sent; the link's token is answered this once",
    proof: { says: "where the role is owner or admin", when: (body) => body.role !== "member" },
    params: domainParams,
    body: z.object({ email: z.string().min(3).max(320), role }),
    answer: z.object({ token: z.string(), link: z.string() }),
    status: 201,
    async run(call) {
      const email = foldEmail(call.body.email);
      const token = await invite(call.world, call.domain, email, call.body.role);
      mailInvitation(openEdge(call.env, { waitUntil: call.later }), { email, domain: call.domain.name, token });
      return { token, link: `${call.site.origin}/join/${token}` };
    },
  }),
  within("owner", "team:write", {
    method: "DELETE",
    path: "/domains/:domain/invitations/:invitation",
    name: "removeInvitation",
    tag,
    says: "Take an invitation back",
    params: domainParams.extend({ invitation: z.string().regex(/^[0-9a-f]{64}$/) }),
    run: (call) => removeInvitation(call.world, call.domain.id, call.params.invitation),
  }),
  personal(null, {
    method: "POST",
    path: "/invitations/accept",
    name: "acceptInvitation",
    tag,
    says: "Join a domain by an invitation meant for your address",
    body: z.object({ token: z.string().min(1).max(100) }),
    answer: z.object({ domain: id }),
    run: async (call) => ({ domain: await acceptInvitation(call.world, call.body.token, call.visitor.account) }),
  }),
  within("member", "team:read", {
    method: "GET",
    path: "/domains/:domain/mfa",
    name: "mfa",
    tag,
    says: "Whether the domain demands a second factor",
    params: domainParams,
    answer: z.object({ mfa: z.boolean() }),
    run: async (call) => ({ mfa: call.domain.mfa }),
  }),
  within("owner", "team:write", {
    method: "PUT",
    path: "/domains/:domain/mfa",
    name: "demandMfa",
    tag,
    says: "Demand a second factor of everybody who works on the domain",
    proof: { says: "to demand it no longer", when: (body) => !body.mfa },
    params: domainParams,
    body: z.object({ mfa: z.boolean() }),
    run: (call) => setDomainMfa(call.world, call.domain, call.body.mfa),
  }),
  within("admin", "team:read", {
    method: "GET",
    path: "/domains/:domain/audit",
    name: "audit",
    tag,
    says: "Who changed what, newest first, each row chained to the one before by its hash",
    params: domainParams,
    query: auditQuery,
    answer: page(auditShape),
    async run(call) {
      const { rows, next } = await auditLog(call.world, call.domain.id, {
        before: call.query.after,
        limit: call.query.limit,
      });
      return { items: rows, next };
    },
  }),
  within("admin", "team:read", {
    method: "GET",
    path: "/domains/:domain/audit/check",
    name: "checkAudit",
    tag,
    says: "Recompute the whole chain",
    params: domainParams,
    answer: chainShape,
    run: (call) => verifyChain(call.world, call.domain.id),
  }),
];
