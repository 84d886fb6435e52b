/** DMARC policy records, RFC 9989 §4.7 (and RFC 7489 §6.3, whose pct= is still met). */
import { parseTags } from "./dkim/tags.ts";

export type Policy = "none" | "quarantine" | "reject";
export type DmarcRecord = {
  p: Policy;
  sp: Policy | null;
  np: Policy | null;
  strictDkim: boolean;
  strictSpf: boolean;
  /** t=y, or the old pct=0: asks for the next weaker handling. */
  testing: boolean;
  psd: "y" | "n" | "u";
};

/** Version first and exact; the tag name in any case, white space around "=" (§4.8). */
export function isDmarcRecord(text: string): boolean {
  return /^[ \t]*[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/.test(text);
}

/** Null when it asks for no DMARC processing at all (§4.10.1: an unusable policy and nowhere to report to). */
export function parseDmarcRecord(text: string): DmarcRecord | null {
  const tags = readTags(text);
  if (tags === null) return null;
  const word = (name: string) => tags.get(name)?.toLowerCase();
  const p = policyOf(word("p"));
  const sp = policyOf(word("sp"));
  const np = policyOf(word("np"));
  // A missing p= counts as an unusable one (§4.10.1).
  const usable = p !== null && p !== "bad" && sp !== "bad" && np !== "bad";
  if (!usable && !hasReportUri(tags.get("rua"))) return null;
  return {
    p: usable ? p : "none",
    sp: usable ? sp : null,
    np: usable ? np : null,
    strictDkim: word("adkim") === "s",
    strictSpf: word("aspf") === "s",
    testing: word("t") === "y" || (!tags.has("t") && /^0+$/.test(word("pct") ?? "")),
    psd: word("psd") === "y" ? "y" : word("psd") === "n" ? "n" : "u",
  };
}

// §4.7: errors after the version are ignored, tag by tag; a repeated tag makes the list no tag list (RFC 6376 §3.2).
function readTags(text: string): ReadonlyMap<string, string> | null {
  const sound = text.split(";").filter((spec, i) => i === 0 || /^[ \t]*[A-Za-z][A-Za-z0-9_]*[ \t]*=/.test(spec));
  return parseTags(sound.join(";"), true);
}

function policyOf(value: string | undefined): Policy | null | "bad" {
  if (value === undefined) return null;
  return value === "none" || value === "quarantine" || value === "reject" ? value : "bad";
}

function hasReportUri(rua: string | undefined): boolean {
  return rua !== undefined && /(?:^|,)[ \t]*[a-z][a-z0-9+.-]*:[^\s,]/i.test(rua);
}
