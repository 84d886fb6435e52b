/** Domains. */

import { z } from "zod";
import { ownershipRecord } from "../../../src/core/health/records.ts";
import { foldDomain } from "../../directory/address.ts";
import { addDomain, domainFor, domainPage, removeDomain, setDomainNode } from "../../directory/domains.ts";
import { nodeById } from "../../directory/nodes.ts";
import { Problem } from "../../directory/problem.ts";
import { personal, within } from "../row.ts";
import { cursorQuery, domainInput, domainParams, domainShape, page } from "../shapes.ts";

const tag = "Domains";

export const domainRows = [
  personal("domains:read", {
    method: "GET",
    path: "/domains",
    name: "domains",
    tag,
    says: "The domains you belong to",
    byDomain: true,
    query: cursorQuery,
    answer: page(domainShape),
    run: (call) => domainPage(call.world, call.visitor.account.id, call.query),
  }),
  personal("domains:write", {
    method: "POST",
    path: "/domains",
    name: "addDomain",
    tag,
    says: "Add a domain; you become its owner. It receives once its owner record is found",
    body: domainInput,
    answer: domainShape,
    status: 201,
    async run(call) {
      const { account } = call.visitor;
      const name = foldDomain(call.body.name);
      if (name === null)
        throw new Problem(422, "bad-domain", "Write a domain name, such as example.com.", { field: "name" });
      if (call.body.active && !account.operator)
        throw new Problem(403, "operator-only", "Only the operator may skip the owner's proof.", { field: "active" });
      if (call.body.node !== null && (await nodeById(call.world, call.body.node)) === null)
        throw new Problem(422, "no-such-node", "There is no such node.", { field: "node" });
      const { id } = await addDomain(call.world, account.id, {
        name,
        node: call.body.node,
        active: call.body.active === true,
      });
      return domainFor(call.world, account.id, id);
    },
  }),
  within("member", "domains:read", {
    method: "GET",
    path: "/domains/:domain",
    name: "domain",
    tag,
    says: "One domain, with the record that proves its owner",
    params: domainParams,
    answer: domainShape.extend({ ownership: z.object({ name: z.string(), value: z.string() }) }),
    run: async (call) => ({ ...call.domain, ownership: ownershipRecord(call.domain) }),
  }),
  within("admin", "domains:write", {
    method: "PATCH",
    path: "/domains/:domain",
    name: "changeDomain",
    tag,
    says: "Change where the domain's mail comes in: at a node's door, or (null) by Cloudflare Email Routing",
    params: domainParams,
    body: z.object({ node: z.string().max(64).nullable() }),
    answer: domainShape,
    async run({ world, visitor, domain, body: { node } }) {
      if (node !== null && (await nodeById(world, node)) === null)
        throw new Problem(422, "no-such-node", "There is no such node.", { field: "node" });
      await setDomainNode(world, domain, node);
      return domainFor(world, visitor.account.id, domain.id);
    },
  }),
  within("owner", "domains:write", {
    method: "DELETE",
    path: "/domains/:domain",
    name: "removeDomain",
    tag,
    says: "Remove a domain with its aliases; refused while it has mailboxes",
    proof: true,
    params: domainParams,
    run: (call) => removeDomain(call.world, call.domain),
  }),
];
