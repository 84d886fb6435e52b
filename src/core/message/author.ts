/**
 * Who the message says it is from: the one RFC5322.From domain that DMARC speaks about (RFC 7489 §6.6.1, RFC 9989 §5.3.1).
 * Only a single, readable From field with one domain gives an author; every other shape says what it is, with the
 * domains seen in it, so that none of them slips past a policy by being confusing.
 */
import { toName } from "../dns/name.ts";
import { limits } from "../limits.ts";
import { type AddressList, parseAddressList } from "./address.ts";
import { type Field, fieldsNamed, fieldText, type Header } from "./header.ts";

export type Author =
  | { kind: "one"; domain: string; address: string }
  | { kind: "none" }
  | { kind: "several" | "malformed"; domains: string[]; reason: string };

// An endless From is read to its bound, for the domains in it, and is no author.
function readList(header: Header, field: Field): AddressList {
  const most = limits.proof.fromBytes;
  const list = parseAddressList(fieldText(header, { ...field, end: Math.min(field.end, field.start + most) }));
  return field.end - field.start > most ? { ...list, ok: false } : list;
}

/** `domain` is in A-label form. */
export function authorOf(header: Header): Author {
  const fields = fieldsNamed(header, "from");
  if (fields.length === 0) return { kind: "none" };
  const lists = fields.slice(0, 10).map((field) => readList(header, field));
  const addresses = lists.flatMap((list) => list.addresses);
  const domains = [...new Set(addresses.flatMap(({ domain }) => toName(domain) ?? []))];
  if (fields.length > 1) return { kind: "several", domains, reason: "several From fields" };
  if (lists.some(({ ok }) => !ok)) return { kind: "malformed", domains, reason: "unreadable From field" };
  const first = addresses[0];
  if (first === undefined) return { kind: "none" };
  if (addresses.some(({ domain }) => toName(domain) === null || domain.startsWith("["))) {
    return { kind: "malformed", domains, reason: "From address without a usable domain" };
  }
  const domain = domains[0];
  if (domain === undefined || domains.length > 1) {
    return { kind: "several", domains, reason: "several author domains" };
  }
  return { kind: "one", domain, address: `${first.local}@${first.domain}` };
}
