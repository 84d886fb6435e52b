/** Accounts by mailed links and invitations, for people who are not signed in. Asking gets one answer, account or not. */
import { z } from "zod";
import { Problem } from "../../directory/problem.ts";
import { openEdge } from "../../platform.ts";
import { askReset, askSignUp, finishSignUp, resetPassword } from "../../sign-in/by-mail.ts";
import { joinNew, signUpIsOpen } from "../../sign-in/enter.ts";
import { confirmEmail } from "../../sign-in/new-email.ts";
import { undoChange } from "../../sign-in/undo.ts";
import { anyone, type Call } from "../row.ts";
import { accountShape, id } from "../shapes.ts";
import { enter } from "./session.ts";

const tag = "Session";
const token = z.string().min(1).max(100).describe("The last part of the mailed link");
const password = z.string().min(1).max(200);
const address = z.object({ email: z.string().min(3).max(320) });
const edgeOf = ({ env, later }: Call) => openEdge(env, { waitUntil: later });

function onlyIfOpen({ env }: Call): void {
  if (!signUpIsOpen(env)) throw new Problem(403, "sign-up-closed", "New accounts here are by invitation.");
}

export const byMailRows = [
  anyone({
    method: "POST",
    path: "/sign-up",
    name: "askSignUp",
    tag,
    says: "Have a link mailed that makes an account, where the operator lets anybody have one",
    body: address,
    async run(call) {
      onlyIfOpen(call);
      await askSignUp(edgeOf(call), call.world, call.body.email, call.ip);
    },
  }),
  anyone({
    method: "POST",
    path: "/sign-up/finish",
    name: "finishSignUp",
    tag,
    says: "Make the account that a mailed link is for; answers a session cookie",
    body: z.object({ token, password }),
    answer: accountShape,
    status: 201,
    async run(call) {
      onlyIfOpen(call);
      return enter(call, await finishSignUp(call.world, call.body.token, call.body.password), false);
    },
  }),
  anyone({
    method: "POST",
    path: "/password/forgotten",
    name: "askReset",
    tag,
    says: "Have a link mailed by which a new password is chosen",
    body: address,
    run: (call) => askReset(edgeOf(call), call.world, call.body.email, call.ip),
  }),
  anyone({
    method: "POST",
    path: "/password/reset",
    name: "resetPassword",
    tag,
    says: "Choose a new password by a mailed link; all sessions end, and signing in asks for a second factor as before",
    body: z.object({
      token,
      password,
      alsoKeys: z
        .boolean()
        .default(false)
        .describe("Somebody else was in: delete API keys too, and passkeys unless a domain demands them"),
    }),
    async run(call) {
      await resetPassword(call.world, call.body, call.ip);
    },
  }),
  anyone({
    method: "POST",
    path: "/email/confirm",
    name: "confirmEmail",
    tag,
    says: "Prove an address by the link that was mailed to it",
    body: z.object({ token }),
    async run(call) {
      await confirmEmail(edgeOf(call), call.world, call.body.token, call.visitor?.session?.id ?? null);
    },
  }),
  anyone({
    method: "POST",
    path: "/email/undo",
    name: "undoEmail",
    tag,
    says: "Take an account back by the link that was mailed to its former address: the address is put back, sessions and what was added since are ended, and a link to choose a new password is mailed there",
    body: z.object({ token }),
    async run(call) {
      await undoChange(edgeOf(call), call.world, call.body.token, call.ip);
    },
  }),
  anyone({
    method: "POST",
    path: "/invitations/join",
    name: "joinNew",
    tag,
    says: "Make an account by an invitation and join; answers a session cookie",
    body: z.object({ token, password }),
    answer: z.object({ account: accountShape, domain: id }),
    status: 201,
    async run(call) {
      const { account, domain } = await joinNew(call.world, call.body, call.ip);
      return { account: await enter(call, account, false), domain };
    },
  }),
];
