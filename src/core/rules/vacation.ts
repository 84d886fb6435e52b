/**
 * Automatic answers (F11): who gets one and who must not. RFC 3834 §2 and RFC 5230 §4.6: never to a list, a bounce, a robot
 * or an unproven sender, and only where the message was addressed to this very recipient. Pure; that a sender is answered
 * once in so many days is kept by the directory.
 */
import { parseAddressList } from "../message/address.ts";
import { fieldsNamed, fieldText, type Header } from "../message/header.ts";
import type { Proof } from "../proof/types.ts";
import { type Address, foldAddress, splitTag } from "./address.ts";

export type Vacation = {
  alias: string;
  /** Empty: `Auto:` and the message's own. */
  subject: string;
  text: string;
  /** UTC ms, null for open ends. */
  startsAt: number | null;
  endsAt: number | null;
  everyDays: number;
};

export type Obstacle =
  | "no-sender"
  | "robot"
  | "automatic"
  | "list"
  | "not-addressed"
  | "not-proven"
  | "junk"
  | "not-away"
  | "own-address";

export type Occasion = {
  header: Header;
  recipient: Address;
  mailFrom: string;
  proof: Proof | null;
  now: number;
};

/** Why this message gets no answer, or null. */
export function obstacleTo(vacation: Vacation, { header, recipient, mailFrom, proof, now }: Occasion): Obstacle | null {
  const sender = foldAddress(mailFrom);
  if (now < (vacation.startsAt ?? 0) || now > (vacation.endsAt ?? now)) return "not-away";
  if (sender === null) return "no-sender";
  if (isSame(sender, recipient)) return "own-address";
  if (isRobot(sender.local)) return "robot";
  if (isAutomatic(header)) return "automatic";
  if (isFromList(header)) return "list";
  if (proof?.spf.result !== "pass" && proof?.dmarc.result !== "pass") return "not-proven";
  if (proof.dmarc.disposition !== "none") return "junk";
  return isAddressed(header, recipient) ? null : "not-addressed";
}

export function answerSubject({ subject }: Vacation, header: Header): string {
  return subject === "" ? `Auto: ${first(header, "subject")}` : subject; // RFC 3834 §3.1.5
}

/** For In-Reply-To and References (RFC 3834 §3.1.6); null where there is none that can be quoted. */
export function messageIdOf(header: Header): string | null {
  return /^<[\x21-\x3b\x3d\x3f-\x7e]{1,250}>$/.exec(first(header, "message-id"))?.[0] ?? null;
}

function first(header: Header, name: string): string {
  const [field] = fieldsNamed(header, name);
  return field === undefined ? "" : fieldText(header, field);
}

// RFC 5230 §4.6: addresses that are never people.
function isRobot(local: string): boolean {
  return /^(?:owner-.*|.*-request|mailer-daemon|listserv|majordomo|no-?reply|do-?not-?reply|postmaster|srs[01][=+-].*)$/.test(
    local,
  );
}

function isAutomatic(header: Header): boolean {
  const auto = first(header, "auto-submitted");
  return (auto !== "" && !/^no\b/i.test(auto)) || first(header, "x-auto-response-suppress") !== "";
}

function isFromList(header: Header): boolean {
  return (
    header.fields.some(({ name }) => name.startsWith("list-")) ||
    /^(?:bulk|list|junk)$/i.test(first(header, "precedence"))
  );
}

function isAddressed(header: Header, recipient: Address): boolean {
  const fields = ["to", "cc", "resent-to", "resent-cc"].flatMap((name) => fieldsNamed(header, name)).slice(0, 10);
  return fields.some((field) =>
    parseAddressList(fieldText(header, field)).addresses.some(({ local, domain }) => {
      const folded = foldAddress(`${local}@${domain}`);
      return folded !== null && isSame(folded, recipient);
    }),
  );
}

function isSame(a: Address, b: Address): boolean {
  return a.domain === b.domain && splitTag(a.local).base === splitTag(b.local).base;
}
