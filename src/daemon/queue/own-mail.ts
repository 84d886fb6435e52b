/**
 * Mail of the node's own making: notifications to authors, and bounces on their way back to them. The null reverse-path, in
 * nobody's journal, never answered by another notification (RFC 5321 §4.5.5).
 */
import type { RelayJob } from "../../core/contract/handoff.ts";
import type { Clock, Random } from "../../core/ports.ts";
import { ulid } from "../../core/ulid.ts";
import { type FailedRecipient, notification } from "./dsn.ts";
import type { Ending } from "./ending.ts";

export type OwnMail = { job: RelayJob; raw: Uint8Array };
export type Failure = { raw: Uint8Array; receivedAt: number; smtputf8: boolean; refused: readonly FailedRecipient[] };
export type OwnMailDeps = { name: string; clock: Clock; random: Random };

/** Tells an author who could not be reached. Whether that may be done is the caller's question. */
export function noticeTo(author: string, failure: Failure, deps: OwnMailDeps): OwnMail {
  const { name, clock } = deps;
  const { smtputf8, receivedAt, raw: original, refused: failed } = failure;
  const job = ownJob({ recipient: author, domain: name, forwardedFor: "", smtputf8 }, deps);
  return { job, raw: notification({ author, name, id: job.id, now: clock(), receivedAt, original, failed }) };
}

/** A bounce that came to a return address of ours; the job finds the author in it. */
export function bounceBack(
  { recipient, raw, smtputf8 }: { recipient: string; raw: Uint8Array; smtputf8: boolean },
  domain: string,
  deps: OwnMailDeps,
): OwnMail {
  return { job: ownJob({ recipient, domain, forwardedFor: recipient, smtputf8 }, deps), raw };
}

/** The notice of a relay job's failure names the address that the author wrote to, and gives none of the other host's words. */
export function failureOf(job: RelayJob, raw: Uint8Array, { enhanced, code, detail }: Ending): Failure {
  const text = code === null ? detail : "The next mail system refused it";
  const refused = [{ recipient: job.forwardedFor, enhanced, code, text }];
  return { raw, receivedAt: job.receivedAt, smtputf8: job.smtputf8, refused };
}

function ownJob(
  facts: Pick<RelayJob, "recipient" | "domain" | "forwardedFor" | "smtputf8">,
  { clock, random }: OwnMailDeps,
): RelayJob {
  const nobodys = {
    mailFrom: "",
    route: null,
    journalId: "",
    authResults: "",
    arcCv: "none",
    dmarcPassed: false,
    pathProven: false,
  } as const;
  return { id: ulid(clock, random), ...nobodys, receivedAt: clock(), ...facts };
}
