/** A domain's aliases: the table, adding, bulk changes, and the page of one alias. */

import { type Context, Hono } from "hono";
import { z } from "zod";
import { askDestinations } from "../../ask-destinations.ts";
import { aliases, aliasSorts, matchingIds } from "../../directory/alias-list.ts";
import { type Alias, addAlias, aliasFor, changeAlias, changeAliases, removeAliases } from "../../directory/aliases.ts";
import { withoutConsent } from "../../directory/consent.ts";
import { resumeDestination } from "../../directory/destinations.ts";
import type { DomainView } from "../../directory/domains.ts";
import { type MailboxLine, mailboxesAt, mailboxPage } from "../../directory/mailbox-list.ts";
import type { Problem } from "../../directory/problem.ts";
import { redirectAliases } from "../../directory/redirect.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { EditForm } from "../alias-editor.tsx";
import { type AliasForm, aliasForm, emptyForm, formFor, readForm, readTargets, targetWords } from "../alias-form.ts";
import { AliasesView, noteShown, queryOf } from "../alias-table.tsx";
import { attempt, formOf, signedIn } from "../guard.tsx";
import { domainHere, myDomains, namesFor } from "../reader.ts";
import { page } from "../shell.tsx";

export const aliasPages = new Hono<App>();
/** Both keep the page within 60 KB: rows with much on them are fewer to a page. */
const pageSize = 40;
const rowBytes = 50_000;

function fitting(rows: readonly Alias[]): number {
  let bytes = 0;
  const over = rows.findIndex(({ pattern, note, labels, destinations }) => {
    bytes += 1000 + 4 * pattern.length + noteShown(note).length + 25 * labels.length + labels.join("").length;
    for (const { target } of destinations) bytes += 200 + target.length;
    return bytes > rowBytes;
  });
  return over < 0 ? rows.length : Math.max(1, over);
}

aliasPages.get(
  "/domains/:domain",
  signedIn(async (c, visitor) => listPage(c, visitor, await domainHere(c, visitor), emptyForm, null)),
);

aliasPages.post(
  "/domains/:domain/aliases",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const form = await formOf(c, visitor, aliasForm);
    const tried = await attempt(async () =>
      addAlias(
        c.get("world"),
        visitor.account.id,
        domain.id,
        readForm(form, domain.name, await boxesIn(c, visitor, form)),
      ),
    );
    if (!tried.ok) return listPage(c, visitor, domain, form, tried.problem);
    askDestinations(caller(c), domain.name, tried.value.destinations);
    const waiting = await withoutConsent(c.get("world"), domain.id, [tried.value]);
    const note =
      domain.state !== "active" ? "alias-added-pending" : waiting.size > 0 ? "alias-added-waits" : "alias-added";
    return c.redirect(`/domains/${domain.id}?done=${note}`, 303);
  }),
);

const one = z.string().regex(/^(?:enable|disable|delete):[0-9A-Z]{26}$/);
const bulkForm = z.object({
  one: one.optional(),
  act: z.enum(["enable", "disable", "delete", "redirect"]).optional(),
  /** Where all of them are to go. */
  to: z.string().max(5000).default(""),
  ids: z.union([z.string(), z.array(z.string())]).optional(),
  /** All that the list finds, on whatever page. */
  whole: z.literal("yes").optional(),
  back: z.string().max(2000).default(""),
});

aliasPages.post(
  "/domains/:domain/bulk",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const form = await formOf(c, visitor, bulkForm);
    const world = c.get("world");
    const list = listQuery.parse(Object.fromEntries(new URLSearchParams(form.back)));
    const meant = async () => (form.whole ? matchingIds(world, domain.id, list) : [form.ids ?? []].flat());
    const [act, ids] = form.one === undefined ? [form.act, await meant()] : split(form.one);
    const tried = await attempt(async () => {
      if (act === undefined) return 0;
      if (act === "delete") return removeAliases(world, domain.id, ids);
      if (act === "redirect") return redirect(c, visitor, domain, ids, form.to);
      return changeAliases(world, domain.id, ids, { state: act === "enable" ? "active" : "disabled" });
    });
    if (!tried.ok) return listPage(c, visitor, domain, emptyForm, null, { list, trouble: tried.problem });
    const note = act === "delete" && ids.length === 1 ? "alias-removed" : "aliases-changed";
    // Back to the list as it was narrowed and ordered; nothing but the list's own parameters comes through.
    const query = new URLSearchParams(queryOf(list));
    query.set("done", note);
    query.set("n", String(tried.value));
    return c.redirect(`/domains/${domain.id}?${query}`, 303);
  }),
);

aliasPages.get(
  "/domains/:domain/aliases/:alias",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor);
    const alias = await aliasFor(c.get("world"), domain.id, c.req.param("alias") ?? "");
    const names = await namesFor(c.get("world"), await myDomains(c, visitor), alias.destinations);
    return editPage(c, visitor, domain, { alias, form: formFor(alias, names), problem: null });
  }),
);

