/** The automatic answer of an alias. */
import { z } from "zod";
import { aliasFor } from "../../directory/aliases.ts";
import { notFound } from "../../directory/problem.ts";
import { removeVacation, setVacation, vacationOf } from "../../directory/vacations.ts";
import { within } from "../row.ts";
import { domainParams, id } from "../shapes.ts";

const tag = "Aliases";
const path = "/domains/:domain/aliases/:alias/vacation";
const params = domainParams.extend({ alias: id });
const time = z.int().nonnegative().nullable().default(null);

const input = z.object({
  subject: z.string().max(200).default("").describe("Empty: “Auto:” and the subject of the message"),
  text: z.string().min(1).max(10_000),
  startsAt: time.describe("UTC milliseconds; null: at once"),
  endsAt: time.describe("UTC milliseconds; null: until it is switched off"),
  everyDays: z.int().min(1).max(90).default(7).describe("A sender is answered once in so many days"),
  enabled: z.boolean().default(true),
});
const shape = input.extend({ alias: id });

export const vacationRows = [
  within("member", "aliases:read", {
    method: "GET",
    path,
    name: "vacation",
    tag,
    says: "An alias's automatic answer",
    params,
    answer: shape,
    async run(call) {
      const alias = await aliasFor(call.world, call.domain.id, call.params.alias);
      const row = await vacationOf(call.world, alias.id);
      if (row === null) throw notFound("automatic answer");
      return row;
    },
  }),
  within("admin", "aliases:write", {
    method: "PUT",
    path,
    name: "setVacation",
    tag,
    says: "Answer mail to an alias automatically, each sender once in so many days",
    params,
    body: input,
    answer: shape,
    async run(call) {
      const alias = await aliasFor(call.world, call.domain.id, call.params.alias);
      return setVacation(call.world, alias, call.body);
    },
  }),
  within("admin", "aliases:write", {
    method: "DELETE",
    path,
    name: "removeVacation",
    tag,
    says: "Answer no more",
    params,
    async run(call) {
      await removeVacation(call.world, await aliasFor(call.world, call.domain.id, call.params.alias));
    },
  }),
];
