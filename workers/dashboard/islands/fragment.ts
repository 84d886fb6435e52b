/** The one Trusted Types policy of our pages: HTML that our own server rendered and escaped, and our own key maker's address. */
type Rules = { createHTML(text: string): string; createScriptURL(text: string): string };
type Factory = { createPolicy(name: string, rules: Rules): Rules };

// lib.dom does not know Trusted Types yet; a browser without them needs no policy.
const factory = (globalThis as { trustedTypes?: Factory }).trustedTypes;
const rules: Rules = {
  createHTML: (text) => text,
  createScriptURL: (text) => {
    if (text !== "/islands/keys.js") throw new TypeError("not a script of ours");
    return text;
  },
};
// Each island is a bundle of its own, and a policy's name may be taken once a page.
const shared = globalThis as { postern?: Rules };
shared.postern ??= factory?.createPolicy("postern", rules) ?? rules;
const policy = shared.postern;

/** A whole page of ours, apart from the one that is shown; its scripts do not run. */
export function documentOf(text: string): Document {
  return new DOMParser().parseFromString(policy.createHTML(text), "text/html");
}

export function fragment(text: string): HTMLElement | null {
  const first = documentOf(text).body.firstElementChild;
  return first instanceof HTMLElement ? document.adoptNode(first) : null;
}

export function scriptUrl(path: string): string {
  return policy.createScriptURL(path);
}
