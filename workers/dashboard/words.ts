/**
 * What happened to a message, in plain words. The journal holds named reasons and steps; this is the one place that turns
 * them into sentences for a person who has never heard of DMARC.
 */
import type { Proof } from "../../src/core/proof/types.ts";
import type { Message, Step } from "../directory/activity.ts";
import type { IconName } from "./icons.tsx";

export type Tone = "pass" | "warn" | "fail" | "quiet";
export type Word = { tone: Tone; icon: IconName; text: string };

const reasons: Record<string, (message: Message) => string> = {
  "no-such-address": () => "Refused: there is no such address here.",
  "address-disabled": () => "Refused: this alias is switched off.",
  "address-disabled-for-now": () =>
    "Put off: this alias is switched off for now, so the sender was asked to try later.",
  "no-destination": () => "Put off: none of this alias's destinations can take mail right now.",
  "domain-not-here": () => "Refused: this domain does not receive mail here.",
  "dmarc-policy": (m) =>
    `Refused as a likely forgery: ${m.proof?.dmarc.domain || "the author's domain"} asks receivers to reject mail that it can't be shown to have sent.`,
  "too-big": () => "Refused: larger than 25 MiB.",
  "too-many-recipients": () => "Put off: too many recipients in one go.",
  "mail-loop": () => "Refused: the message was going round in circles.",
  malformed: () => "Refused: the message was not well formed.",
  "mailbox-full": () => "Put off: the mailbox is full.",
  "store-trouble": () => "Put off: storage trouble on our side; the sender will try again.",
  "dns-trouble": () =>
    "Put off: the sender's DNS did not answer, so it could not be checked; the sender will try again.",
  "edge-trouble": () => "Put off: trouble on our side; the sender will try again.",
  "rate-limited": () => "Put off: too many messages in a short time.",
  denied: () => "Refused: this sender is on a deny list.",
};

/** The line under a message in the list. */
export function summaryOf(message: Message): Word {
  if (message.outcome === "refused") return { tone: "fail", icon: "cross", text: reasonOf(message) };
  if (message.outcome === "deferred") return { tone: "warn", icon: "clock", text: reasonOf(message) };
  // Where each copy stands: a failed try that went well later is history.
  const ends = [...Map.groupBy(message.steps, (step) => step.target).values()].flatMap((of) => of.slice(-1));
  const failed = ends.filter((step) => !step.ok);
  const told = failed[0] ?? ends.at(-1);
  if (told === undefined) return { tone: "quiet", icon: "clock", text: "Accepted; on its way." };
  const word = stepWords(told);
  const rest = (failed[0] ? failed : ends).length - 1;
  return rest === 0 ? word : { ...word, text: `${word.text} And ${rest} more.` };
}

function reasonOf(message: Message): string {
  const known = reasons[message.reason];
  const verb = message.outcome === "refused" ? "Refused" : "Put off";
  return known?.(message) ?? `${verb}: ${message.reason}.`;
}

/** A reason alone, where there is no message to speak of. */
export function reasonWords(reason: string): string {
  return reasons[reason]?.(nobody) ?? `Because of: ${reason}.`;
}
const nobody = { proof: null } as Message;

type StepWord = { icon: IconName; done: (to: string) => string; not: (to: string) => string };
const steps: Record<string, StepWord> = {
  seal: {
    icon: "lock",
    done: (to) => `Sealed for ${to}; nobody but its owner can open it.`,
    not: (to) => `Could not be sealed for ${to}.`,
  },
  queued: {
    icon: "clock",
    done: (to) => `Waiting for the node of ${to}.`,
    not: (to) => `Could not be queued for ${to}.`,
  },
  "handed-off": {
    icon: "mailboxes",
    done: (to) => `Kept in the mailbox ${to}.`,
    not: (to) => `The node of ${to} has not taken it yet; we keep trying.`,
  },
  filed: { icon: "mailboxes", done: (to) => `Kept in the mailbox ${to}.`, not: (to) => `Not yet kept in ${to}.` },
  forward: { icon: "arrow", done: (to) => `Forwarded to ${to}.`, not: (to) => `Could not be forwarded to ${to}.` },
  relay: { icon: "arrow", done: (to) => `On its way to ${to}.`, not: (to) => `Could not be sent on to ${to}.` },
  taken: { icon: "clock", done: (to) => `With the node, to be sent to ${to}.`, not: (to) => `Not yet sent to ${to}.` },
  delivered: { icon: "arrow", done: (to) => `Delivered to ${to}.`, not: (to) => `Not delivered to ${to}.` },
  delayed: {
    icon: "clock",
    done: (to) => `Delayed on the way to ${to}; we keep trying.`,
    not: (to) => `Delayed on the way to ${to}; we keep trying.`,
  },
  failed: {
    icon: "cross",
    done: (to) => `Could not be delivered to ${to}.`,
    not: (to) => `Could not be delivered to ${to}.`,
  },
  webhook: { icon: "hook", done: (to) => `Given to ${to}.`, not: (to) => `${to} did not take it; we try again.` },
  parked: {
    icon: "clock",
    done: (to) => `Parked for ${to}.`,
    not: (to) => `Parked after five days of trying for ${to}.`,
  },
  drop: { icon: "dash", done: () => "Accepted and dropped, as this alias says.", not: () => "Dropped." },
  dropped: { icon: "dash", done: () => "Accepted and dropped, as this alias says.", not: () => "Dropped." },
  skip: { icon: "dash", done: (to) => `Skipped ${to}.`, not: (to) => `Skipped ${to}.` },
};

