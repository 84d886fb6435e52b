/** Set-up, signing in and out, and one's own account. */
import { z } from "zod";
import { setUp, signIn } from "../../sign-in/enter.ts";
import { closeSession, openSession } from "../../sign-in/session.ts";
import { anyone, personal } from "../row.ts";
import { accountShape, credentials } from "../shapes.ts";

const tag = "Session";

export const sessionRows = [
  anyone({
    method: "POST",
    path: "/setup",
    name: "setUp",
    tag,
    says: "Make the operator's account, by the set-up token, while there is no account",
    body: credentials.extend({ token: z.string().min(1).max(200) }),
    answer: accountShape,
    status: 201,
    async run(call) {
      const account = await setUp(call.world, call.body, call.env.SETUP_TOKEN, call.ip);
      call.cookie = await openSession(call.world, account.id, call.agent);
      return account;
    },
  }),
  anyone({
    method: "POST",
    path: "/session",
    name: "signIn",
    tag,
    says: "Sign in with address and password; answers a session cookie",
    body: credentials,
    answer: accountShape,
    async run(call) {
      const account = await signIn(call.world, call.body, call.ip);
      call.cookie = await openSession(call.world, account.id, call.agent);
      return account;
    },
  }),
  personal(null, {
    method: "DELETE",
    path: "/session",
    name: "signOut",
    tag,
    says: "End this session",
    async run(call) {
      if (call.visitor.session !== null) await closeSession(call.world, call.visitor.session.id);
      call.cookie = null;
    },
  }),
  personal("domains:read", {
    method: "GET",
    path: "/account",
    name: "account",
    tag,
    says: "Who this is",
    answer: accountShape,
    run: async (call) => call.visitor.account,
  }),
];
