/** Mailboxes. Keys are made by the client; what comes here is a public key and wrapped copies of a key we never see. */
import { z } from "zod";
import { keyslotSchema } from "../../../src/core/contract/mailbox.ts";
import { tryByHand, waitingAt, waitingPage } from "../../by-hand.ts";
import { domainNamed, domainOfAccount, domainsOf } from "../../directory/domains.ts";
import { checkTyped, copiesGoneAt, eraseMailbox } from "../../directory/erase.ts";
import { mailboxPage } from "../../directory/mailbox-list.ts";
import {
  addMailbox,
  addSlot,
  type Mailbox,
  mailboxAddress,
  mailboxById,
  mailboxRecord,
  revokeSlot,
  setQuota,
  slotsOf,
} from "../../directory/mailboxes.ts";
import { notFound } from "../../directory/problem.ts";
import { rotateMailbox } from "../../directory/rotate.ts";
import { openEdge } from "../../platform.ts";
import { cursorOf, readCursor } from "../paging.ts";
import { personal, within } from "../row.ts";
import {
  cursorQuery,
  id,
  mailboxInput,
  mailboxShape,
  page,
  retriedShape,
  rotationInput,
  slotShape,
  time,
  waitingShape,
} from "../shapes.ts";
import { tellNode, tellOfErasing } from "../tell-node.ts";

const tag = "Mailboxes";
const params = z.object({ mailbox: id });
const slotParams = params.extend({ slot: z.string().min(1).max(64) });
const whole = mailboxShape.extend({ keyslots: z.array(slotShape) });

type OfMailbox = { world: Parameters<typeof mailboxById>[0]; params: { mailbox: string } };

/** The mailbox's domain decides who may. */
async function domainOf(call: OfMailbox): Promise<string | null> {
  return (await mailboxById(call.world, call.params.mailbox))?.domain ?? null;
}

async function here(call: OfMailbox): Promise<Mailbox> {
  const found = await mailboxById(call.world, call.params.mailbox);
  if (found === null) throw notFound("mailbox");
  return found;
}

async function withSlots(call: OfMailbox): Promise<z.input<typeof whole>> {
  const found = await here(call);
  return { ...found, keyslots: await slotsOf(call.world, found.id) };
}

