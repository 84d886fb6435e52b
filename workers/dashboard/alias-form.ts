/** What a person types as an alias's destinations: one line of addresses, read as what they most likely mean. */
import { z } from "zod";
import { readPattern } from "../../src/core/rules/import/pattern.ts";
import type { Alias, AliasInput } from "../directory/aliases.ts";
import type { Destination, NewDestination } from "../directory/destinations.ts";

export const aliasForm = z.object({
  pattern: z.string().max(200).default(""),
  kind: z.enum(["exact", "wildcard", "regex", "catch-all"]).default("exact"),
  to: z.string().max(5000).default(""),
  note: z.string().max(1000).default(""),
  labels: z.string().max(800).default(""),
  state: z.enum(["active", "disabled"]).default("active"),
  disabledReply: z.enum(["250", "421", "550"]).default("550"),
});
export type AliasForm = z.output<typeof aliasForm>;

export const emptyForm: AliasForm = aliasForm.parse({});

export function readForm(form: AliasForm, domain: string, mailboxes: ReadonlyMap<string, string>): AliasInput {
  return {
    ...readName(form, domain),
    destinations: readTargets(form.to, mailboxes),
    note: form.note.trim(),
    labels: words(form.labels).slice(0, 20),
    state: form.state,
    disabledReply: Number(form.disabledReply),
  };
}

/**
 * What was typed says more than a choice that was left as it stood: `sales-*`, `/^a/`, `*` and a whole address mean what they
 * look like. What means nothing is passed on as it is, to be refused with the reason.
 */
function readName({ kind, pattern }: AliasForm, domain: string): Pick<AliasInput, "kind" | "pattern"> {
  const typed = kind === "exact" || (kind === "regex" && pattern.trim().startsWith("/"));
  const read = typed ? readPattern(pattern, { wildcards: true, regexes: true }, domain) : null;
  return read?.ok ? read.value : { kind, pattern };
}

/** The same, backwards: what stands in the fields when an alias is edited. */
export function formFor(alias: Alias, names: ReadonlyMap<string, string>): AliasForm {
  return {
    pattern: alias.pattern,
    kind: alias.kind,
    to: alias.destinations.map((one) => spelledTarget(one, names)).join(", "),
    note: alias.note,
    labels: alias.labels.join(", "),
    state: alias.state,
    disabledReply: aliasForm.shape.disabledReply.catch("550").parse(String(alias.disabledReply)),
  };
}

/**
 * Destinations separated by commas, spaces or lines: `you@example.net`, `@example.net` (the same address there), `https://…`,
 * and `you@example.net>mx.example.net:2525` for a way of its own. The address of one of your mailboxes means the mailbox
 * (`mailboxes`: ids by address).
 */
export function readTargets(to: string, mailboxes: ReadonlyMap<string, string>): NewDestination[] {
  return words(to).map((text) => {
    const box = mailboxes.get(text.toLowerCase());
    if (box !== undefined) return { kind: "mailbox", target: box };
    if (/^https?:\/\//i.test(text)) return { kind: "webhook", target: text };
    const [target = "", route = null] = text.split(">", 2);
    if (/^\*?@/.test(target)) return { kind: "domain", target: target.replace(/^\*?@/, ""), route };
    return { kind: "address", target, route };
  });
}

/** What `readTargets` looks for among the mailboxes. */
export function targetWords(to: string): string[] {
  return words(to.toLowerCase());
}

export function spelledTarget(one: Destination, names: ReadonlyMap<string, string>): string {
  const target = one.kind === "domain" ? `@${one.target}` : (names.get(one.target) ?? one.target);
  return one.route === null ? target : `${target}>${one.route}`;
}

function words(text: string): string[] {
  return text.split(/[\s,;]+/).filter((word) => word !== "");
}
