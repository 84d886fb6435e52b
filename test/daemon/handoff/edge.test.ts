// The node's calls to the edge, and its pulse, against an edge that checks signatures as the real one does.
import { existsSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { utf8, utf8Decode } from "../../../src/core/bytes.ts";
import { bodyMatches, checkCall } from "../../../src/core/contract/call.ts";
import { unframe } from "../../../src/core/contract/frame.ts";
import { edgePaths, heartbeatSchema } from "../../../src/core/contract/handoff.ts";
import type { MailboxRecord } from "../../../src/core/contract/mailbox.ts";
import { EdgeClient } from "../../../src/daemon/handoff/edge.ts";
import { startHeartbeat } from "../../../src/daemon/handoff/heartbeat.ts";
import { clock, ed25519PublicOf, nodeCrypto, random } from "../../../src/daemon/platform.ts";
import { makeMailbox, type StoreFixture, storeFixture } from "../store/fixture.ts";

const seed = new Uint8Array(32).fill(5);
const answers = new Map<string, (body: Uint8Array) => unknown>();
const asked: string[] = [];
let server: Server;
let edge: EdgeClient;
let fixture: StoreFixture;

beforeAll(async () => {
  fixture = await storeFixture();
  server = createServer(async (request, response) => {
    const path = request.url ?? "";
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = new Uint8Array(Buffer.concat(chunks));
    const header = (name: string) => request.headers[name]?.toString();
    const expected = { audience: "edge", publicKeyOf: () => ed25519PublicOf(seed) };
    const check = await checkCall({ method: "POST", path, header }, expected, Date.now(), nodeCrypto);
    const good = check.ok && check.sender === "node-1" && bodyMatches(check.manifest, body, nodeCrypto);
    asked.push(path);
    const answer = good ? answers.get(path)?.(body) : undefined;
    response.writeHead(answer === undefined ? 503 : 200).end(JSON.stringify(answer ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  edge = new EdgeClient({ origin, identity: { name: "node-1", seed }, crypto: nodeCrypto, clock, random });
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await fixture.end();
});

const question = { recipient: "a@b.test", sender: "c@d.test", ip: "192.0.2.1" };

describe("the edge, from the node", () => {
  it("is asked with signed calls and answers by schema", async () => {
    answers.set(edgePaths.rcpt, () => ({ kind: "ok" }));
    expect(await edge.rcpt(question)).toEqual({ kind: "ok" });
    answers.set(edgePaths.ingest, (body) => {
      const { head, bytes } = unframe(body);
      const outcome = {
        recipient: "a@b.test",
        kind: "accepted",
        code: 250,
        enhanced: "2.0.0",
        text: utf8Decode(bytes),
      };
      return {
        outcomes: [{ ...outcome, text: `${outcome.text} ${Object.keys(head as object).length}` }],
        pathProven: true,
      };
    });
    const envelope = {
      ...{ mailFrom: "", recipients: ["a@b.test"], ip: "192.0.2.1", helo: "x", tls: null },
      receivedAt: 1,
      smtputf8: false,
    };
    expect((await edge.ingest(envelope, utf8("raw"))).outcomes[0]?.text).toBe("raw 7");
  });

  it("fails as trouble when it answers nonsense, an error, or not at all", async () => {
    answers.set(edgePaths.rcpt, () => ({ kind: "maybe" }));
    await expect(edge.rcpt(question)).rejects.toMatchObject({ name: "EdgeTrouble", status: 200 });
    answers.delete(edgePaths.rcpt);
    await expect(edge.rcpt(question)).rejects.toMatchObject({ name: "EdgeTrouble", status: 503 });
    const away = new EdgeClient({
      ...{ origin: "http://127.0.0.1:1", identity: { name: "node-1", seed } },
      ...{ crypto: nodeCrypto, clock, random },
    });
    await expect(away.rcpt(question)).rejects.toMatchObject({ name: "EdgeTrouble", status: 0 });
  });

  it("brings the mailboxes that the node lacks with a beat, and those that a login misses", async () => {
    const [one, two] = [makeMailbox("m1", "one@demo.test"), makeMailbox("m2", "two@demo.test")];
    const records = new Map([one, two].map(({ record }) => [record.address, record]));
    answers.set(edgePaths.mailbox, (body) => ({ mailbox: records.get(JSON.parse(utf8Decode(body)).address) ?? null }));
    let beats = 0;
    answers.set(edgePaths.heartbeat, (body) => {
      beats++;
      heartbeatSchema.parse(JSON.parse(utf8Decode(body)));
      return { mailboxes: [{ id: "m1", address: "one@demo.test", revision: 1, epoch: 0 }], domains: ["demo.test"] };
    });
    const pulse = startHeartbeat({
      ...{ node: "node-1", version: "0", edge, store: fixture.store, clock, dir: fixture.dir, everyMs: 60_000 },
      transit: () => ({ publicKey: "", keyId: "" }),
      relayWaiting: () => 0,
    });
    await pulse.beat();
    expect(beats).toBe(1);
    const from = { ip: "" };
    expect((await fixture.store.mailboxes.login("one@demo.test", utf8(one.password), from)).ok).toBe(true);
    expect((await fixture.store.mailboxes.login("two@demo.test", utf8(two.password), from)).ok).toBe(true);

    // A slot that the node has not heard of: asked for once, then no more within the minute.
    const { slot, password } = one.addSlot("phone");
    records.set("one@demo.test", { ...one.record, revision: 2, keyslots: [...one.record.keyslots, slot] });
    expect((await fixture.store.mailboxes.login("one@demo.test", utf8(password), from)).ok).toBe(true);
    const before = asked.length;
    for (let i = 0; i < 5; i++) {
      await fixture.store.mailboxes.login("nobody@demo.test", utf8(two.password), from);
    }
    expect(asked.length - before).toBe(1);
    pulse.stop();
  });

  it("learns of a deletion while it was away; and one record that can't be had holds up no other, nor is all in step then", async () => {
    const [bad, gone, good] = ["bad", "gone", "good"].map((id) => makeMailbox(id, `${id}@demo.test`));
    if (!bad || !gone || !good) throw new Error("three are made");
    for (const { record } of [gone, good]) await fixture.store.applyMailbox(record);
    await fixture.store.mailboxes.login("gone@demo.test", utf8(gone.password), { ip: "" });
    const folder = join(fixture.dir, "mailboxes", "gone");
    expect(existsSync(folder)).toBe(true);
    const grave = {
      ...gone.record,
      address: "gone@deleted.invalid",
      state: "deleted" as const,
      keyslots: [],
      revision: 2,
    };
    const successor = makeMailbox("next", "gone@demo.test");
    const { slot, password } = good.addSlot("phone");
    const fresh = { ...good.record, revision: 2, keyslots: [...good.record.keyslots, slot] };
    const records = new Map([successor.record, grave, fresh].map((record) => [record.address, record]));
    let isWell = false;
    answers.set(edgePaths.mailbox, (body) => {
      const { address } = JSON.parse(utf8Decode(body));
      if (address === "bad@demo.test") return isWell ? { mailbox: bad.record } : undefined;
      return { mailbox: records.get(address) ?? null };
    });
    const listed = [bad.record, successor.record, grave, fresh];
    answers.set(edgePaths.heartbeat, () => ({
      mailboxes: listed.map(({ id, address, revision, epoch }) => ({ id, address, revision, epoch })),
      domains: [],
    }));
    let synced = 0;
    const { store } = fixture;
    const watched = {
      stats: () => store.stats(),
      record: (id: string) => store.record(id),
      applyMailbox: (record: MailboxRecord) => store.applyMailbox(record),
      synced: async () => void synced++,
      onMiss: null,
    };
    const pulse = startHeartbeat({
      ...{ node: "node-1", version: "0", edge, store: watched, clock, dir: fixture.dir, everyMs: 60_000 },
      transit: () => ({ publicKey: "", keyId: "" }),
      relayWaiting: () => 0,
    });
    await pulse.beat();
    expect(synced).toBe(0);
    expect(existsSync(folder)).toBe(false);
    const login = (address: string, secret: string) => store.mailboxes.login(address, utf8(secret), { ip: "" });
    expect(await login("gone@demo.test", gone.password)).toEqual({ ok: false, why: "credentials" });
    expect((await login("gone@demo.test", successor.password)).ok).toBe(true);
    expect((await login("good@demo.test", password)).ok).toBe(true);
    isWell = true;
    await pulse.beat();
    expect(synced).toBe(1);
    expect((await login("bad@demo.test", bad.password)).ok).toBe(true);
    pulse.stop();
  });
});
