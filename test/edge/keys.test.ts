/** A mailbox's key changed and the mailbox deleted, at the edge: one revision or nothing, what the node is told, what is kept. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { toBase64, utf8, utf8Decode } from "../../src/core/bytes.ts";
import { type Keyslot, type MailboxRecord, mailboxRecordSchema } from "../../src/core/contract/mailbox.ts";
import {
  makeAppPassword,
  makeRecoveryCode,
  newMailbox,
  parseAppPassword,
  parseRecoveryCode,
  publicHalf,
  type SlotFacts,
  unwrapKey,
  wrapKey,
} from "../../src/core/seal/keys.ts";
import { openPrevious, rotateKeys } from "../../src/core/seal/rotate.ts";
import { random } from "../../src/daemon/platform.ts";
import { postern } from "../postern.ts";
import { ApiClient } from "./api-client.ts";
import { type Edge, letter, openFor, startEdge } from "./world.ts";

let edge: Edge;
let owner: ApiClient;
let domain = "";

beforeAll(async () => {
  edge = await startEdge({ "friendly.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] } });
  await edge.addNode();
  owner = await ApiClient.owner(edge.url);
  domain = await owner.domain("a.test", { node: edge.node.id, active: true });
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge?.close());

function slot(mailboxId: string, masterKey: Uint8Array, kind: "app-password" | "recovery-code"): Keyslot {
  const { selector, secret } = (kind === "app-password" ? makeAppPassword : makeRecoveryCode)(random);
  const facts: SlotFacts = { id: edge.newId(), kind, selector, label: kind, createdAt: Date.now(), mailboxId };
  return wrapKey(masterKey, secret, facts, random);
}

const slots = (mailboxId: string, masterKey: Uint8Array): Keyslot[] => [
  slot(mailboxId, masterKey, "app-password"),
  slot(mailboxId, masterKey, "recovery-code"),
];

async function addMailbox(address: string) {
  const made = newMailbox(edge.newId(), random);
  const { mailboxId: id, masterKey, keyId } = made;
  const body = { id, address, node: edge.node.id, publicKey: toBase64(made.publicKey), keyId, quotaBytes: 1e9 };
  expect((await owner.post("/mailboxes", { ...body, keyslots: slots(id, masterKey) })).status).toBe(201);
  return { id, masterKey, keyId };
}

/** What the node was told of the mailbox last. */
function told(id: string): MailboxRecord {
  const calls = edge.node.taken.filter(({ path }) => path === "/handoff/mailbox");
  const records = calls.map(({ body }) => mailboxRecordSchema.parse(JSON.parse(utf8Decode(body)).mailbox));
  const last = records.findLast((one) => one.id === id);
  if (last === undefined) throw new Error("the node was told nothing");
  return last;
}

function rotation(id: string, masterKey: Uint8Array, revision: number) {
  const next = rotateKeys(id, masterKey, random);
  const { publicKey, keyId, previous } = next;
  const body = { revision, publicKey: toBase64(publicKey), keyId, previous, keyslots: slots(id, next.masterKey) };
  return { masterKey: next.masterKey, body };
}

const sealedTo = async (to: string, subject: string): Promise<Uint8Array> => {
  await edge.deliver({ from: "bob@friendly.test", to: [to], raw: letter("bob@friendly.test", subject) });
  const { body } = await edge.node.next(
    ({ path, body: sealed }) => path === "/handoff/message" && !seen.has(sealed) && seen.add(sealed) !== null,
  );
  return body;
};
const seen = new Set<Uint8Array>();

test("a new key is taken over in one revision, and mail is sealed to it from then on", async () => {
  const { id, masterKey, keyId } = await addMailbox("ana@a.test");
  const old = await sealedTo("ana@a.test", "before");
  const next = rotation(id, masterKey, 1);
  const { status, body } = await owner.post(`/mailboxes/${id}/rotate`, next.body);
  expect(status, JSON.stringify(body)).toBe(200);
  expect(body).toMatchObject({ revision: 2, keyId: next.body.keyId });
  const record = told(id);
  expect(record.keyslots.filter(({ revokedAt }) => revokedAt === null).map((one) => one.id)).toEqual(
    expect.arrayContaining(next.body.keyslots.map((one) => one.id)),
  );
  expect(record.keyslots.filter(({ revokedAt }) => revokedAt !== null)).toHaveLength(2);
  const [previous] = record.previous ?? [];
  expect(previous?.keyId).toBe(keyId);
  expect(previous && openPrevious(next.masterKey, id, previous)).toEqual(Uint8Array.from(masterKey));
  const fresh = await sealedTo("ana@a.test", "after");
  expect(utf8Decode(openFor(next, fresh).raw)).toContain("after");
  expect(() => openFor(next, old)).toThrow();
});

