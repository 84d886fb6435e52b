// The hand-off over a real socket, with a real store behind it.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { type CallHeaders, type Manifest, signCall } from "../../../src/core/contract/call.ts";
import { nodePaths } from "../../../src/core/contract/handoff.ts";
import { handoffListener } from "../../../src/daemon/handoff/listener.ts";
import { clock, ed25519PublicOf, nodeCrypto } from "../../../src/daemon/platform.ts";
import { makeMailbox, type StoreFixture, storeFixture, texts } from "../store/fixture.ts";

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