export const mailboxRows = [
  personal("mailboxes:read", {
    method: "GET",
    path: "/mailboxes",
    name: "mailboxes",
    tag,
    says: "The mailboxes of your domains",
    byDomain: true,
    query: cursorQuery.extend({ text: z.string().max(320).optional().describe("Part of the address") }),
    answer: page(mailboxShape),
    async run(call) {
      const domains = (await domainsOf(call.world, call.visitor.account.id)).map((domain) => domain.id);
      const { after, limit, text } = call.query;
      const from = after === undefined ? undefined : readCursor(after);
      const { rows, next } = await mailboxPage(call.world, { domains, text, after: from, limit });
      return { items: rows, next: next === null ? null : cursorOf(next) };
    },
  }),
  within("admin", "mailboxes:write", {
    method: "POST",
    path: "/mailboxes",
    name: "addMailbox",
    tag,
    says: "Add a mailbox whose keys the client has made",
    body: mailboxInput,
    answer: mailboxShape,
    status: 201,
    async domainOf({ world, visitor, body }) {
      const { domain: name } = mailboxAddress(body.address);
      return (await domainNamed(world, name))?.id ?? domainOfAccount(world, visitor.account.id, name);
    },
    async run(call) {
      const { address } = mailboxAddress(call.body.address);
      const added = await addMailbox(call.world, { ...call.body, address, domain: call.domain.id });
      await tellNode(call, added.id);
      return (await mailboxById(call.world, added.id)) ?? added;
    },
  }),
  within("member", "mailboxes:read", {
    method: "GET",
    path: "/mailboxes/:mailbox",
    name: "mailbox",
    tag,
    says: "One mailbox and its devices",
    params,
    answer: whole,
    domainOf,
    run: withSlots,
  }),
  within("admin", "mailboxes:write", {
    method: "PATCH",
    path: "/mailboxes/:mailbox",
    name: "changeMailbox",
    tag,
    says: "Give a mailbox more room or less; what is in it stays",
    params,
    body: mailboxInput.pick({ quotaBytes: true }),
    answer: whole,
    domainOf,
    async run(call) {
      await setQuota(call.world, await here(call), call.body.quotaBytes);
      await tellNode(call, call.params.mailbox);
      return withSlots(call);
    },
  }),
  within("admin", "mailboxes:write", {
    method: "GET",
    path: "/mailboxes/:mailbox/keyslots",
    name: "keyslots",
    tag,
    says: "The wrapped copies of the mailbox's key, for somebody who can open one of them",
    params,
    answer: page(keyslotSchema),
    domainOf,
    run: async (call) => ({ items: (await mailboxRecord(call.world, call.params.mailbox)).keyslots, next: null }),
  }),
  within("admin", "mailboxes:write", {
    method: "POST",
    path: "/mailboxes/:mailbox/keyslots",
    name: "addKeyslot",
    tag,
    says: "Add a device: one more wrapped copy of the mailbox's key, made by somebody who has it",
    params,
    body: keyslotSchema,
    answer: whole,
    status: 201,
    domainOf,
    async run(call) {
      await addSlot(call.world, await here(call), call.body);
      await tellNode(call, call.params.mailbox);
      return withSlots(call);
    },
  }),
  within("admin", "mailboxes:write", {
    method: "POST",
    path: "/mailboxes/:mailbox/rotate",
    name: "rotateMailbox",
    tag,
    says: "Change the mailbox's key after a theft: new public key and slots, every old slot revoked, in one step",
    params,
    body: rotationInput,
    answer: whole,
    proof: true,
    domainOf,
    async run(call) {
      await rotateMailbox(call.world, await here(call), call.body);
      await tellNode(call, call.params.mailbox);
      return withSlots(call);
    },
  }),
  within("member", "mailboxes:read", {
    method: "GET",
    path: "/mailboxes/:mailbox/waiting",
    name: "waiting",
    tag,
    says: "Sealed mail at the edge that the mailbox's node has not taken yet, in no order of time",
    params,
    query: cursorQuery,
    answer: page(waitingShape),
    domainOf,
    async run(call) {
      const edge = openEdge(call.env, { waitUntil: call.later });
      const { after, limit } = call.query;
      const from = after === undefined ? null : readCursor(after);
      const { items, next } = await waitingPage(edge, await here(call), { after: from, limit });
      return { items, next: next === null ? null : cursorOf(next) };
    },
  }),
  within("admin", "mailboxes:write", {
    method: "POST",
    path: "/mailboxes/:mailbox/waiting/retry",
    name: "retryWaiting",
    tag,
    says: "Hand over now what waits, also what was given up after five days",
    params,
    answer: retriedShape,
    domainOf,
    async run(call) {
      const edge = openEdge(call.env, { waitUntil: call.later });
      const waiting = await waitingAt(edge, await here(call), true);
      return { waiting: waiting.length, first: await tryByHand(edge, waiting) };
    },
  }),
  within("admin", "mailboxes:write", {
    method: "DELETE",
    path: "/mailboxes/:mailbox",
    name: "removeMailbox",
    tag,
    says: "Delete a mailbox and all its mail, for ever. Aliases that file into it alone are switched off",
    params,
    query: z.object({ address: z.string().max(320).default("").describe("The mailbox's whole address, to be sure") }),
    answer: z.object({ copiesGoneAt: time.describe("When backups and the directory's history hold nothing of it") }),
    proof: true,
    domainOf,
    async run(call) {
      const box = await here(call);
      checkTyped(box, call.query.address);
      await eraseMailbox(call.world, box);
      await tellOfErasing(call, box);
      return { copiesGoneAt: copiesGoneAt(call.world.clock()) };
    },
  }),
  within("admin", "mailboxes:write", {
    method: "DELETE",
    path: "/mailboxes/:mailbox/keyslots/:slot",
    name: "revokeKeyslot",
    tag,
    says: "Revoke a device; its sessions end at once",
    params: slotParams,
    domainOf,
    async run(call) {
      await revokeSlot(call.world, await here(call), call.params.slot);
      await tellNode(call, call.params.mailbox);
    },
  }),
];
