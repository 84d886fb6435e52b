/**
 * Are the records there? Each check says what was found, what was expected, why it matters and what to do. DNS trouble is
 * its own answer and never reads as "missing". Looks through the resolver that is handed in.
 */
import type { DnsAnswer, Resolver } from "../../src/core/ports.ts";
import type { WantedRecord } from "./records.ts";

export type CheckState = "pass" | "warn" | "missing" | "wrong" | "trouble";
export type Check = WantedRecord & {
  state: CheckState;
  /** As DNS has it. */
  found: string[];
  /** What to do; empty when all is well. */
  todo: string;
};

type Finding = Pick<Check, "state" | "found" | "todo">;

export async function checkRecords(wanted: readonly WantedRecord[], dns: Resolver): Promise<Check[]> {
  return Promise.all(wanted.map(async (record) => ({ ...record, ...(await find(record, dns)) })));
}

/** Required ones pass: the domain can receive. */
export function canReceive(checks: readonly Check[]): boolean {
  return checks.every((check) => check.level !== "required" || check.state === "pass" || check.state === "warn");
}

async function find(record: WantedRecord, dns: Resolver): Promise<Finding> {
  if (record.type === "MX") return judged(await dns.resolve(record.name, "MX"), (all) => mxFinding(record, all));
  if (record.type === "CNAME")
    return judged(await dns.resolve(record.name, "CNAME"), (all) => nameFinding(record, all));
  const texts = await dns.resolve(record.name, "TXT");
  if (record.id === "spf") return judged(texts, (all) => spfFinding(record, all));
  if (record.id === "dmarc") return judged(texts, (all) => dmarcFinding(record, all));
  return judged(texts, (all) => exactFinding(record, all));
}

function judged<T>(answer: DnsAnswer<T>, judge: (records: T[]) => Finding): Finding {
  if (answer.kind === "trouble") {
    const what = answer.reason === "timeout" ? "did not answer" : "answered with an error";
    return { state: "trouble", found: [], todo: `The domain's DNS servers ${what}. This is checked again by itself.` };
  }
  return judge(answer.kind === "found" ? answer.records : []);
}

const fold = (name: string): string => name.replace(/\.$/, "").toLowerCase();

function missing(record: WantedRecord): Finding {
  return { state: "missing", found: [], todo: `Add this ${record.type} record. DNS may take some minutes to show it.` };
}

function mxFinding(record: WantedRecord, all: { priority: number; exchange: string }[]): Finding {
  const found = all.map((one) => `${one.priority} ${one.exchange}`);
  if (all.length === 0) return missing(record);
  const ours = all.filter((one) => fold(one.exchange) === fold(record.value));
  if (ours.length === 0) {
    const todo = "Mail still goes elsewhere. Put this record in place of those found; until then nothing arrives here.";
    return { state: "wrong", found, todo };
  }
  if (ours.length === all.length) return { state: "pass", found, todo: "" };
  return { state: "warn", found, todo: "Other MX records stand beside ours: some mail goes there. Remove them." };
}

function nameFinding(record: WantedRecord, all: string[]): Finding {
  if (all.length === 0) return missing(record);
  if (all.some((name) => fold(name) === fold(record.value))) return { state: "pass", found: all, todo: "" };
  return { state: "wrong", found: all, todo: "It points elsewhere. Change it if mail apps should set themselves up." };
}

function exactFinding(record: WantedRecord, all: string[]): Finding {
  if (all.some((text) => text.trim() === record.value)) return { state: "pass", found: [record.value], todo: "" };
  if (all.length === 0) return missing(record);
  return {
    state: "wrong",
    found: all,
    todo: "A record is there, but it says something else. Change it to the value shown.",
  };
}

// RFC 7208 §4.5: exactly one record, or receivers answer permerror.
function spfFinding(record: WantedRecord, all: string[]): Finding {
  const found = all.filter((text) => /^v=spf1(?: |$)/i.test(text.trim()));
  const [only] = found;
  if (only === undefined) return missing(record);
  if (found.length > 1)
    return { state: "wrong", found, todo: "There are several SPF records, so none counts. Join them into one." };
  const term = record.value.split(" ")[1] ?? "";
  const named = only
    .toLowerCase()
    .split(/\s+/)
    .some((one) => one.replace(/^\+/, "") === term);
  if (named) return { state: "pass", found, todo: "" };
  return { state: "wrong", found, todo: `Keep your record and add “${term}” after “v=spf1”: ${withTerm(only, term)}` };
}

/** The owner's own record with our term in it. */
export function withTerm(spf: string, term: string): string {
  return spf.trim().replace(/^v=spf1/i, `v=spf1 ${term}`);
}

function dmarcFinding(record: WantedRecord, all: string[]): Finding {
  const found = all.filter((text) => /^v=DMARC1\s*(?:;|$)/.test(text.trim()));
  const [only] = found;
  if (only === undefined) return missing(record);
  if (found.length > 1)
    return { state: "wrong", found, todo: "There are several DMARC records, so none counts. Keep one." };
  const policy = /;\s*p\s*=\s*(\w+)/.exec(only)?.[1]?.toLowerCase();
  if (policy === "quarantine" || policy === "reject") return { state: "pass", found, todo: "" };
  return { state: "warn", found, todo: "It only watches (p=none). When your own mail passes, say p=quarantine." };
}
