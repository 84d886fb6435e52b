/**
 * DMARC, RFC 9989 with what is still met of RFC 7489: does SPF or DKIM speak for the author's domain, and if not, what
 * does its owner ask for? Trouble on the way to an answer is temperror; a From that gives no one author never passes.
 */
import { isWithin, toName } from "../dns/name.ts";
import { limits } from "../limits.ts";
import type { Author } from "../message/author.ts";
import type { Resolver } from "../ports.ts";
import type { DmarcRecord, Policy } from "./dmarc-record.ts";
import { type Found, policyOf, type Walk, walkUp } from "./tree-walk.ts";
import type { ArcResult, DkimResult, DmarcResult, SpfResult } from "./types.ts";

export type DmarcInput = {
  author: Author;
  spf: SpfResult;
  dkim: readonly DkimResult[];
  arc: ArcResult;
  trustedSealers: readonly string[];
};
type Alignment = DmarcResult["alignment"];

const strength: Record<Policy, number> = { none: 0, quarantine: 1, reject: 2 };
const weaker: Record<Policy, Policy> = { none: "none", quarantine: "none", reject: "quarantine" };
const noAlignment: Alignment = { spf: "none", dkim: "none" };

/** Never throws. */
export async function checkDmarc(input: DmarcInput, dns: Resolver): Promise<DmarcResult> {
  if (input.author.kind !== "one") return withoutAuthor(input.author, dns);
  const { domain } = input.author;
  const walk = await walkUp(domain, dns);
  const policy = policyOf(domain, walk);
  const trouble = walk.trouble && policy?.domain !== domain;
  if (trouble) return result("temperror", domain, "DNS trouble while looking for the policy");
  if (policy === null) return result("none", domain, "no DMARC record");
  return judge(input, domain, walk, policy, dns);
}

function result(word: DmarcResult["result"], domain: string, reason: string): DmarcResult {
  return {
    result: word,
    policy: "none",
    disposition: "none",
    domain,
    policyDomain: "",
    alignment: noAlignment,
    reason,
  };
}

// RFC 9989 §11.5: a From that confuses readers must not buy a way round the policies of the domains it shows.
async function withoutAuthor(author: Exclude<Author, { kind: "one" }>, dns: Resolver): Promise<DmarcResult> {
  if (author.kind === "none") return result("permerror", "", "no author domain in From");
  const verdict = result("permerror", author.domains[0] ?? "", author.reason);
  for (const domain of author.domains.slice(0, 5)) {
    const walk = await walkUp(domain, dns);
    const found = policyOf(domain, walk);
    if (found === null) continue;
    const policy = await applicable(domain, found, dns);
    if (policy !== "trouble" && strength[policy] > strength[verdict.policy]) {
      verdict.policy = policy;
      verdict.policyDomain = found.domain;
      verdict.disposition = found.record.testing ? weaker[policy] : policy;
    }
  }
  return verdict;
}

async function judge(input: DmarcInput, domain: string, walk: Walk, found: Found, dns: Resolver): Promise<DmarcResult> {
  const policy = await applicable(domain, found, dns);
  const known = policy === "trouble" ? "none" : policy;
  const aligned = await alignments(input, domain, walk, found.record, dns);
  const base = {
    ...result("fail", domain, ""),
    policy: known,
    policyDomain: found.domain,
    alignment: aligned.alignment,
  };
  if (aligned.by) return { ...base, result: "pass", reason: aligned.by };
  if (aligned.trouble || policy === "trouble") {
    return { ...base, result: "temperror", reason: "DNS trouble left open whether an identifier passes" };
  }
  return { ...base, ...disposition(input, known, found.record) };
}

function disposition(
  input: DmarcInput,
  policy: Policy,
  record: DmarcRecord,
): Pick<DmarcResult, "disposition" | "reason"> {
  const reason = "neither SPF nor DKIM passes for the author domain";
  const { cv, sealer } = input.arc;
  // RFC 8617 §7.2.1: a local choice, for sealers the operator names.
  if (cv === "pass" && sealer !== null && input.trustedSealers.some((name) => name.toLowerCase() === sealer)) {
    return { disposition: "none", reason: `${reason}; a chain sealed by ${sealer} overrides` };
  }
  if (!record.testing) return { disposition: policy, reason };
  return { disposition: weaker[policy], reason: `${reason}; the policy is being tested` };
}

