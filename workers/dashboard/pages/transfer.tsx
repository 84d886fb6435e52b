/** Aliases in and out: download, and import with the difference shown first. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { importSources } from "../../../src/core/rules/import/import.ts";
import { aliasesToCsv, aliasesToJson } from "../../../src/core/rules/import/own.ts";
import type { DomainView } from "../../directory/domains.ts";
import { Problem } from "../../directory/problem.ts";
import { applyImport, exportAliases, type ImportPlan, planImport } from "../../directory/transfer.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { attempt, formOf, signedIn } from "../guard.tsx";
import { domainHere } from "../reader.ts";
import { page } from "../shell.tsx";
import { type ImportForm, TransferView } from "../transfer-view.tsx";

export const transferPages = new Hono<App>();

const most = 4 * 1024 * 1024;
const form = z.object({
  source: z.enum(importSources).default("postern"),
  mode: z.enum(["add", "replace"]).default("add"),
  text: z.string().max(most).default(""),
  /** No file chosen comes as an empty text or an empty file, as runtimes please. */
  file: z.union([z.instanceof(File), z.string()]).optional(),
  apply: z.literal("yes").optional(),
});

transferPages.get(
  "/domains/:domain/transfer",
  signedIn(async (c, visitor) => {
    const asked: ImportForm = { source: "postern", mode: "add", text: "" };
    return transferPage(c, visitor, await domainHere(c, visitor), { asked, plan: null, problem: null });
  }),
);

transferPages.post(
  "/domains/:domain/transfer",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const given = await formOf(c, visitor, form, most * 2);
    const text = given.file instanceof File && given.file.size > 0 ? await given.file.text() : given.text;
    const asked: ImportForm = { source: given.source, mode: given.mode, text };
    const tried = await attempt(() => run(c, domain, asked, given.apply === "yes"));
    if (!tried.ok) return transferPage(c, visitor, domain, { asked, plan: null, problem: tried.problem });
    if (given.apply === "yes") return c.redirect(`/domains/${domain.id}?done=aliases-imported`, 303);
    return transferPage(c, visitor, domain, { asked, plan: tried.value, problem: null });
  }),
);

async function run(c: Context<App>, domain: DomainView, asked: ImportForm, apply: boolean): Promise<ImportPlan> {
  if (asked.text.trim() === "")
    throw new Problem(422, "nothing", "Choose a file, or paste its content.", { field: "text" });
  if (asked.text.length > most) throw new Problem(413, "too-large", "A file may have 4 MB.", { field: "text" });
  const plan = await planImport(c.get("world"), domain, asked);
  if (apply) await applyImport(c.get("world"), domain, plan);
  return plan;
}

transferPages.get(
  "/domains/:domain/aliases.json",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor);
    const text = aliasesToJson(await exportAliases(c.get("world"), domain), domain.name);
    return download(c, `${domain.name}.aliases.json`, "application/json", text);
  }),
);

transferPages.get(
  "/domains/:domain/aliases.csv",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor);
    const text = aliasesToCsv(await exportAliases(c.get("world"), domain));
    return download(c, `${domain.name}.aliases.csv`, "text/csv; charset=utf-8", text);
  }),
);

function download(c: Context<App>, name: string, type: string, text: string): Response {
  return c.body(text, 200, { "content-type": type, "content-disposition": `attachment; filename="${name}"` });
}

type Shown = { asked: ImportForm; plan: ImportPlan | null; problem: Problem | null };

function transferPage(
  c: Context<App>,
  visitor: Visitor,
  domain: DomainView,
  shown: Shown,
): Response | Promise<Response> {
  const view = <TransferView {...{ visitor, domain, ...shown }} />;
  const status = shown.problem === null ? 200 : 422;
  return page(c, visitor, { title: `Import · ${domain.name}`, at: "domains", status }, view);
}
