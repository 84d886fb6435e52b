/** One's own account: name, sessions, API keys, passkeys. */
import { z } from "zod";
import { renameAccount } from "../../directory/accounts.ts";
import { record } from "../../directory/audit.ts";
import { notFound } from "../../directory/problem.ts";
import { addKey, keyPage, removeKey, scopes } from "../../sign-in/api-key.ts";
import {
  addPasskey,
  askForNew,
  passkeyPage,
  passkeysOf,
  registrationSchema,
  removePasskey,
} from "../../sign-in/passkey.ts";
import { revokeSession, sessionPage } from "../../sign-in/session.ts";
import { personal } from "../row.ts";
import { accountShape, accountView, cursorQuery, id, page } from "../shapes.ts";

const tag = "Account";
const time = z.int().describe("UTC milliseconds");
const sessionShape = z.object({
  id: z.string(),
  agent: z.string(),
  createdAt: time,
  lastSeenAt: time,
  current: z.boolean(),
});
const keyShape = z.object({
  id,
  name: z.string(),
  scopes: z.array(z.string()),
  domains: z.array(id).nullable().describe("The domains that it is for; null: all of the account's"),
  createdAt: time,
  expiresAt: time.nullable(),
  lastUsedAt: time.nullable(),
});
const passkeyShape = z.object({ id: z.string(), name: z.string(), createdAt: time, lastUsedAt: time.nullable() });

export const accountRows = [
  personal("domains:read", {
    method: "GET",
    path: "/account",
    name: "account",
    tag,
    says: "Who this is",
    byDomain: true,
    answer: accountShape,
    run: async (call) => accountView(call.visitor.account),
  }),
  personal(null, {
    method: "PATCH",
    path: "/account",
    name: "changeAccount",
    tag,
    says: "Change your name",
    body: z.object({ name: z.string().max(100) }),
    answer: accountShape,
    async run(call) {
      await renameAccount(call.world, call.visitor.account.id, call.body.name);
      return accountView({ ...call.visitor.account, name: call.body.name });
    },
  }),
  personal(null, {
    method: "GET",
    path: "/account/sessions",
    name: "sessions",
    tag,
    says: "Where you are signed in",
    query: cursorQuery,
    answer: page(sessionShape),
    async run(call) {
      const { items, next } = await sessionPage(call.world, call.visitor.account.id, call.query);
      return { items: items.map((one) => ({ ...one, current: one.id === call.visitor.session?.id })), next };
    },
  }),
  personal(null, {
    method: "DELETE",
    path: "/account/sessions/:session",
    name: "revokeSession",
    tag,
    says: "End one of your sessions",
    params: z.object({ session: z.string().regex(/^[0-9a-f]{64}$/) }),
    async run(call) {
      if (!(await revokeSession(call.world, call.visitor.account.id, call.params.session))) throw notFound("session");
      await record(call.world, { domain: null, act: "session.revoked", subject: call.params.session.slice(0, 8) });
    },
  }),
  personal(null, {
    method: "GET",
    path: "/account/keys",
    name: "keys",
    tag,
    says: "Your API keys",
    query: cursorQuery,
    answer: page(keyShape),
    run: (call) => keyPage(call.world, call.visitor.account.id, call.query),
  }),
  personal(null, {
    method: "POST",
    path: "/account/keys",
    name: "addKey",
    tag,
    says: "Make an API key; its text is answered this once",
    proof: true,
    body: z.object({
      name: z.string().min(1).max(100),
      scopes: z.array(z.enum(scopes)).min(1),
      domains: z.array(id).min(1).max(100).nullable().default(null).describe("Only these domains; null: all of yours"),
      expiresAt: time.nullable().default(null),
    }),
    answer: keyShape.extend({ text: z.string() }),
    status: 201,
    async run(call) {
      const { key, text } = await addKey(call.world, call.visitor.account, call.body);
      return { ...key, text };
    },
  }),
  personal(null, {
    method: "DELETE",
    path: "/account/keys/:key",
    name: "removeKey",
    tag,
    says: "Delete an API key; it stops working at once",
    params: z.object({ key: id }),
    async run(call) {
      if (!(await removeKey(call.world, call.visitor.account.id, call.params.key))) throw notFound("key");
    },
  }),
  personal(null, {
    method: "GET",
    path: "/account/passkeys",
    name: "passkeys",
    tag,
    says: "Your passkeys",
    query: cursorQuery,
    answer: page(passkeyShape),
    run: (call) => passkeyPage(call.world, call.visitor.account.id, call.query),
  }),
  personal(null, {
    method: "POST",
    path: "/account/passkeys/question",
    name: "askNewPasskey",
    tag,
    says: "A challenge for a new passkey, and the ids of those you have",
    proof: true,
    answer: z.object({
      challenge: z.string(),
      rpId: z.string(),
      user: z.object({ id: z.string(), name: z.string() }),
      known: z.array(z.string()),
    }),
    async run(call) {
      const { account } = call.visitor;
      const known = (await passkeysOf(call.world, account.id)).map((one) => one.id);
      const challenge = await askForNew(call.world, account.id);
      return { challenge, rpId: call.site.host, user: { id: account.id, name: account.email }, known };
    },
  }),
  personal(null, {
    method: "POST",
    path: "/account/passkeys",
    name: "addPasskey",
    tag,
    says: "Keep a passkey that the browser has made for the challenge",
    body: registrationSchema,
    async run(call) {
      await addPasskey(call.world, call.visitor.account.id, call.body, call.site);
    },
  }),
  personal(null, {
    method: "DELETE",
    path: "/account/passkeys/:passkey",
    name: "removePasskey",
    tag,
    says: "Remove a passkey",
    proof: true,
    params: z.object({ passkey: z.string().regex(/^[\w-]{1,1400}$/) }),
    async run(call) {
      if (!(await removePasskey(call.world, call.visitor.account.id, call.params.passkey))) throw notFound("passkey");
    },
  }),
];
