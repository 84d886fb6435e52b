/**
 * BIMI look-up (draft-brand-indicators-for-message-identification): where the author domain's mark is, for mail whose DMARC
 * passes under an enforced policy. The mark itself and its certificate are not fetched here.
 */
import { txtRecords } from "../dns/memo.ts";
import { toName } from "../dns/name.ts";
import { fieldsNamed, fieldText, type Header } from "../message/header.ts";
import type { Resolver } from "../ports.ts";
import { parseTags } from "./dkim/tags.ts";
import type { DmarcResult, Proof } from "./types.ts";

type Bimi = Proof["bimi"];

/** Never throws. */
export async function checkBimi(header: Header, dmarc: DmarcResult, dns: Resolver): Promise<Bimi> {
  if (dmarc.result !== "pass" || dmarc.policy === "none") return { result: "skipped", location: null };
  const selector = selectorOf(header);
  for (const domain of new Set([dmarc.domain, dmarc.policyDomain])) {
    const found = await recordAt(`${selector}._bimi.${domain}`, dns);
    if (found !== null) return found;
  }
  return { result: "none", location: null };
}

function selectorOf(header: Header): string {
  const fields = fieldsNamed(header, "bimi-selector");
  const field = fields.length === 1 ? fields[0] : undefined;
  const tags = field && parseTags(fieldText(header, field));
  const selector = tags?.get("v") === "BIMI1" ? toName(tags.get("s") ?? "") : null;
  return selector ?? "default";
}

async function recordAt(name: string, dns: Resolver): Promise<Bimi | null> {
  const answer = await txtRecords(dns, name);
  if (answer.kind === "trouble") return { result: "temperror", location: null };
  const records = answer.kind === "found" ? answer.records.filter((text) => /^v=BIMI1(?:;|\s|$)/i.test(text)) : [];
  if (records.length !== 1) return null;
  const location = parseTags(records[0] ?? "", true)?.get("l");
  if (location === undefined) return { result: "fail", location: null };
  // An empty l= declines to take part.
  if (location === "") return { result: "none", location: null };
  return /^https:\/\/[\x21-\x7e]{1,1000}$/i.test(location)
    ? { result: "pass", location }
    : { result: "fail", location: null };
}
