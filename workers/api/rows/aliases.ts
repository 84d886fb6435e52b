/** Aliases of a domain. */
import { z } from "zod";
import { definitionSchema } from "../../../src/core/rules/import/definition.ts";
import { askDestinations } from "../../ask-destinations.ts";
import { aliases } from "../../directory/alias-list.ts";
import { addAlias, aliasFor, changeAlias, changeAliases, removeAliases } from "../../directory/aliases.ts";
import { resumeDestination } from "../../directory/destinations.ts";
import { notFound } from "../../directory/problem.ts";
import { redirectAliases } from "../../directory/redirect.ts";
import { applyImport, planImport } from "../../directory/transfer.ts";
import { WrongFields } from "../problem.ts";
import { within } from "../row.ts";
import { aliasChange, aliasInput, aliasQuery, aliasShape, domainParams, id, page } from "../shapes.ts";

const tag = "Aliases";
const params = domainParams.extend({ alias: id });
const ids = z.array(id).min(1).max(1000);

/** Counted from 1 where they are told. */
const fieldOf = (at: number | null): string => (at === null ? "aliases" : `aliases.${at - 1}`);

export const aliasRows = [
  within("member", "aliases:read", {
    method: "GET",
    path: "/domains/:domain/aliases",
    name: "aliases",
    tag,
    says: "A domain's aliases, in the order asked for",
    params: domainParams,
    query: aliasQuery,
    answer: page(aliasShape).extend({ total: z.int() }),
    async run(call) {
      const { rows, next, total } = await aliases(call.world, call.domain.id, call.query);
      return { items: rows, next, total };
    },
  }),
  within("admin", "aliases:write", {
    method: "POST",
    path: "/domains/:domain/aliases",
    name: "addAlias",
    tag,
    says: "Add an alias",
    params: domainParams,
    body: aliasInput,
    answer: aliasShape,
    status: 201,
    async run(call) {
      const added = await addAlias(call.world, call.visitor.account.id, call.domain.id, call.body);
      askDestinations(call, call.domain.name, added.destinations);
      return added;
    },
  }),
  within("admin", "aliases:write", {
    method: "POST",
    path: "/domains/:domain/aliases/bulk",
    name: "bulkAliases",
    tag,
    says: "Switch on, switch off, change, redirect or delete many aliases at once",
    params: domainParams,
    body: z.discriminatedUnion("act", [
      z.object({ ids, act: z.enum(["enable", "disable", "delete"]) }),
      z.object({
        ids,
        act: z.literal("change"),
        to: aliasChange.pick({ disabledReply: true, note: true, labels: true }),
      }),
      z.object({ ids, act: z.literal("redirect"), destinations: aliasInput.shape.destinations }),
    ]),
    answer: z.object({ changed: z.int() }),
    async run(call) {
      const { world, domain, body } = call;
      if (body.act === "redirect") {
        const done = await redirectAliases(world, call.visitor.account.id, domain.id, body.ids, body.destinations);
        askDestinations(call, domain.name, done.destinations);
        return { changed: done.changed };
      }
      if (body.act === "delete") return { changed: await removeAliases(world, domain.id, body.ids) };
      const to = body.act === "change" ? body.to : ({ state: body.act === "enable" ? "active" : "disabled" } as const);
      return { changed: await changeAliases(world, domain.id, body.ids, to) };
    },
  }),
  within("admin", "aliases:write", {
    method: "PUT",
    path: "/domains/:domain/aliases",
    name: "setAliases",
    tag,
    says: "Make or change many aliases at once, told by kind and pattern, in the export's words: all of them or none",
    params: domainParams,
    body: z.object({
      aliases: z.array(definitionSchema).min(1).max(1000),
      replace: z.boolean().default(false).describe("What is not named is removed"),
    }),
    answer: z.object({ created: z.int(), changed: z.int(), removed: z.int(), unchanged: z.int() }),
    async run({ world, domain, body }) {
      const input = {
        source: "postern",
        text: JSON.stringify(body.aliases),
        mode: body.replace ? "replace" : "add",
      } as const;
      const planned = await planImport(world, domain, input);
      const wrong = planned.problems.filter(({ level }) => level === "error");
      if (wrong.length > 0) throw new WrongFields(wrong.map(({ at, text }) => ({ field: fieldOf(at), message: text })));
      await applyImport(world, domain, planned);
      const { create, change, remove, unchanged } = planned.plan;
      return { created: create.length, changed: change.length, removed: remove.length, unchanged: unchanged.length };
    },
  }),
  within("member", "aliases:read", {
    method: "GET",
    path: "/domains/:domain/aliases/:alias",
    name: "alias",
    tag,
    says: "One alias",
    params,
    answer: aliasShape,
    run: (call) => aliasFor(call.world, call.domain.id, call.params.alias),
  }),
  within("admin", "aliases:write", {
    method: "PATCH",
    path: "/domains/:domain/aliases/:alias",
    name: "changeAlias",
    tag,
    says: "Change an alias; destinations are given as a whole, those that stay keep their health",
    params,
    body: aliasChange,
    answer: aliasShape,
    async run(call) {
      const of = await aliasFor(call.world, call.domain.id, call.params.alias);
      const changed = await changeAlias(call.world, call.visitor.account.id, of, call.body);
      askDestinations(call, call.domain.name, changed.destinations);
      return changed;
    },
  }),
  within("admin", "aliases:write", {
    method: "POST",
    path: "/domains/:domain/aliases/:alias/destinations/:destination/resume",
    name: "resumeDestination",
    tag,
    says: "Send mail again to a destination that was paused after refusals",
    params: params.extend({ destination: id }),
    run: (call) => resumeDestination(call.world, call.domain.id, call.params.alias, call.params.destination),
  }),
  within("admin", "aliases:write", {
    method: "DELETE",
    path: "/domains/:domain/aliases/:alias",
    name: "removeAlias",
    tag,
    says: "Delete an alias",
    params,
    async run(call) {
      if ((await removeAliases(call.world, call.domain.id, [call.params.alias])) === 0) throw notFound("alias");
    },
  }),
];
