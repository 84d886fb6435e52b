/** What a person types as an alias's destinations: one line of addresses, read as what they most likely mean. */
import { z } from "zod";
import type { Alias, AliasInput, NewDestination } from "../directory/aliases.ts";
import type { Mailbox } from "../directory/mailboxes.ts";

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

export function readForm(form: AliasForm, mailboxes: readonly Mailbox[]): AliasInput {
  return {
    kind: form.kind,
    pattern: form.pattern,
    destinations: readTargets(form.to, mailboxes),
    note: form.note.trim(),
    labels: words(form.labels).slice(0, 20),
    state: form.state,
    disabledReply: Number(form.disabledReply),
  };
}

/** Addresses separated by commas, spaces or lines. The address of one of your mailboxes means the mailbox. */
export function readTargets(to: string, mailboxes: readonly Mailbox[]): NewDestination[] {
  return words(to).map((text) => {
    const box = mailboxes.find((one) => one.address === text.toLowerCase());
    if (box !== undefined) return { kind: "mailbox", target: box.id };
    if (text.startsWith("https://")) return { kind: "webhook", target: text };
    if (text.startsWith("@")) return { kind: "domain", target: text.slice(1) };
    return { kind: "address", target: text };
  });
}

/** The same, backwards: what stands in the field when an alias is edited. */
export function writeTargets(alias: Alias, names: ReadonlyMap<string, string>): string {
  return alias.destinations
    .map((one) => (one.kind === "domain" ? `@${one.target}` : (names.get(one.target) ?? one.target)))
    .join(", ");
}

function words(text: string): string[] {
  return text.split(/[\s,;]+/).filter((word) => word !== "");
}
