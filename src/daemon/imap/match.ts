/** LIST patterns: `*` is anything, `%` anything within one level (RFC 9051 §6.3.9). Linear in name × pattern, whatever a client sends. */
import { DELIMITER } from "./names.ts";

export function matches(pattern: string, name: string): boolean {
  return run(pattern, name) || (name === "INBOX" && run(pattern.toUpperCase(), name));
}

function run(pattern: string, name: string): boolean {
  // reached[i]: the pattern so far can end just before name[i].
  let reached: boolean[] = [true, ...Array<boolean>(name.length).fill(false)];
  for (const char of pattern)
    reached = char === "*" || char === "%" ? spread(reached, name, char) : step(reached, name, char);
  return reached[name.length] === true;
}

function spread(reached: readonly boolean[], name: string, wildcard: string): boolean[] {
  const next: boolean[] = [];
  for (let i = 0, on = false; i <= name.length; i++) {
    if (i > 0 && wildcard === "%" && name[i - 1] === DELIMITER) on = false;
    on ||= reached[i] === true;
    next.push(on);
  }
  return next;
}

function step(reached: readonly boolean[], name: string, char: string): boolean[] {
  const next = Array<boolean>(name.length + 1).fill(false);
  for (let i = 0; i < name.length; i++) {
    if (reached[i] && name.startsWith(char, i)) next[i + char.length] = true;
  }
  return next;
}