/** p=, or for a domain below the record's: np= when it does not exist, else sp= (§4.7). */
async function applicable(domain: string, { domain: at, record }: Found, dns: Resolver): Promise<Policy | "trouble"> {
  if (domain === at) return record.p;
  const sp = record.sp ?? record.p;
  if (record.np === null || record.np === sp) return sp;
  const exists = await isExisting(domain, dns);
  if (exists === "trouble") return "trouble";
  return exists ? sp : record.np;
}

// RFC 9989 §3.2.5 with RFC 8020: only NXDOMAIN says that a name does not exist.
async function isExisting(domain: string, dns: Resolver): Promise<boolean | "trouble"> {
  const answer = await dns.resolve(domain, "A");
  if (answer.kind === "trouble") return "trouble";
  if (answer.kind === "found" || !answer.nxdomain) return true;
  // A dangling CNAME answers NXDOMAIN for its target; the name itself exists.
  return (await dns.resolve(domain, "CNAME")).kind === "found";
}

type Aligned = { alignment: Alignment; by: string; trouble: boolean };

async function alignments(
  { spf, dkim }: DmarcInput,
  domain: string,
  walk: Walk,
  record: DmarcRecord,
  dns: Resolver,
): Promise<Aligned> {
  const relation = relationTo(domain, walk, dns);
  const spfName = toName(spf.domain);
  const spfs = spfName === null ? [] : [{ result: spf.result, domain: spfName }];
  const bySpf = await best(spfs, record.strictSpf, relation);
  const byDkim = await best(dkim, record.strictDkim, relation);
  const by = [bySpf === "aligned" ? "SPF" : "", byDkim === "aligned" ? "DKIM" : ""].filter((name) => name !== "");
  return {
    alignment: { spf: shown(bySpf), dkim: shown(byDkim) },
    by: by.length === 0 ? "" : `${by.join(" and ")} aligned`,
    trouble: bySpf === "trouble" || byDkim === "trouble",
  };
}

type Relation = (name: string) => Promise<"same" | "same-organization" | "other" | "trouble">;
type Best = "aligned" | "unaligned" | "none" | "trouble";

function shown(best: Best): "aligned" | "unaligned" | "none" {
  return best === "trouble" ? "unaligned" : best;
}

/**
 * "trouble" where an identifier that would align could not be checked (§5.3.2: failure can't be concluded then), or where
 * its organisation could not be found out. A stranger's identifier with a dead DNS leaves nothing open.
 */
async function best(
  identifiers: readonly { result: string; domain: string }[],
  strict: boolean,
  relation: Relation,
): Promise<Best> {
  let outcome: Best = "none";
  for (const { result, domain } of identifiers) {
    if (result !== "pass" && result !== "temperror") continue;
    if (result === "pass" && outcome === "none") outcome = "unaligned";
    const related = await relation(domain);
    const aligned = related === "same" || (related === "same-organization" && !strict);
    if (aligned && result === "pass") return "aligned";
    if (aligned || (related === "trouble" && !strict)) outcome = "trouble";
  }
  return outcome;
}

/** How an authenticated domain stands to the author's; walks only where an answer could be "same organisation". */
function relationTo(domain: string, walk: Walk, dns: Resolver): Relation {
  let walks = 0;
  return async (name) => {
    if (name === domain) return "same";
    if (walk.trouble) return isWithin(name, lastTwo(domain)) || isWithin(domain, name) ? "trouble" : "other";
    if (!isWithin(name, walk.organization)) return "other";
    if (++walks > limits.proof.alignmentWalks) return "trouble";
    const theirs = await walkUp(name, dns);
    if (theirs.trouble) return "trouble";
    return theirs.organization === walk.organization ? "same-organization" : "other";
  };
}

function lastTwo(domain: string): string {
  return domain.split(".").slice(-2).join(".");
}
