/**
 * Explaining for people (F6): the pipeline's own steps over a question instead of a message. With a pasted message its proof is
 * made anew; nothing is stored, counted, sent or journalled.
 */

import { prove } from "../src/core/proof/prove.ts";
import type { Proof } from "../src/core/proof/types.ts";
import { decide, type Facts } from "../src/core/rules/decide.ts";
import { type Explanation, explain } from "../src/core/rules/explain.ts";
import { senderOf } from "../src/core/rules/senders.ts";
import type { LookedUp } from "./directory/routes.ts";
import { type Message, readMessage } from "./message.ts";
import type { Edge } from "./platform.ts";
import { routeOf, rulingOf, troubleFor } from "./route.ts";
import { isTxtDomain } from "./txt.ts";
import { vacationFor } from "./vacation.ts";
import { whereTo } from "./where-to.ts";

export type Question = {
  recipient: string;
  /** Empty for the null reverse-path. */
  mailFrom: string;
  ip: string | null;
  helo: string | null;
  /** A whole message, or null: then everything that depends on it is taken as harmless. */
  raw: Uint8Array | null;
};
export type Explained = Explanation & { proof: Proof | null; sender: "none" | "allowed" | "denied" };

export async function explainMail(edge: Edge, question: Question): Promise<Explained> {
  const message = question.raw === null ? null : readMessage(question.raw);
  const sender = senderOf(question.mailFrom, message?.author ?? "", question.ip);
  const [found] = await whereTo(edge, [question.recipient], sender, null);
  if (found === undefined) throw new Error("one question has one answer");
  const speaker = found.domain?.node ?? null;
  const proof = message === null ? null : await proofOf(edge, question, message);
  const facts = factsOf(edge, { question, found, message, proof, speaker });
  const ruling = rulingOf(found, facts.route, sender);
  const verdict = decide({ ...facts, sender: ruling });
  const address = found.address ?? { local: question.recipient, domain: "" };
  return {
    ...explain(address, found.domain === null ? null : found.candidates, verdict),
    proof,
    sender: ruling.kind,
  };
}

type Known = {
  question: Question;
  found: LookedUp;
  message: Message | null;
  proof: Proof | null;
  speaker: string | null;
};

function factsOf(edge: Edge, { question, found, message, proof, speaker }: Known): Omit<Facts, "sender"> {
  const route = routeOf(found, speaker);
  const { mailFrom, raw } = question;
  const occasion = { message, mailFrom, proof, now: edge.clock() };
  return {
    route,
    trouble: message === null ? null : troubleFor(message, found),
    provenOnly: found.domain !== null && isTxtDomain(found.domain.id),
    vacation: vacationFor(found, route, occasion),
    size: raw?.length ?? 0,
    proof,
  };
}

function proofOf(edge: Edge, { mailFrom, ip, helo }: Question, { raw }: Message): Promise<Proof> {
  const { authservId, trustedSealers } = edge.config;
  const input = { raw, mailFrom, helo, ip, now: edge.clock(), authservId, trustedSealers };
  return prove(input, { dns: edge.dns, crypto: edge.crypto });
}