aliasPages.post(
  "/domains/:domain/aliases/:alias",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const form = await formOf(c, visitor, aliasForm);
    const world = c.get("world");
    const alias = await aliasFor(world, domain.id, c.req.param("alias") ?? "");
    const tried = await attempt(async () =>
      changeAlias(world, visitor.account.id, alias, readForm(form, domain.name, await boxesIn(c, visitor, form))),
    );
    if (!tried.ok) return editPage(c, visitor, domain, { alias, form, problem: tried.problem });
    askDestinations(caller(c), domain.name, tried.value.destinations);
    return c.redirect(`/domains/${domain.id}?done=alias-changed`, 303);
  }),
);

aliasPages.post(
  "/domains/:domain/aliases/:alias/resume",
  signedIn(async (c, visitor) => {
    const domain = await domainHere(c, visitor, "admin");
    const { destination } = await formOf(c, visitor, z.object({ destination: z.string().max(40) }));
    const alias = c.req.param("alias") ?? "";
    await resumeDestination(c.get("world"), domain.id, alias, destination);
    return c.redirect(`/domains/${domain.id}/aliases/${alias}?done=destination-resumed`, 303);
  }),
);

function caller(c: Context<App>) {
  return { env: c.env, later: (work: Promise<unknown>) => c.executionCtx.waitUntil(work) };
}

async function redirect(
  c: Context<App>,
  visitor: Visitor,
  domain: DomainView,
  ids: readonly string[],
  to: string,
): Promise<number> {
  const boxes = await mailboxesAt(c.get("world"), await myIds(c, visitor), targetWords(to));
  const done = await redirectAliases(c.get("world"), visitor.account.id, domain.id, ids, readTargets(to, boxes));
  askDestinations(caller(c), domain.name, done.destinations);
  return done.changed;
}

function split(text: string): ["enable" | "disable" | "delete", string[]] {
  const [act, id] = text.split(":");
  return [act === "enable" || act === "disable" ? act : "delete", [id ?? ""]];
}

async function myIds(c: Context<App>, visitor: Visitor): Promise<string[]> {
  return (await myDomains(c, visitor)).map((domain) => domain.id);
}

/** Mailboxes among what was typed as destinations, by address. */
async function boxesIn(c: Context<App>, visitor: Visitor, form: AliasForm): Promise<Map<string, string>> {
  return mailboxesAt(c.get("world"), await myIds(c, visitor), targetWords(form.to));
}

/** Offered while somebody types. */
async function suggestions(c: Context<App>, visitor: Visitor): Promise<MailboxLine[]> {
  return (await mailboxPage(c.get("world"), { domains: await myIds(c, visitor), limit: 20 })).rows;
}

/** As the list's own form and links write it; what is no answer of theirs is left out. */
const listQuery = z.object({
  text: z
    .string()
    .max(200)
    .transform((text) => text.trim() || undefined)
    .optional()
    .catch(undefined),
  state: z.enum(["active", "disabled"]).optional().catch(undefined),
  kind: z.enum(["exact", "wildcard", "regex", "catch-all"]).optional().catch(undefined),
  sort: z.enum(aliasSorts).optional().catch(undefined),
  after: z.string().max(600).optional().catch(undefined),
});

async function listPage(
  c: Context<App>,
  visitor: Visitor,
  domain: DomainView,
  form: AliasForm,
  problem: Problem | null,
  bulk: { list: z.output<typeof listQuery>; trouble: Problem } | null = null,
): Promise<Response> {
  const query = { ...(bulk?.list ?? listQuery.parse(c.req.query())), limit: pageSize };
  const world = c.get("world");
  const [all, mailboxes] = await Promise.all([aliases(world, domain.id, query), suggestions(c, visitor)]);
  const limit = fitting(all.rows);
  const found = limit < all.rows.length ? await aliases(world, domain.id, { ...query, limit }) : all;
  const shown = found.rows.flatMap(({ destinations }) => destinations);
  const [names, waiting] = await Promise.all([
    namesFor(world, await myDomains(c, visitor), shown),
    withoutConsent(world, domain.id, found.rows),
  ]);
  const trouble = bulk?.trouble.detail ?? null;
  const view = (
    <AliasesView {...{ visitor, domain, found, query, mailboxes, names, waiting, form, problem, trouble }} />
  );
  return page(
    c,
    visitor,
    { title: domain.name, at: "domains", islands: ["aliases"], status: problem === null && bulk === null ? 200 : 422 },
    view,
  );
}

async function editPage(
  c: Context<App>,
  visitor: Visitor,
  domain: DomainView,
  { alias, form, problem }: { alias: Alias; form: AliasForm; problem: Problem | null },
): Promise<Response> {
  const mailboxes = await suggestions(c, visitor);
  const paused = alias.destinations.filter(({ pausedAt }) => pausedAt !== null);
  const view = <EditForm {...{ visitor, domain, id: alias.id, form, problem, mailboxes, paused }} />;
  return page(c, visitor, { title: "Edit alias", at: "domains", status: problem === null ? 200 : 422 }, view);
}