const underway = new Set(["queued", "relay", "taken"]);

export function stepWords(step: Step): Word {
  const known = steps[step.kind];
  const tone: Tone = step.ok ? (underway.has(step.kind) ? "quiet" : "pass") : "warn";
  if (known === undefined) return { tone, icon: step.ok ? "check" : "warn", text: `${step.kind}: ${step.target}` };
  const icon = step.ok ? known.icon : "warn";
  return { tone: step.kind === "failed" ? "fail" : tone, icon, text: (step.ok ? known.done : known.not)(step.target) };
}

const icons: Record<Tone, IconName> = { pass: "check", warn: "warn", fail: "cross", quiet: "dash" };
export function toneIcon(tone: Tone): IconName {
  return icons[tone];
}

const tones: Record<string, Tone> = {
  pass: "pass",
  fail: "fail",
  permerror: "fail",
  policy: "fail",
  softfail: "warn",
  temperror: "warn",
  neutral: "quiet",
  none: "quiet",
  "not-evaluated": "quiet",
};

export type Verdict = { name: string; result: string; tone: Tone; why: string; plain: string };

/** The four checks, each with what it means in a sentence. */
export function verdicts(proof: Proof): Verdict[] {
  const dkim = bestDkim(proof);
  return [
    verdict("SPF", proof.spf.result, spfWords(proof), proof.spf.reason),
    verdict("DKIM", dkim.result, dkimWords(proof), dkim.reason),
    verdict("DMARC", proof.dmarc.result, dmarcWords(proof), proof.dmarc.reason),
    verdict("ARC", proof.arc.cv, arcWords(proof), proof.arc.reason),
  ];
}

function verdict(name: string, result: string, plain: string, why: string): Verdict {
  return { name, result, tone: tones[result] ?? "quiet", plain, why };
}

/** Several signatures: the one that speaks for the message is a passing one. */
export function bestDkim(proof: Proof): { result: string; domain: string; reason: string } {
  const pass = proof.dkim.find((one) => one.result === "pass");
  return pass ?? proof.dkim[0] ?? { result: "none", domain: "", reason: "no signature" };
}

function spfWords({ spf }: Proof): string {
  const of = spf.domain || "the sender's domain";
  if (spf.result === "pass") return `${of} says that this server may send its mail.`;
  if (spf.result === "fail") return `${of} says that this server may not send its mail.`;
  if (spf.result === "softfail") return `${of} says that this server probably should not send its mail.`;
  if (spf.result === "temperror") return "DNS did not answer; nothing was concluded.";
  if (spf.result === "permerror") return `${of} has an SPF record that can't be read.`;
  if (spf.result === "not-evaluated") return "The sending server's address was not known.";
  return `${of} does not say which servers send its mail.`;
}

function dkimWords(proof: Proof): string {
  const { result, domain } = bestDkim(proof);
  if (result === "pass") return `Signed by ${domain}, and unchanged since.`;
  if (result === "none") return "Not signed.";
  if (result === "temperror") return "The signer's key could not be fetched; nothing was concluded.";
  return `The signature by ${domain} does not hold: the message was changed, or the key is not right.`;
}

function dmarcWords({ dmarc }: Proof): string {
  const of = dmarc.domain || "the author's domain";
  if (dmarc.result === "pass") return `${of} really sent it.`;
  if (dmarc.result === "none") return `${of} does not say what to do with forgeries.`;
  if (dmarc.result === "temperror") return "DNS did not answer; nothing was concluded.";
  if (dmarc.result === "permerror") return `The author's domain could not be determined or its record can't be read.`;
  const asks = { none: "nothing", quarantine: "Junk", reject: "rejection" }[dmarc.policy];
  return `It could not be shown that ${of} sent it; its policy asks for ${asks}.`;
}

function arcWords({ arc }: Proof): string {
  if (arc.cv === "pass") return `Forwarded by ${arc.sealer ?? "others"}, whose record of earlier checks is intact.`;
  if (arc.cv === "fail") return "The record of earlier checks by forwarders is broken.";
  if (arc.cv === "temperror") return "A forwarder's key could not be fetched.";
  return "No forwarder left a record of earlier checks.";
}
