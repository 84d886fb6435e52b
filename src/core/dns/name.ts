/**
 * Domain names as the proof needs them: lower case, A-labels, no final dot, held to RFC 1035's lengths. A name that
 * cannot exist in the DNS is null here and never becomes a query.
 */

/** A-label form (RFC 5890), lower case, final dot dropped; null when it is no usable name. A single label is one. */
export function toName(text: string): string | null {
  const bare = text.endsWith(".") ? text.slice(0, -1) : text;
  if (bare === "" || bare.length > 1024) return null;
  const labels = bare.split(/[.\u3002\uff0e\uff61]/).map(toLabel);
  if (labels.some((label) => label === null)) return null;
  const name = labels.join(".");
  return name.length <= 253 ? name : null;
}

// Underscores, percent signs and even spaces do occur below real domains (`_dmarc`, SPF macro expansions).
function toLabel(label: string): string | null {
  if (/^[\x20-\x2d\x2f-\x7e]{1,63}$/.test(label)) return label.toLowerCase();
  if (!/[^\x00-\x7f]/.test(label)) return null;
  return unicodeLabel(label);
}

// The runtime's own UTS #46 (every one has it in its URL reader); a label at a time, so that "1.2" stays a name.
function unicodeLabel(label: string): string | null {
  const host = URL.parse(`http://${label}.invalid`)?.hostname ?? "";
  const ascii = host.endsWith(".invalid") ? host.slice(0, -".invalid".length) : "";
  return /^[a-z0-9_-]{1,63}$/.test(ascii) ? ascii : null;
}

/** True for a name with at least two labels of letters, digits and hyphens (underscores tolerated), the last not all digits. */
export function isHostName(name: string): boolean {
  const labels = name.split(".");
  return (
    labels.length > 1 &&
    labels.every((label) => /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/.test(label)) &&
    !/\.\d+$/.test(name)
  );
}

/** `child` is `parent` or below it; both from `toName`. */
export function isWithin(child: string, parent: string): boolean {
  return child === parent || child.endsWith(`.${parent}`);
}
