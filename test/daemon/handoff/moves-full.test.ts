// The new node's disk becomes full in the middle of a mailbox that comes: told in words, nothing is left, and it comes once there is room.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { afterAll, afterEach, beforeEach, expect, it } from "vitest";
import type { IncomingMove, MoveAnswer, MoveNews } from "../../../src/core/contract/move.ts";
import { MoveTalk } from "../../../src/daemon/handoff/moves.ts";
import { logIn, makeMailbox, type StoreFixture, storeFixture, texts } from "../store/fixture.ts";

const dir = mkdtempSync(join(tmpdir(), "postern-full-"));
const disk = mounted();
const mailbox = makeMailbox("m1", "bob@demo.test");
const megabyte = 1024 * 1024;

let old: StoreFixture;
let fresh: StoreFixture;
let server: Server;
/** Called before each chunk that the old node sends. */
let before: (sent: number) => void;

function mounted(): string | null {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=128m", "tmpfs", dir], { stdio: "ignore" });
    return dir;
  } catch {
    return null;
  }
}

async function* counted(stream: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const chunk of stream) {
    before(sent);
    sent += chunk.length;
    yield chunk;
  }
}

beforeEach(async () => {
  old = await storeFixture({ workers: 1 });
  await old.store.applyMailbox(mailbox.record);
  fresh = await storeFixture({ workers: 1, nodeKey: new Uint8Array(32).fill(9) }, mkdtempSync(join(dir, "node-")));
  before = () => undefined;
  server = createServer(async (_, response) => {
    const left = await old.store.moves.leave({ mailbox: "m1", epoch: 0, move: "v1" });
    if (!left.ok) return response.writeHead(410).end();
    return pipeline(counted(left.stream), response).catch(() => undefined); // the other end stops in the middle
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  rmSync(filler, { force: true });
  server.closeAllConnections();
  server.close();
  await Promise.all([old.end(), fresh.end()]);
});
afterAll(() => {
  if (disk !== null) execFileSync("umount", ["-l", disk]);
  rmSync(dir, { recursive: true, force: true });
});

const filler = join(dir, "filler");

/** Somebody else's bytes, to the last one. */
function fill(): void {
  for (let size = megabyte; size > 0; )
    try {
      appendFileSync(filler, Buffer.alloc(size));
    } catch {
      size = Math.floor(size / 2);
    }
}

const aside = (): string[] => {
  const folder = join(fresh.dir, "mailboxes");
  return existsSync(folder) ? readdirSync(folder) : [];
};

it.skipIf(disk === null).each(["filed", "still sealed"])("%s mail", async (which) => {
  for (let i = 0; i < 8; i++) {
    const bytes = mailbox.seal(`Subject: ${i}\r\n\r\n${randomBytes(megabyte).toString("base64")}\r\n`);
    await old.store.acceptSealed({ mailbox: "m1", epoch: 0, id: `a${i}`, bytes });
  }
  if (which === "filed") await (await logIn(old.store, mailbox)).logout();
  const news: MoveNews[] = [];
  const record = { ...mailbox.record, epoch: 1, revision: 2 };
  const move = async (told: MoveNews): Promise<MoveAnswer> => {
    news.push(told);
    return told.kind === "here" ? { state: "moved", mailbox: record } : { state: "asked", mailbox: null };
  };
  const talk = new MoveTalk({ edge: { move }, store: fresh.store });
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const incoming: IncomingMove = {
    ...{ move: "v1", mailbox: "m1", epoch: 0, from: { node: "old", origin } },
    call: { headers: {}, body: "{}" },
  };
  const beat = () => talk.heard({ mailboxes: [], domains: [], incoming: [incoming] });

  before = (sent) => {
    if (sent > 2 * megabyte && !existsSync(filler)) fill();
  };
  await beat();
  await expect.poll(() => news, { timeout: 60_000 }).toHaveLength(1);
  expect(news).toEqual([{ kind: "trouble", move: "v1", text: "the new node's disk became full on the way" }]);
  expect([aside(), fresh.store.moves.here, fresh.store.stats()]).toEqual([[], [], []]);

  // No room from the beginning, nor what the first try gave back: not begun.
  fill();
  news.splice(0);
  await beat();
  await expect.poll(() => news, { timeout: 60_000 }).toHaveLength(1);
  expect(news).toEqual([
    { kind: "trouble", move: "v1", text: expect.stringMatching(/disk has 0 MB free; \d+ MB would/) },
  ]);
  expect(aside()).toEqual([]);

  rmSync(filler);
  before = () => undefined;
  news.splice(0);
  await beat();
  await expect.poll(() => fresh.store.record("m1")?.epoch ?? news, { timeout: 60_000 }).toBe(1);
  expect(await texts(fresh.store, mailbox)).toHaveLength(8);
  expect(aside()).toEqual(["m1"]);
});
