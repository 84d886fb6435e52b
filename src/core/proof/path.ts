/**
 * May the reverse-path be told that a message failed? Only when its owner surely sent it (RFC 3464 §2, RFC 5321 §4.5.5).
 * DMARC vouches for the From: field alone: whoever replays a signed message under another's return path passes it too, so the
 * path itself must have been proven as well, by SPF or by a signature of its own domain.
 */
import { foldDomain } from "../rules/address.ts";
import type { Proof } from "./types.ts";

export function isPathProven(mailFrom: string, { spf, dkim, dmarc }: Proof): boolean {
  const domain = foldDomain(mailFrom.slice(mailFrom.lastIndexOf("@") + 1));
  if (mailFrom === "" || domain === null || dmarc.result !== "pass") return false;
  const bySpf = spf.result === "pass" && spf.identity === "mailfrom" && foldDomain(spf.domain) === domain;
  return bySpf || dkim.some((one) => one.result === "pass" && isRelated(foldDomain(one.domain), domain));
}

function isRelated(signer: string | null, domain: string): boolean {
  return signer !== null && (domain === signer || domain.endsWith(`.${signer}`) || signer.endsWith(`.${domain}`));
}
