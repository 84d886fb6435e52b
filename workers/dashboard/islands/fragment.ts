/** HTML that our own server rendered and escaped, as an element. The only way into a DOM sink that the page's policy allows. */
type Policy = { createHTML(text: string): string };
type Factory = { createPolicy(name: string, rules: { createHTML(text: string): string }): Policy };

// lib.dom does not know Trusted Types; Firefox before 148 does not either, and then needs no policy.
const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const policy = factory?.createPolicy("postern", { createHTML: (text) => text });

export function fragment(text: string): HTMLElement | null {
  const parsed = new DOMParser().parseFromString(policy?.createHTML(text) ?? text, "text/html");
  const first = parsed.body.firstElementChild;
  return first instanceof HTMLElement ? document.adoptNode(first) : null;
}
