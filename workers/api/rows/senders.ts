/** Allow and deny lists (F10): of a domain, of one alias, and one's own for every domain that one owns. The nearest decides. */
import { z } from "zod";
import { aliasFor } from "../../directory/aliases.ts";
import { addSenderRule, type ListOf, removeSenderRule, senderRulePage } from "../../directory/sender-rules.ts";
import { type Personal, personal, type Within, within } from "../row.ts";
import { cursorQuery, domainParams, id, page } from "../shapes.ts";

const tag = "Senders";
const ruleShape = z.object({
  id,
  act: z.enum(["allow", "deny"]),
  match: z.string(),
  value: z.string(),
  answer: z.enum(["reject", "drop"]),
  createdAt: z.int().describe("UTC milliseconds"),
});
const newRule = z.object({
  act: z.enum(["allow", "deny"]),
  value: z.string().min(1).max(320),
  answer: z.enum(["reject", "drop"]).default("reject").describe("What a denied sender is told"),
});
const rule = z.object({ rule: id });
const aliasParams = domainParams.extend({ alias: id });
const add = "Allow or deny an address, a domain, a last label or a network";
const remove = "Take somebody off the list";

const ofDomain = ({ domain }: Within): ListOf => ({ id: domain.id, domain: domain.id });
const ofAccount = ({ visitor }: Personal): ListOf => ({ id: visitor.account.id, domain: null });

/** An alias of this very domain, or 404. */
async function ofAlias({ world, domain, params }: Within & { params: { alias: string } }): Promise<ListOf> {
  return { id: (await aliasFor(world, domain.id, params.alias)).id, domain: domain.id };
}

export const senderRows = [
  within("member", "aliases:read", {
    method: "GET",
    path: "/domains/:domain/senders",
    name: "senderRules",
    tag,
    says: "The domain's allow and deny list",
    params: domainParams,
    query: cursorQuery,
    answer: page(ruleShape),
    run: (call) => senderRulePage(call.world, call.domain.id, call.query),
  }),
  within("admin", "aliases:write", {
    method: "POST",
    path: "/domains/:domain/senders",
    name: "addSenderRule",
    tag,
    says: add,
    params: domainParams,
    body: newRule,
    answer: ruleShape,
    status: 201,
    run: (call) => addSenderRule(call.world, ofDomain(call), call.body),
  }),
  within("admin", "aliases:write", {
    method: "DELETE",
    path: "/domains/:domain/senders/:rule",
    name: "removeSenderRule",
    tag,
    says: remove,
    params: domainParams.extend(rule.shape),
    run: (call) => removeSenderRule(call.world, ofDomain(call), call.params.rule),
  }),
  within("member", "aliases:read", {
    method: "GET",
    path: "/domains/:domain/aliases/:alias/senders",
    name: "aliasSenderRules",
    tag,
    says: "An alias's allow and deny list, which goes before the domain's",
    params: aliasParams,
    query: cursorQuery,
    answer: page(ruleShape),
    run: async (call) => senderRulePage(call.world, (await ofAlias(call)).id, call.query),
  }),
  within("admin", "aliases:write", {
    method: "POST",
    path: "/domains/:domain/aliases/:alias/senders",
    name: "addAliasSenderRule",
    tag,
    says: `${add}, for one alias`,
    params: aliasParams,
    body: newRule,
    answer: ruleShape,
    status: 201,
    run: async (call) => addSenderRule(call.world, await ofAlias(call), call.body),
  }),
  within("admin", "aliases:write", {
    method: "DELETE",
    path: "/domains/:domain/aliases/:alias/senders/:rule",
    name: "removeAliasSenderRule",
    tag,
    says: `${remove} of an alias`,
    params: aliasParams.extend(rule.shape),
    run: async (call) => removeSenderRule(call.world, await ofAlias(call), call.params.rule),
  }),
  personal("aliases:read", {
    method: "GET",
    path: "/account/senders",
    name: "ownSenderRules",
    tag,
    says: "Your own allow and deny list: it holds for every domain that you own, behind the domain's",
    query: cursorQuery,
    answer: page(ruleShape),
    run: (call) => senderRulePage(call.world, call.visitor.account.id, call.query),
  }),
  personal("aliases:write", {
    method: "POST",
    path: "/account/senders",
    name: "addOwnSenderRule",
    tag,
    says: `${add}, in all domains that you own`,
    body: newRule,
    answer: ruleShape,
    status: 201,
    run: (call) => addSenderRule(call.world, ofAccount(call), call.body),
  }),
  personal("aliases:write", {
    method: "DELETE",
    path: "/account/senders/:rule",
    name: "removeOwnSenderRule",
    tag,
    says: `${remove} that is your own`,
    params: rule,
    run: (call) => removeSenderRule(call.world, ofAccount(call), call.params.rule),
  }),
];
