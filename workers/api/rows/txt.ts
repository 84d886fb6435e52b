/** Rules in TXT records: what a domain's records say and what is wrong with them, whether they count, and sealed values. */
import { z } from "zod";
import { utf8 } from "../../../src/core/bytes.ts";
import { foldDomain } from "../../../src/core/rules/address.ts";
import { definitionSchema } from "../../../src/core/rules/import/definition.ts";
import { recordLimits } from "../../../src/core/rules/records/limits.ts";
import { readRecords } from "../../../src/core/rules/records/read.ts";
import { maxSealedBytes, sealRecord } from "../../../src/core/rules/records/sealed.ts";
import { type DomainView, setTxtRules } from "../../directory/domains.ts";
import { Problem } from "../../directory/problem.ts";
import { type Edge, openEdge } from "../../platform.ts";
import { readDomainRecords, txtKey } from "../../txt.ts";
import { preview } from "../../txt-preview.ts";
import { anyone, type Call, within } from "../row.ts";
import { domainParams } from "../shapes.ts";

const tag = "DNS rules";

const problems = z.array(
  z.object({
    level: z.enum(["error", "notice"]),
    code: z.string(),
    at: z.int().nullable().describe("Which record, from 1"),
    offset: z.int().nullable(),
    text: z.string(),
  }),
);
const report = z.object({
  enabled: z.boolean().describe("The domain's records count, behind its aliases here"),
  present: z.boolean(),
  aliases: z.array(definitionSchema),
  problems,
});

export const txtRows = [
  within("member", "aliases:read", {
    method: "GET",
    path: "/domains/:domain/txt",
    name: "txtRules",
    tag,
    says: "The rules in the domain's TXT records, with what is wrong in them",
    params: domainParams,
    answer: report,
    run: reportOf,
  }),
  within("admin", "aliases:write", {
    method: "PUT",
    path: "/domains/:domain/txt",
    name: "setTxtRules",
    tag,
    says: "Let the domain's TXT records count, or not; aliases here always come first",
    params: domainParams,
    body: z.object({ enabled: z.boolean() }),
    async run(call) {
      await setTxtRules(call.world, call.domain, call.body.enabled);
    },
  }),
  anyone({
    method: "POST",
    path: "/txt/read",
    name: "readTxt",
    tag,
    says: "How TXT records would be understood, record by record, before they are published",
    body: z.object({
      domain: z.string().min(1).max(253),
      records: z.array(z.string().max(5000)).min(1).max(recordLimits.all),
    }),
    answer: z.object({
      records: z.array(z.object({ text: z.string(), aliases: z.array(definitionSchema), problems })),
      problems,
    }),
    run: async (call) => preview(edgeOf(call), domainOf(call.body.domain), call.body.records),
  }),
  anyone({
    method: "POST",
    path: "/txt/seal",
    name: "sealTxt",
    tag,
    says: "A TXT record whose rules are not public; it counts for this domain only",
    body: z.object({
      domain: z.string().min(1).max(253),
      rules: z.string().min(1).max(maxSealedBytes).describe("As after postern=, such as hello:you@example.net"),
    }),
    answer: z.object({ record: z.string(), problems }),
    run: async (call) => sealed(edgeOf(call), call.body),
  }),
];

function edgeOf({ env, later }: Call): Edge {
  return openEdge(env, { waitUntil: later });
}

async function reportOf(call: Call & { domain: DomainView }) {
  const rules = await readDomainRecords(edgeOf(call), call.domain.name);
  if (rules === null)
    throw new Problem(503, "dns-trouble", "The domain's DNS does not answer just now.", { retryAfter: 60 });
  return { enabled: call.domain.txtRules, ...rules };
}

function domainOf(text: string): string {
  const name = foldDomain(text);
  if (name !== null) return name;
  throw new Problem(422, "bad-domain", "Write a domain name, such as example.com.", { field: "domain" });
}

/** Mistakes are told before anything is put into DNS, where they could not be seen any more. */
function sealed(edge: Edge, { domain, rules }: { domain: string; rules: string }) {
  const name = domainOf(domain);
  if (utf8(rules).length > maxSealedBytes)
    throw new Problem(422, "too-long", `A sealed record holds at most ${maxSealedBytes} bytes: use several.`, {
      field: "rules",
    });
  const read = readRecords([`postern=${rules}`], { domain: name });
  return { record: sealRecord(rules, name, txtKey(edge), edge.random), problems: read.problems };
}
