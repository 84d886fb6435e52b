/**
 * What else decides how well a domain's mail is received and trusted, and is not a record from our list: DNSSEC, DANE, the mail
 * server's own name (PTR), a logo (BIMI), and Cloudflare's MX where Email Routing receives.
 */

import { type Chain, chainSchema } from "../contract/handoff.ts";
import type { DnsAnswer, Resolver } from "../ports.ts";
import { checkIprev } from "../proof/iprev.ts";
import { namesShown, tlsaFor } from "./dane.ts";
import { type By, type Check, type Finding, fold, judged, missing, pass, troubled, warn, wrong } from "./finding.ts";
import type { Level, Place } from "./records.ts";

type About = Pick<Check, "id" | "type" | "name" | "value" | "title" | "why"> & { level: Level; by: By };
const seen = (about: About, finding: Finding): Check => ({ priority: null, ...about, ...finding });

/** `node`: whose door is the MX; null where Cloudflare's MX receives, whose server is Cloudflare's business. */
export async function lookAround(name: string, node: Place["node"], dns: Resolver): Promise<Check[]> {
  const server = node === null ? [routing(name, dns)] : [reverse(node.mxHost, dns), dane(node, dns)];
  return Promise.all([...server, dnssec(name, dns), bimi(name, dns)]);
}

async function routing(name: string, dns: Resolver): Promise<Check> {
  const about: About = {
    id: "mx",
    type: "MX",
    name,
    value: "route1.mx.cloudflare.net, route2… and route3…",
    level: "required",
    by: "owner",
    title: "Where mail for the domain goes (MX)",
    why: "Every mail server in the world looks here to find out where to deliver. Email Routing sets these records when you switch it on.",
  };
  const judge = (all: { priority: number; exchange: string }[]): Finding => {
    const found = all.map((one) => `${one.priority} ${one.exchange}`);
    const theirs = all.filter((one) => fold(one.exchange).endsWith(".mx.cloudflare.net"));
    if (all.length === 0) return missing("Switch Email Routing on at Cloudflare, with this Worker as its catch-all.");
    if (theirs.length === 0)
      return wrong(found, "Mail goes elsewhere. Switch Email Routing on, and remove these records.");
    if (theirs.length === all.length) return pass(found);
    return warn(found, "Other MX records stand beside Cloudflare's: some mail goes there. Remove them.");
  };
  return seen(about, judged(await dns.resolve(name, "MX"), judge));
}

/** Addresses looked at; a mail server has one or two. */
const mostAddresses = 4;

/** Forward-confirmed reverse DNS (RFC 8601 §3): many receivers refuse mail from a server without it. */
async function reverse(host: string, dns: Resolver): Promise<Check> {
  const about: About = {
    id: "ptr",
    type: "PTR",
    name: `the addresses of ${host}`,
    value: host,
    level: "recommended",
    by: "operator",
    title: "The mail server's own name (PTR)",
    why: "Forwarded mail leaves from this server. Many receivers refuse mail from an address without a name that leads back to it.",
  };
  const answers = await Promise.all([dns.resolve(host, "A"), dns.resolve(host, "AAAA")]);
  const addresses = answers
    .flatMap((answer) => (answer.kind === "found" ? answer.records : []))
    .slice(0, mostAddresses);
  if (addresses.length === 0) {
    const trouble = answers.find((answer) => answer.kind === "trouble");
    if (trouble?.kind === "trouble") return seen(about, troubled(trouble.reason));
    return seen(about, missing(`${host} has no address, so nothing can be delivered to it or from it.`));
  }
  const names = await Promise.all(addresses.map(async (address) => ({ address, ...(await checkIprev(address, dns)) })));
  const found = names.map(
    ({ address, name, result }) => `${address} → ${name ?? (result === "fail" ? "another" : "no name")}`,
  );
  if (names.every(({ result }) => result === "pass")) return seen(about, pass(found));
  if (names.some(({ result }) => result === "temperror")) return seen(about, { ...troubled("timeout"), found });
  const todo = `Give each address the name ${host}, where the server is rented (“reverse DNS”).`;
  return seen(about, names.some(({ result }) => result === "fail") ? wrong(found, todo) : { ...missing(todo), found });
}

