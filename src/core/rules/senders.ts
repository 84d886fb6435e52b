/**
 * Allow and deny lists (F10), pure. The nearest scope that says anything decides: alias, then domain, then account; within one,
 * allow wins over deny. A sender is its reverse-path, its From address and its IP: any of them may be listed. An allow never
 * excuses a failed DMARC policy: it only overrules a deny further out.
 */
import { type Address, foldAddress } from "./address.ts";
import { isInNetwork } from "./network.ts";

export type Scope = "alias" | "domain" | "account";
export type SenderRule = {
  scope: Scope;
  act: "allow" | "deny";
  match: "address" | "domain" | "tld" | "cidr";
  /** Folded: an address, a domain (its subdomains count), a last label, a network. */
  value: string;
  answer: "reject" | "drop";
};
export type Sender = { addresses: readonly Address[]; ip: string | null };
export type Ruling =
  | { kind: "none" }
  | { kind: "allowed" }
  | { kind: "denied"; answer: "reject" | "drop"; value: string };

const scopes: readonly Scope[] = ["alias", "domain", "account"];

/** Addresses that can't be read are left out: a list can't name them. */
export function senderOf(mailFrom: string, author: string, ip: string | null): Sender {
  const addresses = [...new Set([mailFrom, author])].flatMap((text) => foldAddress(text) ?? []);
  return { addresses, ip };
}

/** Every value of address, domain and TLD rules that could speak of this sender: what a directory has to look up. */
export function listable({ addresses }: Sender): string[] {
  return addresses.flatMap(({ local, domain }) => [`${local}@${domain}`, ...suffixes(domain)]);
}

export function judge(rules: readonly SenderRule[], sender: Sender): Ruling {
  for (const scope of scopes) {
    const here = rules.filter((rule) => rule.scope === scope && speaksOf(rule, sender));
    if (here.some((rule) => rule.act === "allow")) return { kind: "allowed" };
    const [deny] = here;
    if (deny !== undefined) return { kind: "denied", answer: deny.answer, value: deny.value };
  }
  return { kind: "none" };
}

function speaksOf({ match, value }: SenderRule, { addresses, ip }: Sender): boolean {
  switch (match) {
    case "address":
      return addresses.some(({ local, domain }) => `${local}@${domain}` === value);
    case "domain":
      return addresses.some(({ domain }) => domain === value || domain.endsWith(`.${value}`));
    case "tld":
      return addresses.some(({ domain }) => domain.endsWith(`.${value}`));
    case "cidr":
      return ip !== null && isInNetwork(ip, value);
  }
}

/** `a.b.test` → `a.b.test`, `b.test`, `test`. */
function suffixes(domain: string): string[] {
  const labels = domain.split(".");
  return labels.map((_, i) => labels.slice(i).join("."));
}
