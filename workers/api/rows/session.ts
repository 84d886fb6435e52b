/** Set-up, signing in and out. */
import { z } from "zod";
import { configOf } from "../../config.ts";
import { type Account, accountById } from "../../directory/accounts.ts";
import { record } from "../../directory/audit.ts";
import { Problem } from "../../directory/problem.ts";
import { proveAgain, setUp, signInWithCode } from "../../sign-in/enter.ts";
import { askForKnown, assertionSchema, usePasskey } from "../../sign-in/passkey.ts";
import { closeSession, markProved, openSession } from "../../sign-in/session.ts";
import { anyone, type Call, personal } from "../row.ts";
import { accountShape, accountView, credentials } from "../shapes.ts";

const tag = "Session";
const code = z.string().min(6).max(20).describe("A code of this moment, or a recovery code");
const question = z.object({ challenge: z.string(), rpId: z.string() });

/** Opens a session, whose cookie the answer gives. */
export async function enter(call: Call, account: Account, strong: boolean): Promise<z.input<typeof accountShape>> {
  call.cookie = await openSession(call.world, account, call.agent, strong);
  await record(
    { ...call.world, actor: account.id },
    { domain: null, act: "signed-in", subject: call.agent, detail: { strong } },
  );
  return accountView(account);
}

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
    run: async (call) => enter(call, await setUp(call.world, call.body, call.env.SETUP_TOKEN, call.ip), false),
  }),
  anyone({
    method: "POST",
    path: "/session",
    name: "signIn",
    tag,
    says: "Sign in with address and password, and a code where the account asks for one; answers a session cookie",
    body: credentials.extend({ code: code.optional() }),
    answer: accountShape,
    async run(call) {
      const { account, strong } = await signInWithCode(call.world, call.body, configOf(call.env).edgeSeed, call.ip);
      return enter(call, account, strong);
    },
  }),
  anyone({
    method: "POST",
    path: "/session/passkey/question",
    name: "askPasskey",
    tag,
    says: "A challenge for signing in with a passkey",
    answer: question,
    run: async (call) => ({ challenge: await askForKnown(call.world), rpId: call.site.host }),
  }),
  anyone({
    method: "POST",
    path: "/session/passkey",
    name: "signInByPasskey",
    tag,
    says: "Sign in with a passkey's answer",
    body: assertionSchema,
    answer: accountShape,
    async run(call) {
      const account = await accountById(call.world, await usePasskey(call.world, call.body, call.site));
      if (account === null || account.state !== "active")
        throw new Problem(401, "passkey-refused", "This passkey was not accepted. Please try again.");
      return enter(call, account, true);
    },
  }),
  personal(null, {
    method: "POST",
    path: "/session/proof",
    name: "prove",
    tag,
    says: "Prove again that it is you, before something dangerous",
    body: z.object({ password: z.string().min(1).max(200), code: code.optional() }),
    async run(call) {
      const { account, session } = call.visitor;
      const strong = await proveAgain(call.world, account, call.body, configOf(call.env).edgeSeed, call.ip);
      if (session !== null) await markProved(call.world, session.id, strong);
    },
  }),
  personal(null, {
    method: "POST",
    path: "/session/proof/passkey",
    name: "proveByPasskey",
    tag,
    says: "The same by one of your passkeys, answering the challenge for signing in",
    body: assertionSchema,
    async run(call) {
      const { account, session } = call.visitor;
      if ((await usePasskey(call.world, call.body, call.site)) !== account.id)
        throw new Problem(401, "passkey-refused", "This passkey is of another account.");
      if (session !== null) await markProved(call.world, session.id, true);
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
];
