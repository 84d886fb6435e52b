/**
 * Links that are mailed: to make an account, to choose a new password, to prove an address. A link works once, for a while; its
 * secret is kept hashed, and a newer one of its kind replaces it. It begins with the origin that the nodes know us by, never
 * with what a request named as its host, or a stranger could have links mailed that lead to them.
 */
import { and, eq, isNull } from "drizzle-orm";
import type { World } from "../directory/open.ts";
import { relayOut } from "../directory/owners.ts";
import { Problem } from "../directory/problem.ts";
import type { Relay } from "../directory/routes.ts";
import { challenge } from "../directory/schema.ts";
import type { Edge } from "../platform.ts";
import { edgeOrigin, post } from "../post.ts";
import { minute, putQuestion } from "./challenge.ts";

type Kind = "sign-up" | "reset" | "verify-email" | "change-email";
type Of = { email: string; account?: string };
export type WayOut = { relay: Relay; origin: string };

const kinds: Record<Kind, { path: string; lasts: number; subject: string; says: string; else: string }> = {
  "sign-up": {
    path: "sign-up",
    lasts: 24 * 60 * minute,
    subject: "Finish making your account",
    says: "To make an account with this address, open this page and choose a password:",
    else: "If you did not ask for it, do nothing: there will be no account.",
  },
  reset: {
    path: "reset",
    lasts: 30 * minute,
    subject: "Choose a new password",
    says: "To choose a new password, open this page within half an hour:",
    else: "If you did not ask for it, do nothing: your password stays as it is.",
  },
  "verify-email": {
    path: "confirm",
    lasts: 24 * 60 * minute,
    subject: "Is this your address?",
    says: "To confirm that this address is yours, open this page:",
    else: "If you know nothing of it, do nothing.",
  },
  "change-email": {
    path: "confirm",
    lasts: 24 * 60 * minute,
    subject: "Your new address",
    says: "To use this address for your account from now on, open this page:",
    else: "If you know nothing of it, do nothing: no account will have this address.",
  },
};

/** Asked before anything is looked up, so that its failure tells nothing about anybody. */
export async function wayOut(edge: Edge): Promise<WayOut> {
  const [relay, origin] = await Promise.all([relayOut(edge.db), edgeOrigin(edge)]);
  if (relay !== null && origin !== null) return { relay, origin };
  throw new Problem(503, "no-way-out", "Mail can't be sent from here just now. Please try again later.", {
    retryAfter: 300,
  });
}

export async function mailLink(edge: Edge, world: World, out: WayOut, kind: Kind, of: Of): Promise<void> {
  const { path, lasts, subject, ...words } = kinds[kind];
  const whose = of.account === undefined ? isNull(challenge.account) : eq(challenge.account, of.account);
  const same = of.account === undefined ? and(whose, eq(challenge.email, of.email)) : whose;
  await world.db.delete(challenge).where(and(eq(challenge.kind, kind), same));
  const link = `${out.origin}/${path}/${await putQuestion(world, kind, of, lasts)}`;
  await mail(edge, out, of.email, subject, [words.says, link, "", words.else]);
}

/** Whoever invites is shown the link too: where no mail can be sent, they pass it on themselves. */
export function mailInvitation(edge: Edge, asked: { email: string; domain: string; token: string }): void {
  const send = async (): Promise<void> => {
    const out = await wayOut(edge).catch(() => null);
    if (out === null) return;
    await mail(edge, out, asked.email, `You are invited to ${asked.domain}`, [
      `You are asked to work on the mail of ${asked.domain}. To join, open this page within a week:`,
      `${out.origin}/join/${asked.token}`,
      "",
      "If you know nothing of it, do nothing.",
    ]);
  };
  edge.later(send());
}

export async function mail(edge: Edge, out: WayOut, to: string, subject: string, lines: string[]): Promise<void> {
  const text = [...lines, ""].join("\n");
  await post(edge, out.relay, { id: `account-${edge.newId()}`, journal: "", to, subject, text });
}
