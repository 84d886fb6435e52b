/**
 * Rules of Cloudflare Email Routing, as its API lists them (`GET /zones/ZONE/email/routing/rules`, or `…/rules/catch_all`):
 * the whole answer or its `result`. A rule matches one literal address or all; it forwards, drops, or calls a Worker.
 */
import { z } from "zod";
import { type Entry, readEntries } from "./entries.ts";
import { type Gathered, Gathering, type GatherOptions, plain } from "./gather.ts";
import { quote } from "./problem.ts";

const ruleSchema = z.object({
  name: z.string().nullish(),
  enabled: z.boolean().default(true),
  matchers: z
    .array(z.object({ type: z.string(), field: z.string().nullish(), value: z.string().max(320).nullish() }))
    .min(1)
    .max(10),
  actions: z.array(z.object({ type: z.string(), value: z.array(z.string().max(320)).nullish() })).max(10),
});
type Rule = z.infer<typeof ruleSchema>;

export function fromCloudflare(text: string, options: GatherOptions): Gathered {
  const gathering = new Gathering(plain, options);
  for (const entry of readEntries(text, ["result"], ruleSchema, gathering.problems)) addRule(entry, gathering);
  return gathering.finish();
}

function addRule({ at, value: rule }: Entry<Rule>, gathering: Gathering): void {
  const place = { at, offset: null };
  const alias = aliasOf(rule);
  if (alias === null) {
    gathering.problems.error("unsupported", place, "This rule's matcher is not known here.");
    return;
  }
  // Every zone lists a catch-all; while it is off it says nothing.
  if (alias === "*" && !rule.enabled) return;
  const worker = rule.actions.find((action) => action.type === "worker");
  if (worker !== undefined) {
    const name = quote(worker.value?.[0] ?? "");
    gathering.problems.error("unsupported", place, `Worker ${name} can't be called from here: make its alias by hand.`);
    return;
  }
  const destinations = rule.actions
    .filter((action) => action.type === "forward")
    .flatMap((action) => action.value ?? []);
  gathering.add({ ...place, alias, destinations, disabled: replyOf(rule), note: noteOf(rule) });
}

function aliasOf(rule: Rule): string | null {
  const [matcher, second] = rule.matchers;
  if (matcher === undefined || second !== undefined) return null;
  if (matcher.type === "all") return "*";
  return matcher.type === "literal" && matcher.field === "to" ? (matcher.value ?? null) : null;
}

function replyOf(rule: Rule): 250 | 550 | null {
  if (!rule.enabled) return 550;
  return rule.actions.some((action) => action.type === "drop") ? 250 : null;
}

// The dashboard names rules by the time they were made, which is no note.
function noteOf(rule: Rule): string | null {
  return rule.name === null || rule.name === undefined || /^Rule created at /.test(rule.name) ? null : rule.name;
}
