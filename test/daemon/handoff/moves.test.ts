// A node's part in moves, against an edge that says what the test has it say, and an old node over a real socket.
import { existsSync, readdirSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { signCall } from "../../../src/core/contract/call.ts";
import { type Heartbeat, type HeartbeatAnswer, nodePaths } from "../../../src/core/contract/handoff.ts";
import type { IncomingMove, MoveAnswer, MoveNews } from "../../../src/core/contract/move.ts";
import { startHeartbeat } from "../../../src/daemon/handoff/heartbeat.ts";
import { handoffListener } from "../../../src/daemon/handoff/listener.ts";
import { MoveTalk } from "../../../src/daemon/handoff/moves.ts";
import { clock, ed25519PublicOf, nodeCrypto } from "../../../src/daemon/platform.ts";
import { markNodeRestored } from "../../../src/daemon/store/restore.ts";
import { makeMailbox, nodeKey, type StoreFixture, storeFixture, texts } from "../store/fixture.ts";

const seed = new Uint8Array(32).fill(3);
const mailbox = makeMailbox("m1", "bob@demo.test");

let old: StoreFixture;
let fresh: StoreFixture;
let server: Server;
let origin: string;
let asked: number;

beforeEach(async () => {
  old = await storeFixture({ workers: 1 });
  fresh = await storeFixture({ workers: 1, nodeKey: new Uint8Array(32).fill(9) });
  await old.store.applyMailbox(mailbox.record);
  const listener = handoffListener({
    node: "old",
    edgeKey: ed25519PublicOf(seed),
    crypto: nodeCrypto,
    clock,
    get store() {
      return old.store;
    },
    onRelay: async () => undefined,
  });
  asked = 0;
  server = createServer((request, response) => {
    asked++;
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await Promise.all([old.end(), fresh.end()]);
});

async function incoming(twist: { move?: string; epoch?: number; at?: number } = {}): Promise<IncomingMove> {
  const { move = "v1", epoch = 0, at = Date.now() } = twist;
  const manifest = { audience: "old", method: "POST" as const, path: nodePaths.leave, id: move, mailbox: "m1", epoch };
  const headers = await signCall(manifest, utf8("{}"), { name: "edge", seed }, at, nodeCrypto);
  return { move, mailbox: "m1", epoch: 0, from: { node: "old", origin }, call: { headers, body: "{}" } };
}

const nothing: HeartbeatAnswer = { mailboxes: [], domains: [] };
const lives = { ...mailbox.record, epoch: 1, revision: 2 };

/** An edge that answers "here" so, and keeps what it was told. */
function talk(fixture: StoreFixture, answer: () => MoveAnswer) {
  const news: MoveNews[] = [];
  const move = async (told: MoveNews): Promise<MoveAnswer> => {
    news.push(told);
    return told.kind === "here" ? answer() : { state: "asked", mailbox: null };
  };
  return { news, talk: new MoveTalk({ edge: { move }, store: fixture.store }) };
}

it("fetches what is to come, tells it, and serves it once the edge has said so; told again, it does nothing again", async () => {
  const bytes = mailbox.seal("Subject: one\r\n\r\nhi\r\n");
  await old.store.acceptSealed({ mailbox: "m1", epoch: 0, id: "one", bytes });
  const { news, talk: of } = talk(fresh, () => ({ state: "moved", mailbox: lives }));
  const answer = { ...nothing, incoming: [await incoming()] };
  await of.heard(answer);
  await of.heard(answer);
  await expect.poll(() => fresh.store.record("m1")?.epoch).toBe(1);
  await of.heard(answer);
  expect([news, asked]).toEqual([[{ kind: "here", move: "v1" }], 1]);
  expect(await texts(fresh.store, mailbox)).toEqual([expect.stringContaining("Subject: one")]);
});

it("keeps what it has fetched while the edge is away, and lets it go when the move was cancelled", async () => {
  let away = true;
  const { news, talk: of } = talk(fresh, () => {
    if (away) throw new Error("the edge is away");
    return { state: "cancelled", mailbox: null };
  });
  await of.heard({ ...nothing, incoming: [await incoming()] });
  await expect.poll(() => news.length).toBeGreaterThan(0);
  await of.heard(nothing);
  expect(fresh.store.moves.here).toEqual(["v1"]);
  away = false;
  await of.heard(nothing);
  expect(fresh.store.moves.here).toEqual([]);
  expect(readdirSync(join(fresh.dir, "mailboxes"))).toEqual([]);
  expect(asked).toBe(1);
});

it("an answer from before a move was cancelled has nothing fetched again", async () => {
  const { news, talk: of } = talk(fresh, () => ({ state: "cancelled", mailbox: null }));
  const late = { ...nothing, incoming: [await incoming()] };
  await of.heard(late);
  await expect.poll(() => news.length).toBe(1);
  await expect.poll(() => fresh.store.moves.isCancelled("v1")).toBe(true);
  await of.heard(late);
  await of.heard({ ...nothing, incoming: [await incoming({ move: "v2" })] });
  await expect
    .poll(() => news)
    .toEqual([
      { kind: "here", move: "v1" },
      { kind: "here", move: "v2" },
    ]);
  expect(asked).toBe(2);
});

it.each([
  { what: "from an hour ago", twist: { at: Date.now() - 3_600_000 }, says: "the old node answered 401" },
  { what: "of a later epoch", twist: { epoch: 5 }, says: "the old node answered 503" },
])("a call $what gives nothing out, and its trouble is told", async ({ twist, says }) => {
  const { news, talk: of } = talk(fresh, () => ({ state: "moved", mailbox: lives }));
  await of.heard({ ...nothing, incoming: [await incoming(twist)] });
  await expect.poll(() => news).toEqual([{ kind: "trouble", move: "v1", text: says }]);
  expect(old.store.moves.leaving).toEqual([]);
});

it("an old node that is away, or gives a mailbox out that it has not, is told in plain words", async () => {
  const { news, talk: of } = talk(fresh, () => ({ state: "moved", mailbox: lives }));
  const one = await incoming();
  await of.heard({ ...nothing, incoming: [{ ...one, from: { node: "old", origin: "http://127.0.0.1:1" } }] });
  await expect.poll(() => news.length).toBe(1);
  await old.store.applyMailbox({ ...mailbox.record, state: "deleted", revision: 2 });
  await of.heard({ ...nothing, incoming: [one] });
  await expect.poll(() => news.length).toBe(2);
  const said = news.map((told) => (told.kind === "trouble" ? told.text : ""));
  expect(said).toEqual(["the old node can't be reached, or stopped in the middle", "the old node answered 410"]);
});

it("a node put back from a copy takes nothing and lets nobody in to a mailbox that has moved away since", async () => {
  await old.store.close();
  markNodeRestored(old.dir, nodeKey);
  await old.reopen();
  const bytes = mailbox.seal("Subject: x\r\n\r\nx\r\n");
  const arrive = () => old.store.acceptSealed({ mailbox: "m1", epoch: 0, id: "x", bytes: bytes.slice() });
  const login = async () => {
    const said = await old.store.mailboxes.login("bob@demo.test", utf8(mailbox.password), { ip: "" });
    return said.ok ? "in" : said.why;
  };
  expect([await arrive(), await login()]).toEqual(["later", "unavailable"]);
  const beats: Heartbeat[] = [];
  const seen: string[] = [];
  const edge = {
    mailbox: async () => null,
    async heartbeat(beat: Heartbeat): Promise<HeartbeatAnswer> {
      beats.push(beat);
      seen.push(await login());
      const away = (beat.unlisted ?? []).flatMap((one) => (typeof one === "string" ? [] : [{ ...one, epoch: 1 }]));
      return { ...nothing, elsewhere: away };
    },
  };
  const transit = () => ({ publicKey: "", keyId: "" });
  const pulse = startHeartbeat({
    ...{ node: "old", version: "test", edge, store: old.store, transit, relayWaiting: () => 0, dir: old.dir, clock },
    moves: talk(old, () => ({ state: "cancelled", mailbox: null })).talk,
  });
  await pulse.beat();
  pulse.stop();
  expect(beats.map(({ unlisted }) => unlisted)).toEqual([undefined, [{ id: "m1", epoch: 0 }]]);
  expect(seen).toEqual(["unavailable", "unavailable"]);
  expect([await arrive(), await login()]).toEqual(["gone", "credentials"]);
  expect(existsSync(join(old.dir, "mailboxes", "m1"))).toBe(false);
});

describe("a directory that was put back to a time before a move", () => {
  const letter = (subject: string) => mailbox.seal(`Subject: ${subject}\r\n\r\nhi\r\n`);
  const subjects = async () => (await texts(fresh.store, mailbox)).map((text) => /Subject: (\S+)/.exec(text)?.[1]);

  /** Moved, and nobody remembers but the two nodes. */
  async function moved(): Promise<void> {
    await old.store.acceptSealed({ mailbox: "m1", epoch: 0, id: "one", bytes: letter("one") });
    const { talk: of } = talk(fresh, () => ({ state: "moved", mailbox: lives }));
    await of.heard({ ...nothing, incoming: [await incoming({ move: "v0" })] });
    await expect.poll(() => fresh.store.record("m1")?.epoch, { timeout: 30_000 }).toBe(1);
    await old.store.moves.settle({ move: "v0", state: "moved", epoch: 1 });
    asked = 0;
  }

  it("the node that has the mailbox keeps and serves it, says since when, and says that it is here once it is asked for again", async () => {
    await moved();
    const { news, talk: of } = talk(fresh, () => ({ state: "moved", mailbox: { ...lives, revision: 1 } }));
    await of.heard(nothing);
    expect(of.said().unlisted).toEqual([{ id: "m1", epoch: 1 }]);
    await of.heard({ ...nothing, elsewhere: [{ id: "m1", epoch: 0 }] });
    expect(await subjects()).toEqual(["one"]);
    // What it left holds to that, whatever record it is given.
    expect(await old.store.applyMailbox({ ...mailbox.record, revision: 9 })).toBeNull();
    const late = { mailbox: "m1", epoch: 0, id: "two", bytes: letter("two") };
    expect(await old.store.acceptSealed(late)).toBe("gone");
    const answer = { ...nothing, incoming: [await incoming()] };
    await of.heard(answer);
    await expect.poll(() => news, { timeout: 30_000 }).toEqual([{ kind: "here", move: "v1", epoch: 1 }]);
    await of.heard(answer);
    await of.heard({ ...nothing, mailboxes: [{ ...lives, revision: 1 }] });
    expect([asked, news.length]).toEqual([1, 1]);
    expect(of.said()).toEqual({});
    expect([await subjects(), fresh.store.record("m1")]).toMatchObject([["one"], { epoch: 1, revision: 2 }]);
  });

  it("both nodes have something of it: neither is touched, and that is told", async () => {
    await moved();
    await old.end();
    old = await storeFixture({ workers: 1 }); // it lost what it knew
    await old.store.applyMailbox(mailbox.record);
    await old.store.acceptSealed({ mailbox: "m1", epoch: 0, id: "two", bytes: letter("two") });
    const { news, talk: of } = talk(fresh, () => ({ state: "moved", mailbox: lives }));
    await of.heard({ ...nothing, incoming: [await incoming()] });
    const text = "both nodes hold this mailbox, so neither's was touched";
    await expect.poll(() => news, { timeout: 30_000 }).toEqual([{ kind: "trouble", move: "v1", text }]);
    expect(await subjects()).toEqual(["one"]);
    expect(old.store.stats()).toMatchObject([{ id: "m1", waiting: 1 }]);
  });
});
