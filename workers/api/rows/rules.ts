/** What surrounds aliases: explain, import and export. */
import { z } from "zod";
import { utf8 } from "../../../src/core/bytes.ts";
import { bounds, definitionSchema } from "../../../src/core/rules/import/definition.ts";
import { importSources } from "../../../src/core/rules/import/import.ts";
import { applyImport, exportAliases, planImport } from "../../directory/transfer.ts";
import { explainMail, type Question } from "../../explain.ts";
import { openEdge } from "../../platform.ts";
import { type Within, within } from "../row.ts";
import { domainParams } from "../shapes.ts";

const edgeOf = (call: Within) => openEdge(call.env, { waitUntil: call.later });

const explained = z.object({
  outcome: z.string(),
  reply: z.string(),
  reason: z.string(),
  match: z.unknown(),
  aliases: z.array(z.unknown()),
  copies: z.array(z.object({ kind: z.string(), target: z.string(), says: z.string() })),
  skips: z.array(z.unknown()),
  sender: z.string(),
  proof: z.unknown(),
});

const importShape = z.object({
  ready: z.boolean(),
  applied: z.boolean(),
  create: z.int(),
  change: z.int(),
  remove: z.int(),
  unchanged: z.int(),
  problems: z.array(
    z.object({
      level: z.string(),
      code: z.string(),
      at: z.int().nullable(),
      offset: z.int().nullable(),
      text: z.string(),
    }),
  ),
  unit: z.string().describe("What a problem's `at` counts"),
});

export const ruleRows = [
  within("member", "aliases:read", {
    method: "POST",
    path: "/domains/:domain/explain",
    name: "explain",
    tag: "Aliases",
    says: "What would happen to mail for an address of the domain, and why; also for a whole pasted message",
    params: domainParams,
    body: z.object({
      local: z.string().min(1).max(64).describe("The part before the @"),
      mailFrom: z.string().max(320).default(""),
      ip: z.string().max(64).nullable().default(null),
      helo: z.string().max(255).nullable().default(null),
      raw: z.string().max(400_000).nullable().default(null).describe("A message as text, lines ended by CRLF or LF"),
    }),
    answer: explained,
    run: (call) => explainMail(edgeOf(call), questionOf(call.domain.name, call.body)),
  }),
  within("member", "aliases:read", {
    method: "GET",
    path: "/domains/:domain/export",
    name: "exportAliases",
    tag: "Aliases",
    says: "All aliases as definitions that the import takes",
    params: domainParams,
    answer: z.object({ domain: z.string(), aliases: z.array(definitionSchema) }),
    run: async (call) => ({ domain: call.domain.name, aliases: await exportAliases(call.world, call.domain) }),
  }),
  within("admin", "aliases:write", {
    method: "POST",
    path: "/domains/:domain/import",
    name: "importAliases",
    tag: "Aliases",
    says: "Import aliases from here or another service: first what would change, then with `apply` all of it or nothing",
    params: domainParams,
    body: z.object({
      source: z.enum(importSources),
      text: z.string().min(1).max(bounds.text),
      mode: z.enum(["add", "replace"]).default("add").describe("`replace`: what the text does not name is removed"),
      apply: z.boolean().default(false),
    }),
    answer: importShape,
    async run(call) {
      const planned = await planImport(call.world, call.domain, call.body);
      if (call.body.apply) await applyImport(call.world, call.domain, planned);
      const { create, change, remove, unchanged } = planned.plan;
      const counts = {
        create: create.length,
        change: change.length,
        remove: remove.length,
        unchanged: unchanged.length,
      };
      return { ...planned, ...counts, applied: call.body.apply };
    },
  }),
];

type Asked = { local: string; mailFrom: string; ip: string | null; helo: string | null; raw: string | null };

/** Pasted text has lost its CRLF on the way through a form or JSON. */
function questionOf(domain: string, { local, raw, ...rest }: Asked): Question {
  return { ...rest, recipient: `${local}@${domain}`, raw: raw === null ? null : utf8(raw.replace(/\r?\n/g, "\r\n")) };
}
