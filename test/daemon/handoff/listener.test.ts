// The hand-off over a real socket, with a real store behind it.
import { createServer, request, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { type CallHeaders, type Manifest, signCall } from "../../../src/core/contract/call.ts";
import { nodePaths } from "../../../src/core/contract/handoff.ts";
import { labels } from "../../../src/core/seal/labels.ts";
import { handoffListener } from "../../../src/daemon/handoff/listener.ts";
import { clock, ed25519PublicOf, nativePrimitives, nodeCrypto } from "../../../src/daemon/platform.ts";
import { Database } from "../../../src/daemon/sqlite/database.ts";
import { makeMailbox, nodeKey, type StoreFixture, storeFixture, texts } from "../store/fixture.ts";

const seed = new Uint8Array(32).fill(3);
const mail = "From: Ann <ann@sender.test>\r\nSubject: hello\r\n\r\nhi\r\n";
const mailbox = makeMailbox("m1", "bob@demo.test");

let fixture: StoreFixture;
let server: Server;
let origin: string;
const relayed: string[] = [];

beforeAll(async () => {
  fixture = await storeFixture();
  const listener = handoffListener({
    node: "node-1",
    edgeKey: ed25519PublicOf(seed),
    crypto: nodeCrypto,
    clock,
    get store() {
      return fixture.store;
    },
    onRelay: async ({ id }, sealed) => void relayed.push(`${id} ${sealed.length}`),
  });
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  await fixture.end();
});

type Twist = {
  manifest?: Partial<Manifest>;
  now?: number;
  seed?: Uint8Array;
  sender?: string;
  path?: string;
  body?: Uint8Array<ArrayBuffer>;
  headers?: (headers: CallHeaders) => Record<string, string>;
};

const headersOf = (signed: Uint8Array<ArrayBuffer>, id: string) => {
  const manifest = {
    audience: "node-1",
    method: "POST" as const,
    path: nodePaths.message,
    id,
    mailbox: "m6",
    epoch: 0,
  };
  return signCall(manifest, signed, { name: "edge", seed }, Date.now(), nodeCrypto);
};

/** Sends a little more than half, and hangs up once the node has some of it on disk. */
async function cutOff(signed: Uint8Array, headers: CallHeaders): Promise<void> {
  const sending = request(origin + nodePaths.message, {
    method: "POST",
    headers: { ...headers, "content-length": String(signed.length) },
  });
  const over = new Promise<void>((resolve) => sending.once("error", () => resolve()));
  sending.write(signed.subarray(0, signed.length / 2 + 200_000));
  await expect.poll(async () => (await readInbox("m6")).pieces).toBeGreaterThan(0);
  sending.destroy(new Error("hung up"));
  await over;
  await expect.poll(async () => (await readInbox("m6")).pieces).toBe(0);
}

/** What the locked inbox's file holds, from beside the store. */
async function readInbox(id: string): Promise<{ arrivals: number; pieces: number }> {
  const key = Buffer.from(nativePrimitives.hkdf(nodeKey, utf8(id), utf8(labels.inboxKey), 32));
  const db = Database.open(join(fixture.dir, "mailboxes", id, "inbox.db"), key, "mailbox/inbox", { readOnly: true });
  const count = (table: string) => db.value<number>(`SELECT count(*) FROM ${table}`) ?? 0;
  const counts = { arrivals: count("arrival"), pieces: count("piece") };
  db.close();
  return counts;
}

async function call(path: string, signed: Uint8Array<ArrayBuffer>, twist: Twist = {}) {
  const manifest = { audience: "node-1", method: "POST" as const, path, id: "h1", ...twist.manifest };
  const identity = { name: twist.sender ?? "edge", seed: twist.seed ?? seed };
  const headers = await signCall(manifest, signed, identity, twist.now ?? Date.now(), nodeCrypto);
  const response = await fetch(origin + (twist.path ?? path), {
    method: "POST",
    headers: twist.headers?.(headers) ?? headers,
    body: twist.body ?? signed,
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

const message = (id: string, twist: Twist = {}) =>
  call(nodePaths.message, mailbox.seal(mail), {
    ...twist,
    manifest: { mailbox: "m1", epoch: 0, id, ...twist.manifest },
  });

describe("the hand-off listener", () => {
  it("applies a record, then takes mail for it, once per id however often it comes", async () => {
    expect((await message("h1")).status).toBe(410);
    const update = utf8(JSON.stringify({ mailbox: mailbox.record }));
    expect(await call(nodePaths.mailbox, update)).toEqual({ status: 200, body: { applied: 1 } });
    expect(await message("h1")).toEqual({ status: 200, body: { status: "stored" } });
    expect(await message("h1")).toEqual({ status: 200, body: { status: "duplicate" } });
    expect(await texts(fixture.store, mailbox)).toHaveLength(1);
    expect((await message("h1")).body).toEqual({ status: "duplicate" });
  });

  it("refuses what is stale, unsigned, wrongly signed, from a stranger or for another", async () => {
    const title = async (twist: Twist) => {
      const { status, body } = await message("h2", twist);
      return [status, body["title"]];
    };
    expect(await title({ now: Date.now() - 600_000 })).toEqual([401, "stale"]);
    expect(await title({ now: Date.now() + 600_000 })).toEqual([401, "stale"]);
    expect(await title({ now: Date.now() - 290_000, manifest: { id: "h-late" } })).toEqual([200, undefined]);
    expect(await title({ seed: new Uint8Array(32).fill(4) })).toEqual([401, "bad-signature"]);
    expect(await title({ sender: "eve" })).toEqual([401, "unknown-sender"]);
    expect(await title({ headers: ({ "webhook-signature": _, ...rest }) => rest })).toEqual([401, "missing-header"]);
    expect(await title({ headers: (all) => ({ ...all, "webhook-id": "h9" }) })).toEqual([401, "bad-signature"]);
    expect(await title({ headers: (all) => ({ ...all, "postern-manifest": `${all["postern-manifest"]}A` }) })).toEqual([
      401,
      "bad-signature",
    ]);
    expect(await title({ manifest: { audience: "node-2" } })).toEqual([421, "misaddressed"]);
    expect(await title({ path: nodePaths.relay })).toEqual([421, "misaddressed"]);
    expect(await title({ manifest: { mailbox: "m2" } })).toEqual([410, "no such mailbox here"]);
    expect(await title({ manifest: { epoch: 1 } })).toEqual([503, "the mailbox is not known so yet"]);
    expect(await title({ body: utf8("other bytes") })).toEqual([400, "the body is not what was signed"]);
    expect(await title({ body: mailbox.seal(mail) })).toEqual([400, "the body is not what was signed"]);
    expect(await texts(fixture.store, mailbox)).toHaveLength(2);
  });

  it("takes a large message as it comes, and nothing of one that is not what was signed or was cut off", async () => {
    const large = makeMailbox("m6", "large@demo.test");
    await fixture.store.applyMailbox(large.record);
    const letter = `Subject: large\r\n\r\n${"a line of a long letter\r\n".repeat(100_000)}`;
    const signed = large.seal(letter);
    expect(signed.length).toBeGreaterThan(2_000_000);
    const hand = (id: string, twist: Twist = {}) =>
      call(nodePaths.message, signed, { ...twist, manifest: { mailbox: "m6", epoch: 0, id } });
    const changed = Uint8Array.from(signed);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    const longer = new Uint8Array([...signed, 0]);
    for (const body of [changed, longer, signed.slice(0, -1)]) expect((await hand("l1", { body })).status).toBe(400);
    await cutOff(signed, await headersOf(signed, "l1"));
    expect(await hand("l1")).toEqual({ status: 200, body: { status: "stored" } });
    expect(await hand("l1")).toEqual({ status: 200, body: { status: "duplicate" } });
    const trace = "Return-Path: <ann@sender.test>\r\n";
    expect(await texts(fixture.store, large)).toEqual([trace + letter]);
    const inbox = await readInbox("m6");
    expect(inbox).toEqual({ arrivals: 0, pieces: 0 });
  });

  it("says who it is, and hands relay jobs on", async () => {
    expect((await call(nodePaths.hello, utf8("{}"))).body).toMatchObject({ node: "node-1" });
    expect((await call(nodePaths.relay, utf8("sealed"), { manifest: { id: "r1" } })).status).toBe(200);
    expect(relayed).toEqual(["r1 6"]);
    expect((await fetch(`${origin}/other`)).status).toBe(404);
    expect((await fetch(origin + nodePaths.hello)).status).toBe(405);
  });

  it("forgets a deleted mailbox with all that was in it", async () => {
    const gone = makeMailbox("m5", "gone@demo.test");
    await fixture.store.applyMailbox(gone.record);
    await call(nodePaths.message, gone.seal(mail), { manifest: { mailbox: "m5", epoch: 0, id: "g1" } });
    await fixture.store.applyMailbox({ ...gone.record, revision: 2, state: "deleted" });
    const { status } = await call(nodePaths.message, gone.seal(mail), {
      manifest: { mailbox: "m5", epoch: 0, id: "g2" },
    });
    expect(status).toBe(410);
    const login = await fixture.store.mailboxes.login("gone@demo.test", utf8(gone.password), { ip: "" });
    expect(login).toEqual({ ok: false, why: "credentials" });
  });
});
