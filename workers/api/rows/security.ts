/** How one comes in: password, codes from an app, recovery codes, address; one's own log; leaving for good. */
import { z } from "zod";
import { configOf } from "../../config.ts";
import { auditLog, verifyChain } from "../../directory/audit.ts";
import { Problem } from "../../directory/problem.ts";
import { openEdge } from "../../platform.ts";
import { leave, newPassword, newRecoveryCodes, switchCodesOn } from "../../sign-in/enter.ts";
import { askNewEmail, askVerified } from "../../sign-in/new-email.ts";
import { codesLeft } from "../../sign-in/recovery.ts";
import { closeOtherSessions } from "../../sign-in/session.ts";
import { base32, beginTotp, endTotp, hasTotp, totpUri } from "../../sign-in/totp.ts";
import { type Personal, personal } from "../row.ts";
import { auditQuery, auditShape, chainShape, page } from "../shapes.ts";

const tag = "Account";
const codes = z.object({ codes: z.array(z.string()).describe("Recovery codes, each works once; answered this once") });

/** No API key gets this far: these rows have no scope. */
function here({ visitor }: Personal): { account: string; session: string } {
  if (visitor.session === null) throw new Problem(403, "scope", "No API key may do this.");
  return { account: visitor.account.id, session: visitor.session.id };
}

export const securityRows = [
  personal(null, {
    method: "PUT",
    path: "/account/password",
    name: "changePassword",
    tag,
    says: "Choose another password; your other sessions end",
    body: z.object({ current: z.string().min(1).max(200), password: z.string().min(1).max(200) }),
    run: (call) => newPassword(call.world, call.visitor.account, call.body, here(call).session, call.ip),
  }),
  personal(null, {
    method: "GET",
    path: "/account/totp",
    name: "totp",
    tag,
    says: "Whether signing in asks for a code from an app, and how many recovery codes are left",
    answer: z.object({ on: z.boolean(), recoveryCodes: z.int() }),
    async run({ world, visitor: { account } }) {
      return { on: await hasTotp(world, account.id), recoveryCodes: await codesLeft(world, account.id) };
    },
  }),
  personal(null, {
    method: "POST",
    path: "/account/totp",
    name: "beginTotp",
    tag,
    says: "A secret for an authenticator app; it counts once its first code was right",
    proof: true,
    answer: z.object({ secret: z.string().describe("Base32"), uri: z.string().describe("otpauth:// for a QR code") }),
    status: 201,
    async run(call) {
      const { account } = call.visitor;
      const secret = await beginTotp(call.world, account.id, configOf(call.env).edgeSeed);
      return { secret: base32(secret), uri: totpUri(secret, account.email, call.site.host) };
    },
  }),
  personal(null, {
    method: "POST",
    path: "/account/totp/confirm",
    name: "confirmTotp",
    tag,
    says: "Switch codes on by the first of them; answers recovery codes",
    proof: true,
    body: z.object({ code: z.string().min(6).max(10) }),
    answer: codes,
    async run(call) {
      return { codes: await switchCodesOn(call.world, here(call), configOf(call.env).edgeSeed, call.body.code) };
    },
  }),
  personal(null, {
    method: "DELETE",
    path: "/account/totp",
    name: "endTotp",
    tag,
    says: "Ask for codes no more; without a passkey your sessions and keys then count as without a second factor",
    proof: true,
    run: (call) => endTotp(call.world, call.visitor.account.id),
  }),
  personal(null, {
    method: "POST",
    path: "/account/recovery-codes",
    name: "makeRecoveryCodes",
    tag,
    says: "New recovery codes; the old ones stop working",
    proof: true,
    answer: codes,
    async run(call) {
      return { codes: await newRecoveryCodes(call.world, call.visitor.account.id) };
    },
  }),
  personal(null, {
    method: "DELETE",
    path: "/account/sessions",
    name: "revokeOtherSessions",
    tag,
    says: "End all your sessions but this one, and what was begun in them: half-done sign-ins, mailed links",
    run: (call) => closeOtherSessions(call.world, here(call).account, here(call).session),
  }),
  personal(null, {
    method: "POST",
    path: "/account/email/link",
    name: "askVerified",
    tag,
    says: "Have a link mailed to your address that proves it is yours",
    run: (call) => askVerified(openEdge(call.env, { waitUntil: call.later }), call.world, call.visitor.account),
  }),
  personal(null, {
    method: "PUT",
    path: "/account/email",
    name: "changeEmail",
    tag,
    says: "Have a link mailed to another address; once opened there, it is your account's",
    proof: true,
    body: z.object({ email: z.string().min(3).max(320) }),
    async run({ env, later, world, visitor, body, ip }) {
      await askNewEmail(openEdge(env, { waitUntil: later }), world, visitor.account, body.email, ip);
    },
  }),
  personal(null, {
    method: "GET",
    path: "/account/audit",
    name: "accountAudit",
    tag,
    says: "What happened with your account, newest first",
    query: auditQuery,
    answer: page(auditShape),
    async run(call) {
      const { after: before, limit } = call.query;
      const { rows, next } = await auditLog(call.world, call.visitor.account.id, { before, limit });
      return { items: rows, next };
    },
  }),
  personal(null, {
    method: "GET",
    path: "/account/audit/check",
    name: "checkAccountAudit",
    tag,
    says: "Recompute the chain of your own log",
    answer: chainShape,
    run: (call) => verifyChain(call.world, call.visitor.account.id),
  }),
  personal(null, {
    method: "DELETE",
    path: "/account",
    name: "removeAccount",
    tag,
    says: "Delete your account, for ever; refused while you are the only owner of a domain",
    proof: true,
    query: z.object({ email: z.string().max(320).default("").describe("Your account's address, to be sure") }),
    async run(call) {
      await leave(call.world, call.visitor.account, call.query.email);
      call.cookie = null;
    },
  }),
];
