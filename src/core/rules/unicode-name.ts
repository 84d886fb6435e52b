/**
 * A domain as its owner writes it: A-labels (`xn--…`) decoded by Punycode (RFC 3492 §6.2). For names of our own users only, and for
 * the eye only: everything is kept and compared as A-labels. A label that does not decode, or does not encode back to
 * itself, stays as it is.
 */
import { foldDomain } from "./address.ts";

export function unicodeName(name: string): string {
  const labels = name.split(".").map((label) => (label.startsWith("xn--") ? (decode(label.slice(4)) ?? label) : label));
  const text = labels.join(".");
  return foldDomain(text) === name ? text : name;
}

const [base, tMin, tMax, skew, damp] = [36, 1, 26, 38, 700];

function decode(input: string): string | null {
  const cut = input.lastIndexOf("-");
  const output = [...input.slice(0, Math.max(cut, 0))];
  let [n, i, bias] = [128, 0, 72];
  let at = cut < 0 ? 0 : cut + 1;
  while (at < input.length) {
    const before = i;
    for (let weight = 1, k = base; ; k += base) {
      const digit = digitOf(input.charCodeAt(at++));
      if (digit === null) return null;
      i += digit * weight;
      const threshold = Math.min(Math.max(k - bias, tMin), tMax);
      if (digit < threshold) break;
      weight *= base - threshold;
    }
    const length = output.length + 1;
    bias = adapt(i - before, length, before === 0);
    n += Math.floor(i / length);
    i %= length;
    if (n > 0x10ffff) return null;
    output.splice(i++, 0, String.fromCodePoint(n));
  }
  return output.join("");
}

function digitOf(code: number): number | null {
  if (code >= 97 && code <= 122) return code - 97;
  return code >= 48 && code <= 57 ? code - 22 : null;
}

function adapt(change: number, length: number, first: boolean): number {
  let delta = Math.floor(change / (first ? damp : 2));
  delta += Math.floor(delta / length);
  let k = 0;
  for (; delta > ((base - tMin) * tMax) / 2; k += base) delta = Math.floor(delta / (base - tMin));
  return k + Math.floor(((base - tMin + 1) * delta) / (delta + skew));
}