test("a rotation of what has changed since changes nothing", async () => {
  const { id, masterKey } = await addMailbox("race@a.test");
  const { body: first } = rotation(id, masterKey, 1);
  const { body: second } = rotation(id, masterKey, 1);
  const answers = await Promise.all([first, second].map((body) => owner.post(`/mailboxes/${id}/rotate`, body)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  const [won] = answers.filter(({ status }) => status === 200);
  const record = told(id);
  expect(record).toMatchObject({ revision: 2, keyId: won?.body["keyId"] });
  expect(record.keyslots.filter(({ revokedAt }) => revokedAt === null)).toHaveLength(2);
  expect(record.previous).toHaveLength(1);
  const stranger = rotation(id, random(32), 2); // made around a key that was never this mailbox's
  expect((await owner.post(`/mailboxes/${id}/rotate`, stranger.body)).body).toMatchObject({
    code: "changed-meanwhile",
  });
});

test("all devices revoked at once, of many mailboxes: the last way in stays", async () => {
  const boxes = [];
  for (let n = 0; n < 8; n++) boxes.push((await addMailbox(`both-${n}@a.test`)).id);
  const slotsOf = (id: string) => edge.rows<{ id: string }>("select id from keyslot where mailbox = ?", id);
  const paths = await Promise.all(
    boxes.map(async (id) => (await slotsOf(id)).map((one) => `/mailboxes/${id}/keyslots/${one.id}`)),
  );
  const answers = await Promise.all(paths.flat().map((path) => owner.delete(path)));
  for (const id of boxes) {
    expect(await edge.rows("select id from keyslot where mailbox = ? and revoked_at is null", id)).toHaveLength(1);
    expect(told(id).revision).toBe(2);
  }
  const refused = answers.filter(({ status }) => status !== 204);
  expect(refused.map(({ status, body }) => [status, body["code"]])).toEqual(boxes.map(() => [409, "last-slot"]));
});

test("a directory put back to an older state: what is revoked then is news to the node all the same", async () => {
  const { id, masterKey } = await addMailbox("older@a.test");
  await edge.rows("update mailbox set applied_revision = 7 where id = ?", id); // as the next heartbeat notes it
  const [first] = await edge.rows<{ id: string }>("select id from keyslot where mailbox = ?", id);
  expect((await owner.delete(`/mailboxes/${id}/keyslots/${first?.id}`)).status).toBe(204);
  expect(told(id).revision).toBe(8);
  expect((await owner.post(`/mailboxes/${id}/rotate`, rotation(id, masterKey, 8).body)).body).toMatchObject({
    revision: 9,
  });
});

test("a proof that is too old is asked for again, for both", async () => {
  const { id, masterKey } = await addMailbox("proof@a.test");
  await edge.env.DIRECTORY.exec("update session set proved_at = 0");
  const { body } = rotation(id, masterKey, 1);
  expect((await owner.post(`/mailboxes/${id}/rotate`, body)).body).toMatchObject({ status: 403, code: "prove-again" });
  const gone = `/mailboxes/${id}?address=proof@a.test`;
  expect((await owner.delete(gone)).body).toMatchObject({ status: 403, code: "prove-again" });
  await owner.post("/session/proof", { password: "a long demo password" });
  expect((await owner.post(`/mailboxes/${id}/rotate`, body)).status).toBe(200);
});

test("a deleted mailbox leaves no key, no spool and no alias behind, and its address is free", async () => {
  const { id } = await addMailbox("gone@a.test");
  const only = await edge.addAlias(domain, "only", [["mailbox", id]]);
  const both = await edge.addAlias(domain, "both", [
    ["mailbox", id],
    ["address", "me@elsewhere.test"],
  ]);
  edge.node.answer = ({ path }) => (path === "/handoff/message" ? 503 : 200);
  await edge.deliver({ from: "bob@friendly.test", to: ["only@a.test"], raw: letter("bob@friendly.test", "late") });
  const spooled = async (): Promise<number> =>
    (await edge.env.SPOOL.list({ prefix: `${edge.node.id}/${id}/` })).objects.length;
  expect(await spooled()).toBe(1);
  edge.node.answer = () => 200;
  expect((await owner.delete(`/mailboxes/${id}?address=other@a.test`)).body).toMatchObject({ code: "not-confirmed" });
  const { status, body } = await owner.delete(`/mailboxes/${id}?address=Gone@a.test`);
  expect(status, JSON.stringify(body)).toBe(200);
  expect(Number(body["copiesGoneAt"])).toBeGreaterThan(Date.now());
  expect(told(id)).toMatchObject({ state: "deleted", keyslots: [] });
  expect(await spooled()).toBe(0);
  expect(await edge.rows("select id from keyslot where mailbox = ?", id)).toEqual([]);
  const states = await edge.rows("select id, state from alias where id in (?, ?) order by pattern desc", only, both);
  expect(states).toEqual([
    { id: only, state: "disabled" },
    { id: both, state: "active" },
  ]);
  const late = await edge.deliver({ from: "bob@friendly.test", to: ["gone@a.test"], raw: letter("bob@friendly.test") });
  expect(late.outcomes[0]).toMatchObject({ kind: "refused", code: 550 });
  expect((await owner.get(`/mailboxes/${id}`)).status).toBe(404);
  await addMailbox("gone@a.test");
  const [log] = await edge.rows<{ n: number }>("select count(*) as n from audit where act = 'mailbox.removed'");
  expect(log?.n).toBe(1);
});

test("a mailbox made by command: its keys never leave that machine, mail sealed to it opens with what it printed", async () => {
  const key = String((await owner.post("/account/keys", { name: "cli", scopes: ["mailboxes:write"] })).body["text"]);
  const args = ["mailbox", "add", "Cli@a.test", "--edge", edge.url.href, "--node", edge.node.id];
  const made = await postern(args, key);
  expect(made.code).toBe(0);
  const { id, address, appPassword, recoveryCode } = JSON.parse(made.out);
  expect(address).toBe("cli@a.test");
  const record = told(id);
  for (const parsed of [parseAppPassword(utf8(appPassword)), parseRecoveryCode(utf8(recoveryCode))]) {
    const slot = record.keyslots.find((one) => one.selector === parsed?.selector);
    if (!parsed || !slot) throw new Error("no slot for what was printed");
    const masterKey = unwrapKey(slot, id, parsed.secret);
    expect(masterKey === null ? null : publicHalf(masterKey).keyId).toBe(record.keyId);
  }
  const again = await postern(args, key);
  expect(again.code).toBe(1);
  expect(again.err).toContain("409");
  expect((await postern(args, "pst_wrong")).err).toContain("401");
});
