/** Wildcard patterns of local parts: `*` stands for any run of characters, none included; all else for itself. */

/** At most so many stars: more say nothing that fewer don't. */
export const maxStars = 8;

/** Greedy from the left, back to the last star only: linear in text × stars, whatever the pattern. */
export function matchesWildcard(pattern: string, text: string): boolean {
  let at = 0;
  let star = -1;
  let resume = 0;
  let p = 0;
  while (at < text.length) {
    if (pattern[p] === "*") {
      star = p++;
      resume = at;
    } else if (pattern[p] === text[at]) {
      p++;
      at++;
    } else if (star >= 0) {
      p = star + 1;
      at = ++resume;
    } else return false;
  }
  while (pattern[p] === "*") p++;
  return p === pattern.length;
}

/** Sorts patterns: the more letters the more specific; among equals the fewer stars. */
export function specificity(pattern: string): number {
  const stars = pattern.split("*").length - 1;
  return (pattern.length - stars) * 100 - Math.min(stars, 99);
}

/** Why a pattern is no wildcard of ours, or null. */
export function wildcardProblem(pattern: string): string | null {
  const stars = pattern.split("*").length - 1;
  if (stars === 0) return "it has no *: make it an exact alias";
  if (/^\*+$/.test(pattern)) return "it matches everything: make it the catch-all";
  if (stars > maxStars) return `it has more than ${maxStars} stars`;
  return pattern.length > 64 ? "it is longer than a local part can be (64)" : null;
}
