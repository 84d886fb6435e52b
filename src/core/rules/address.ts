/**
 * Addresses and domain names as the directory keeps them: local parts folded to lower case (RFC 6531 UTF-8 included), domains
 * as A-labels (UTS 46, by the runtime's URL parser). Null for anything that is not one.
 */
export type Address = { local: string; domain: string };

const label = /^[a-z0-9_](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** A host name of at least two labels, as A-labels in lower case. */
export function foldDomain(text: string): string | null {
  const trimmed = text.trim().replace(/\.$/, "");
  if (trimmed === "" || trimmed.length > 253 || /[\s/@:?#\\%[\]]/.test(trimmed)) return null;
  const url = URL.parse(`http://${trimmed}/`);
  if (url === null) return null;
  const labels = url.hostname.split(".");
  const named = labels.length >= 2 && labels.every((part) => label.test(part)) && !/^\d+$/.test(labels.at(-1) ?? "");
  return named && url.hostname.length <= 253 ? url.hostname : null;
}

// RFC 5321 §4.1.2 atoms, with RFC 6531's UTF-8; quoted local parts are refused: nobody types one, and they hide routes.
const localPart = /^[\p{L}\p{M}\p{N}!#$%&'*+\-/=?^_`{|}~.]{1,64}$/u;

export function foldLocal(text: string): string | null {
  const folded = text.trim().normalize("NFC").toLowerCase();
  const dotted = folded.startsWith(".") || folded.endsWith(".") || folded.includes("..");
  return localPart.test(folded) && !dotted ? folded : null;
}

export function foldAddress(text: string): Address | null {
  const at = text.lastIndexOf("@");
  if (at < 1 || text.length > 320) return null;
  const local = foldLocal(text.slice(0, at));
  const domain = foldDomain(text.slice(at + 1));
  return local === null || domain === null ? null : { local, domain };
}

export function addressText(address: Address): string {
  return `${address.local}@${address.domain}`;
}

/** `user+tag` → `user` and `tag`; no tag without a `+` behind at least one character (RFC 5233's subaddress). */
export function splitTag(local: string): { base: string; tag: string | null } {
  const plus = local.indexOf("+");
  return plus < 1 ? { base: local, tag: null } : { base: local.slice(0, plus), tag: local.slice(plus + 1) };
}
