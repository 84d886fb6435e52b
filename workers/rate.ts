/**
 * Greedy limits at the edge (A4): so many messages a minute from one sender, to one recipient, and so many wrong guesses at
 * addresses, and questions about client set-up, from one IP. Counted per location and approximate, as the platform's binding is; the answer is always "later".
 */
import { createHmac } from "node:crypto";
import type { Envelope } from "./mail.ts";
import { type Edge, logTrouble } from "./platform.ts";

/** The recipients that are asked to come later; all of them when the sender itself is too fast. */
export async function tooFast(
  edge: Edge,
  envelope: Envelope,
  recipients: readonly string[],
): Promise<ReadonlySet<string>> {
  const { mailFrom, ip } = envelope;
  const sender = mailFrom === "" ? `null from ${ip ?? "unknown"}` : mailFrom.toLowerCase();
  if (await isOver(edge.env, "RATE_SENDER", sender)) return new Set(recipients);
  const over: string[] = [];
  for (const recipient of recipients)
    if (await isOver(edge.env, "RATE_RECIPIENT", recipient.toLowerCase())) over.push(recipient);
  return new Set(over);
}

/** Counts a refused RCPT; true once this IP has guessed too often. */
export function guessesTooMuch(edge: Edge, ip: string): Promise<boolean> {
  return isOver(edge.env, "RATE_GUESS", ip === "" ? "unknown" : ip);
}

/** Counts a question about client set-up; true once this IP has asked too often. */
export function isSetupTooFast(env: Env, ip: string): Promise<boolean> {
  return isOver(env, "RATE_SETUP", ip);
}

type Limiter = "RATE_SENDER" | "RATE_RECIPIENT" | "RATE_GUESS" | "RATE_SETUP";

// A limiter in trouble limits nobody: mail matters more. What it counts by is no address or IP that anybody could read there.
async function isOver(env: Env, limiter: Limiter, counted: string): Promise<boolean> {
  const key = createHmac("sha256", env.DEDUPE_SECRET).update(`${limiter}\0${counted}`).digest("base64url");
  try {
    return !(await env[limiter].limit({ key })).success;
  } catch (error) {
    logTrouble("rate", error);
    return false;
  }
}
