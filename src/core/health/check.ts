/**
 * Are the records there that the domain's owner is to set? Each check says what was found, what was expected, why it matters and
 * what to do. Looks through the resolver that is handed in.
 */
import type { DnsRecords, Resolver } from "../ports.ts";
import { type Check, type Finding, fold, judged, missing, pass, warn, wrong } from "./finding.ts";
import type { WantedRecord } from "./records.ts";
import { type FetchPolicy, policyNames, readPolicy } from "./sts-policy.ts";

export async function checkRecords(
  wanted: readonly WantedRecord[],
  dns: Resolver,
  policyOf: FetchPolicy,
): Promise<Check[]> {
  const mx = wanted.find((record) => record.id === "mx")?.value ?? null;
  const look = { dns, policyOf, mx };
  return Promise.all(
    wanted.map(async (record): Promise<Check> => ({ ...record, by: "owner", ...(await find(record, look)) })),
  );
}

/** Required ones pass: the domain can receive. */
export function canReceive(checks: readonly Check[]): boolean {
  return checks.every((check) => check.level !== "required" || check.state === "pass" || check.state === "warn");
}

type Look = { dns: Resolver; policyOf: FetchPolicy; mx: string | null };

async function find(record: WantedRecord, { dns, policyOf, mx }: Look): Promise<Finding> {
  if (record.type === "MX") return judged(await dns.resolve(record.name, "MX"), (all) => mxFinding(record, all));
  if (record.type === "CNAME")
    return judged(await dns.resolve(record.name, "CNAME"), (all) => nameFinding(record, all));
  if (record.type === "SRV") return judged(await dns.resolve(record.name, "SRV"), (all) => serviceFinding(record, all));
  const texts = await dns.resolve(record.name, "TXT");
  if (record.id === "mta-sts") {
    const found = judged(texts, (all) => stsRecord(record, all));
    return found.state === "pass" ? policyFinding(found.found, record, await policyOf(domainOf(record)), mx) : found;
  }
  return judged(texts, (all) => (texted[record.id] ?? exactFinding)(record, all));
}

const texted: Partial<Record<WantedRecord["id"], (record: WantedRecord, all: string[]) => Finding>> = {
  spf: spfFinding,
  dmarc: dmarcFinding,
  "tls-rpt": reportsFinding,
};

const domainOf = (record: WantedRecord): string => record.name.replace(/^_mta-sts\./, "");

function absent(record: WantedRecord): Finding {
  return missing(`Add this ${record.type} record. DNS may take some minutes to show it.`);
}

function mxFinding(record: WantedRecord, all: { priority: number; exchange: string }[]): Finding {
  const found = all.map((one) => `${one.priority} ${one.exchange}`);
  if (all.length === 0) return absent(record);
  const ours = all.filter((one) => fold(one.exchange) === fold(record.value));
  if (ours.length === 0)
    return wrong(
      found,
      "Mail still goes elsewhere. Put this record in place of those found; until then nothing arrives here.",
    );
  if (ours.length === all.length) return pass(found);
  return warn(found, "Other MX records stand beside ours: some mail goes there. Remove them.");
}

function nameFinding(record: WantedRecord, all: string[]): Finding {
  if (all.length === 0) return absent(record);
  if (all.some((name) => fold(name) === fold(record.value))) return pass(all);
  return wrong(all, "It points elsewhere. Change it to the value shown, or leave it if that is what you want.");
}

// Weight and priority are the owner's to choose; RFC 2782: the lowest priority is asked first.
function serviceFinding(record: WantedRecord, all: DnsRecords["SRV"][]): Finding {
  if (all.length === 0) return absent(record);
  const found = all.map((one) => `${one.priority} ${one.weight} ${one.port} ${one.target || "."}`);
  const [, port = "", target = ""] = record.value.split(" ");
  const isOurs = (one: DnsRecords["SRV"]): boolean => String(one.port) === port && fold(one.target) === fold(target);
  const first = Math.min(...all.map(({ priority }) => priority));
  if (all.every(isOurs)) return pass(found);
  if (all.some((one) => isOurs(one) && one.priority === first))
    return warn(found, "Other servers stand beside ours: some mail apps go there. Remove them.");
  if (all.every((one) => one.target === ""))
    return wrong(found, "It says that there is no such server. Change it to the value shown.");
  return wrong(found, "It sends mail apps to another server or port. Change it to the value shown.");
}

