/** Aliases of a domain. */
import { z } from "zod";
import { askDestinations } from "../../ask-destinations.ts";
import { aliases } from "../../directory/alias-list.ts";
import { addAlias, aliasFor, changeAlias, removeAliases, setAliasState } from "../../directory/aliases.ts";
import { resumeDestination } from "../../directory/destinations.ts";
import { notFound } from "../../directory/problem.ts";
import { within } from "../row.ts";
import { aliasChange, aliasInput, aliasQuery, aliasShape, domainParams, id, page } from "../shapes.ts";

const tag = "Aliases";
const params = domainParams.extend({ alias: id });
const ids = z.array(id).min(1).max(1000);

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
    says: "Switch on, switch off or delete many aliases at once",
    params: domainParams,
    body: z.object({ ids, act: z.enum(["enable", "disable", "delete"]) }),
    answer: z.object({ changed: z.int() }),
    async run(call) {
      const { ids: which, act } = call.body;
      if (act === "delete") return { changed: await removeAliases(call.world, call.domain.id, which) };
      const state = act === "enable" ? "active" : "disabled";
      return { changed: await setAliasState(call.world, call.domain.id, which, state) };
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
