/** Lists of senders allowed or denied: a domain's, an alias's, and one's own for all domains that one owns. */
import { type Context, Hono } from "hono";
import { z } from "zod";
import { aliasFor } from "../../directory/aliases.ts";
import type { DomainView } from "../../directory/domains.ts";
import { addSenderRule, type ListOf, removeSenderRule, senderRulesOf } from "../../directory/sender-rules.ts";
import type { App, Visitor } from "../../sign-in/visitor.ts";
import { attempt, formOf, signedIn } from "../guard.tsx";
import { domainHere } from "../reader.ts";
import { type SenderList, SendersView } from "../sender-views.tsx";
import { page } from "../shell.tsx";

export const senderPages = new Hono<App>();

const ownList = "/senders";

type Here = { domain: DomainView | null; list: SenderList; scope: ListOf };

/** One's own list has no domain. `change`: whoever changes another must be an admin of its domain. */
async function here(c: Context<App>, visitor: Visitor, change: boolean): Promise<Here> {
  if (c.req.param("domain") === undefined) {
    const list: SenderList = { of: "account", path: ownList, name: "" };
    return { domain: null, list, scope: { id: visitor.account.id, domain: null } };
  }
  const domain = await domainHere(c, visitor, change ? "admin" : "member");
  const id = c.req.param("alias");
  if (id === undefined) {
    const list: SenderList = { of: "domain", path: `/domains/${domain.id}/senders`, name: domain.name };
    return { domain, list, scope: { id: domain.id, domain: domain.id } };
  }
  const alias = await aliasFor(c.get("world"), domain.id, id);
  const path = `/domains/${domain.id}/aliases/${alias.id}/senders`;
  const list: SenderList = { of: "alias", path, name: `${alias.pattern}@${domain.name}` };
  return { domain, list, scope: { id: alias.id, domain: domain.id } };
}

const ruleForm = z.object({
  value: z.string().max(320),
  act: z.enum(["allow", "deny"]),
  answer: z.enum(["reject", "drop"]).default("reject"),
});

const show = signedIn(async (c, visitor) => {
  const { domain, list, scope } = await here(c, visitor, false);
  const rules = await senderRulesOf(c.get("world"), scope.id);
  const view = <SendersView {...{ visitor, domain, list, rules, value: "", problem: null }} />;
  return page(c, visitor, { title: titleOf(domain), at: "domains" }, view);
});

const add = signedIn(async (c, visitor) => {
  const { domain, list, scope } = await here(c, visitor, true);
  const form = await formOf(c, visitor, ruleForm);
  const world = c.get("world");
  const tried = await attempt(() => addSenderRule(world, scope, form));
  if (tried.ok) return c.redirect(`${list.path}?done=rule-added`, 303);
  const rules = await senderRulesOf(world, scope.id);
  const view = <SendersView {...{ visitor, domain, list, rules, value: form.value, problem: tried.problem }} />;
  return page(c, visitor, { title: titleOf(domain), at: "domains", status: 422 }, view);
});

const remove = signedIn(async (c, visitor) => {
  const { list, scope } = await here(c, visitor, true);
  const { rule } = await formOf(c, visitor, z.object({ rule: z.string().max(26) }));
  await removeSenderRule(c.get("world"), scope, rule);
  return c.redirect(`${list.path}?done=rule-removed`, 303);
});

function titleOf(domain: DomainView | null): string {
  return domain === null ? "Senders" : `Senders · ${domain.name}`;
}

senderPages.get("/domains/:domain/senders", show);
senderPages.post("/domains/:domain/senders", add);
senderPages.post("/domains/:domain/senders/remove", remove);
senderPages.get("/domains/:domain/aliases/:alias/senders", show);
senderPages.post("/domains/:domain/aliases/:alias/senders", add);
senderPages.post("/domains/:domain/aliases/:alias/senders/remove", remove);
senderPages.get("/senders", show);
senderPages.post("/senders", add);
senderPages.post("/senders/remove", remove);