/** RFC 7672 §3.1.3: certificate usages 2 and 3 alone, and only where DNSSEC vouches for the record. */
async function dane({ mxHost: host, facts }: NonNullable<Place["node"]>, dns: Resolver): Promise<Check> {
  const said = chainSchema.safeParse(facts?.["chain"]);
  const chain: Chain | null = said.success ? said.data : null;
  const name = `_25._tcp.${host}`;
  const about: About = {
    id: "dane",
    type: "TLSA",
    name,
    value: chain === null ? "3 1 1 and the SHA-256 of the server's public key" : tlsaFor(chain),
    level: "optional",
    by: "operator",
    title: "The mail server's key in DNS (DANE)",
    why: "Senders that look for it then accept this key alone, so nobody on the line can pose as the mail server.",
  };
  const answer = await dns.resolve(name, "TLSA");
  const judge = (all: string[]): Finding => {
    if (all.length === 0)
      return missing("Whoever runs the mail server can publish it, once its name is signed by DNSSEC.");
    if (!all.some((text) => /^[23] [01] [012] [0-9a-f]+$/.test(text)))
      return wrong(all, "None of these records is of a kind that mail servers use. “3 1 1” is.");
    if (!isAuthentic(answer)) return wrong(all, "The name is not signed by DNSSEC, so senders take no notice of this.");
    if (chain === null)
      return warn(
        all,
        "Whether it is of the server's key can't be said: the node is too old to tell which key it has.",
      );
    if (all.some((text) => namesShown(text, chain))) return pass(all);
    return wrong(
      all,
      "The mail server has another key: senders that look for this deliver nothing here. Publish the value shown, at once.",
    );
  };
  return seen(about, judged(answer, judge));
}

const isAuthentic = (answer: DnsAnswer<unknown>): boolean => answer.kind === "found" && answer.authentic === true;

async function dnssec(name: string, dns: Resolver): Promise<Check> {
  const about: About = {
    id: "dnssec",
    type: "DS",
    name,
    value: "a DS record at the registrar, made by your DNS provider",
    level: "optional",
    by: "registrar",
    title: "Signed DNS (DNSSEC)",
    why: "Signatures keep others from faking the domain's DNS answers, which everything above rests on.",
  };
  return seen(about, await signedFinding(name, dns));
}

async function signedFinding(name: string, dns: Resolver): Promise<Finding> {
  const signer = await signedAt(name, dns);
  if (signer === null)
    return missing("Switch DNSSEC on at your DNS provider, then give the DS record that it shows to your registrar.");
  if (signer.kind === "trouble") return troubled(signer.reason);
  const answer = await dns.resolve(name, "MX");
  // A validating resolver answers SERVFAIL where signatures do not hold (RFC 4035 §5.5).
  if (answer.kind === "trouble" && answer.reason === "servfail")
    return wrong(
      signer.records,
      "The signatures do not hold: many can't reach the domain at all. Renew them, or take the DS record out.",
    );
  if (answer.kind === "found" && !isAuthentic(answer))
    return warn(signer.records, "The domain is signed, but the answer could not be verified.");
  return pass(signer.records);
}

type Signer = Extract<DnsAnswer<string>, { kind: "found" | "trouble" }>;

/** The DS record of the domain, or of the zone above that it is part of; null: not signed. */
async function signedAt(name: string, dns: Resolver): Promise<Signer | null> {
  const labels = name.split(".");
  for (let at = 0; at < labels.length - 1; at++) {
    const answer = await dns.resolve(labels.slice(at).join("."), "DS");
    if (answer.kind !== "none") return answer;
  }
  return null;
}

async function bimi(name: string, dns: Resolver): Promise<Check> {
  const about: About = {
    id: "bimi",
    type: "TXT",
    name: `default._bimi.${name}`,
    value: "v=BIMI1; l=https://… (a logo, as SVG Tiny PS)",
    level: "optional",
    by: "owner",
    title: "Your logo beside your mail (BIMI)",
    why: "Some mail apps show it once DMARC asks for quarantine or rejection. Nothing else depends on it.",
  };
  const judge = (all: string[]): Finding => {
    const found = all.filter((text) => /^v=BIMI1\s*(?:;|$)/i.test(text.trim()));
    const [only] = found;
    if (only === undefined) return missing("Put the logo on a web server and add this record, if you want it shown.");
    if (found.length > 1) return wrong(found, "There are several of these records, so none counts. Keep one.");
    // An empty l= declines to take part, which is fine too.
    if (/;\s*l\s*=\s*(?:https:\/\/\S+?)?\s*(?:;|$)/i.test(only)) return pass(found);
    return wrong(found, "It does not say where the logo is. “l=” takes an https address.");
  };
  return seen(about, judged(await dns.resolve(about.name, "TXT"), judge));
}
