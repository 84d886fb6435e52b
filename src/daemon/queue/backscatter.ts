/**
 * May an author be told that a message failed? Only one who surely sent it (RFC 3464 §2, RFC 5321 §4.5.5). DMARC vouches for
 * the From: field alone: whoever replays a signed message under another's return path passes it too, so the path itself
 * must have been proven, by SPF or by a signature of its own domain.
 */
import type { RelayJob } from "../../core/contract/handoff.ts";

export function mayNotify({ dmarcPassed, mailFrom, authResults }: RelayJob): boolean {
  return dmarcPassed && mailFrom !== "" && isProven(domainOf(mailFrom), authResults);
}

function isProven(domain: string, authResults: string): boolean {
  // Quoted text is for people, and partly a stranger's.
  const results = authResults
    .replace(/"[^"]*"/g, "")
    .split(";")
    .map((result) => result.trim().toLowerCase());
  return results.some((result) => {
    if (result.startsWith("spf=pass ")) return property(result, "smtp.mailfrom") === domain;
    return result.startsWith("dkim=pass ") && isRelated(property(result, "header.d"), domain);
  });
}

/** The value of `name=` in one result; an address stands for its domain. */
function property(result: string, name: string): string {
  const word = result.split(/\s+/).find((each) => each.startsWith(`${name}=`)) ?? "";
  return domainOf(word.slice(name.length + 1));
}

function isRelated(signer: string, domain: string): boolean {
  return signer !== "" && (domain === signer || domain.endsWith(`.${signer}`) || signer.endsWith(`.${domain}`));
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf("@") + 1).toLowerCase();
}