function exactFinding(record: WantedRecord, all: string[]): Finding {
  if (all.some((text) => text.trim() === record.value)) return pass([record.value]);
  if (all.length === 0) return absent(record);
  return wrong(all, "A record is there, but it says something else. Change it to the value shown.");
}

// RFC 7208 §4.5: exactly one record, or receivers answer permerror.
function spfFinding(record: WantedRecord, all: string[]): Finding {
  const found = all.filter((text) => /^v=spf1(?: |$)/i.test(text.trim()));
  const [only] = found;
  if (only === undefined) return absent(record);
  if (found.length > 1) return wrong(found, "There are several SPF records, so none counts. Join them into one.");
  const term = record.value.split(" ")[1] ?? "";
  const named = only
    .toLowerCase()
    .split(/\s+/)
    .some((one) => one.replace(/^\+/, "") === term);
  if (named) return pass(found);
  const todo = `Keep your record and add “${term}” after “v=spf1”: the value shown is yours with it.`;
  return { ...wrong(found, todo), value: withTerm(only, term) };
}

/** The owner's own record with our term in it. */
export function withTerm(spf: string, term: string): string {
  return spf.trim().replace(/^v=spf1/i, `v=spf1 ${term}`);
}

function dmarcFinding(record: WantedRecord, all: string[]): Finding {
  const found = all.filter((text) => /^v=DMARC1\s*(?:;|$)/.test(text.trim()));
  const [only] = found;
  if (only === undefined) return absent(record);
  if (found.length > 1) return wrong(found, "There are several DMARC records, so none counts. Keep one.");
  const policy = /;\s*p\s*=\s*(\w+)/.exec(only)?.[1]?.toLowerCase();
  if (policy === "quarantine" || policy === "reject") return pass(found);
  return warn(found, "It only watches (p=none). When your own mail passes, say p=quarantine.");
}

// RFC 8460 §3: exactly one, with somewhere to report to.
function reportsFinding(record: WantedRecord, all: string[]): Finding {
  const found = all.filter((text) => /^v=TLSRPTv1\s*;/.test(text.trim()));
  const [only] = found;
  if (only === undefined) return absent(record);
  if (found.length > 1) return wrong(found, "There are several of these records, so none counts. Keep one.");
  if (/;\s*rua\s*=\s*(?:mailto:|https:)\S+/i.test(only)) return pass(found);
  return wrong(found, "It names nobody to report to. Add “rua=mailto:” and an address.");
}

// RFC 8461 §3.1: exactly one, with an id.
function stsRecord(record: WantedRecord, all: string[]): Finding {
  const found = all.filter((text) => /^v=STSv1\s*;/.test(text.trim()));
  const [only] = found;
  if (only === undefined) return absent(record);
  if (found.length > 1) return wrong(found, "There are several of these records, so none counts. Keep one.");
  if (/;\s*id\s*=\s*[A-Za-z0-9]{1,32}\s*(?:;|$)/.test(only)) return pass(found);
  return wrong(found, "Its id is missing, so nobody reads the rule. Change it to the value shown.");
}

function policyFinding(found: string[], record: WantedRecord, text: string | null, mx: string | null): Finding {
  const at = `https://mta-sts.${domainOf(record)}/.well-known/mta-sts.txt`;
  if (text === null)
    return wrong(found, `The record is there, but the rule can't be read at ${at}. Set the name below to point here.`);
  const policy = readPolicy(text);
  if (policy === null) return wrong(found, `What is at ${at} is no rule that sending servers understand.`);
  const seen = [...found, `mode: ${policy.mode}`, ...policy.mx.map((name) => `mx: ${name}`)];
  if (mx !== null && !policyNames(policy, mx))
    return wrong(seen, `The rule does not name ${mx}: senders that keep to it can't deliver. Add it at ${at}.`);
  if (policy.mode === "enforce") return pass(seen);
  return warn(seen, "It does not protect yet: the mode is not “enforce”.");
}
