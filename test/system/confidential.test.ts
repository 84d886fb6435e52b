/**
 * A thousand messages through both halves, to an owner who is there and to one who is not, with kills on the way: then every file
 * that either half wrote is read, logs, databases' logs, temporary files and what a crash left included.
 */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, sep } from "node:path";
import { ImapFlow } from "imapflow";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeMailbox } from "../../src/cli/mailbox.ts";
import { utf8 } from "../../src/core/bytes.ts";
import { deriveKeys, parseAppPassword, unwrapKey } from "../../src/core/seal/keys.ts";
import {
  countIn,
  curlAs,
  emailEvent,
  eventually,
  imapUrl,
  outside,
  pop3Url,
  type TestWorld,
  testWorld,
} from "./world.ts";

const [all, atOnce] = [1000, 8];
const began = Date.now();
const token = randomBytes(5).toString("hex");
const locked = makeMailbox(`locked${token}@demo.test`);
/** What must be nowhere, and what may be in the directory alone. */
const words = Object.fromEntries(
  ["subject", "name", "body", "file", "content", "id", "folder", "keyword", "search"].map((what) => [
    what,
    `${what}x${token}`,
  ]),
);
/** Of the envelope: who wrote, to which mailboxes, and where that goes which is sent on. */
const people = {
  sender: `sender${token}`,
  owner: "demo@demo.test",
  locked: locked.record.address,
  alias: "friend@demo.test",
  destination: "friend@elsewhere.test",
};
const { sender } = people;
let world: TestWorld;

beforeAll(async () => {
  world = await testWorld();
  const { id, address, publicKey, keyId, quotaBytes, keyslots } = locked.record;
  const made = { id, address, node: world.secrets.nodeId, publicKey, keyId, quotaBytes, keyslots };
  expect((await api("POST", "/api/mailboxes", made)).status).toBe(201);
});
afterAll(() => world?.close());

type Answer = { status: number; body: Record<string, unknown> };
let cookie = "";

/** Signed in once: asked over and over, the edge would take it for guessing. */
async function api(method: string, path: string, body?: unknown): Promise<Answer> {
  const headers = { "content-type": "application/json", origin: world.endpoints.edge };
  const call = (name: string, init: RequestInit) => fetch(new URL(name, world.endpoints.edge), init);
  if (cookie === "") {
    const admin = JSON.stringify(world.secrets.admin);
    const session = await call("/api/session", { method: "POST", headers, body: admin });
    cookie = session.headers
      .getSetCookie()
      .map((each) => each.split(";")[0])
      .join("; ");
  }
  const sent = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await call(path, { method, headers: { ...headers, cookie }, ...sent });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
}

function letter(i: number, to: string): Buffer {
  const text = `Dear you,\r\n${words["body"]} ${"and so on, as letters do. ".repeat(i % 40)}\r\n`;
  const attached = Buffer.from(`${words["content"]} `.repeat(i % 50 === 0 ? 5000 : 20)).toString("base64");
  return Buffer.from(
    `From: ${words["name"]} <${sender}${i}@plain.test>\r\nTo: ${words["name"]} <${to}>\r\nSubject: ${words["subject"]} ${i}\r\n` +
      `Message-ID: <${words["id"]}-${i}@plain.test>\r\nDate: Tue, 24 Nov 2026 05:00:00 +0000\r\nMIME-Version: 1.0\r\n` +
      `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n${text}\r\n--b\r\n` +
      `Content-Type: application/pdf; name="${words["file"]}.pdf"\r\nContent-Transfer-Encoding: base64\r\n\r\n` +
      `${attached.replace(/.{76}/g, "$&\r\n")}\r\n--b--\r\n`,
  );
}

const recipients = [people.owner, people.locked];
/** Every fiftieth is forwarded. */
const recipientOf = (i: number): string => (i % 50 === 7 ? people.alias : (recipients[i % 2] ?? ""));

async function deliver(from: number, to: number): Promise<void> {
  let next = from;
  const lane = async (): Promise<void> => {
    for (let i = next++; i < to; i = next++) {
      const raw = letter(i, recipientOf(i));
      const sent = () => emailEvent(world, `${sender}${i}@plain.test`, recipientOf(i), raw).catch(() => null);
      await eventually(`${i} taken`, async () => ((await sent())?.outcome === "ok" ? true : null), 60_000);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
}

async function owner(): Promise<ImapFlow> {
  const { address, password } = world.endpoints.mailbox;
  const client = new ImapFlow({
    ...{ host: "localhost", port: world.endpoints.imaps.port, secure: true, logger: false },
    auth: { user: address, pass: password },
    tls: { ca: readFileSync(world.endpoints.ca) },
  });
  client.on("error", () => undefined); // the node is killed under it
  await client.connect();
  return client;
}

async function asOwnersDo(client: ImapFlow): Promise<void> {
  await client.mailboxOpen("INBOX");
  await client.messageFlagsAdd("1:20", [String(words["keyword"])]);
  await client.search({ body: String(words["search"]) });
  await client.search({ subject: String(words["subject"]) });
  await client.messageCopy("1:20", String(words["folder"]));
}

/** What a node has reason to complain of, and what it tells those who watch it. */
async function askedWrongly(): Promise<void> {
  for (const address of [people.owner, people.locked, people.alias])
    for (const url of [imapUrl(world, "INBOX"), pop3Url(world, "1")])
      expect((await curlAs(world, { address, password: String(words["body"]) }, url)).code).not.toBe(0);
  const { host, port } = world.endpoints.metrics;
  const told = await (await fetch(`http://${host}:${port}/metrics`)).text();
  expect(told).toContain("postern_mailboxes 2");
  writeFileSync(join(world.folder, "log", "metrics.log"), told);
}

/** Both halves at once, as when the power goes. */
async function killed(): Promise<void> {
  process.kill(world.node.pid ?? 0, "SIGKILL");
  process.kill(-(world.edge.pid ?? 0), "SIGKILL");
  await Promise.all([world.edge.stop(), world.node.stop()]);
}

/** As bytes of one and two a character, in hex, and in base64 wherever it begins. */
function spelled(secret: string | Uint8Array): Buffer[] {
  const raw = Buffer.from(secret as Uint8Array);
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), raw]).toString("base64");
    return text.slice(shift === 0 ? 0 : 4, Math.floor(((shift + raw.length) * 8) / 6) - 1);
  });
  const texts = [raw.toString("hex"), ...shifted];
  const wide = typeof secret === "string" ? [Buffer.from(secret, "utf16le")] : [];
  return [raw, ...wide, ...texts.flatMap((text) => [Buffer.from(text), Buffer.from(text, "utf16le")])];
}

function* written(): Generator<string> {
  for (const part of ["edge", "node", "log"]) yield* filesIn(join(world.folder, part));
  const fresh = readdirSync(tmpdir()).filter((name) => /miniflare|wrangler|workerd|etilqs/.test(name));
  for (const name of fresh) yield* filesIn(join(tmpdir(), name));
}

/** Where the local runtime, which stands for Cloudflare's MX, shows incoming mail to a developer. */
const shownByRuntime = /[/\\]email-store[/\\]/;

function* filesIn(path: string): Generator<string> {
  const status = statSync(path, { throwIfNoEntry: false });
  if (status?.isFile() && status.mtimeMs >= began && !shownByRuntime.test(path)) yield path;
  if (status?.isDirectory()) for (const name of readdirSync(path)) yield* filesIn(join(path, name));
}

function masterKeyOf({ record: { id, keyslots }, appPassword }: typeof locked): Uint8Array {
  const { selector, secret } = parseAppPassword(utf8(appPassword)) ?? {};
  const slot = keyslots.find((one) => one.selector === selector);
  const masterKey = slot && secret && unwrapKey(slot, id, secret);
  if (!masterKey) throw new Error("its own password opens it");
  return masterKey;
}

function scan(): { files: string[]; found: string[] } {
  const masterKey = masterKeyOf(locked);
  const keys = { ...deriveKeys(masterKey), masterKey };
  const passwords = { password: world.endpoints.mailbox.password.slice(11), other: locked.appPassword.slice(11) };
  const needles = Object.entries({ ...words, ...keys, ...passwords, ...people }).map(([name, secret]) => ({
    name,
    spellings: spelled(secret),
  }));
  const [files, found]: [string[], string[]] = [[], []];
  for (const path of written()) {
    const bytes = readFileSync(path);
    files.push(path);
    for (const { name, spellings } of needles) {
      // Who wrote to whom is in the directory, and in its activity for as long as that is kept.
      if (name in people && path.includes(`${sep}d1${sep}`)) continue;
      if (spellings.some((one) => bytes.includes(one))) found.push(`${name} in ${path.slice(world.folder.length)}`);
    }
  }
  return { files, found };
}

test("a thousand messages leave no marker, no address and no key in any file of either half", async () => {
  const client = await owner();
  await client.mailboxCreate(String(words["folder"]));
  await deliver(0, all / 2);
  await asOwnersDo(client);
  expect(scan().found).toEqual([]);
  await killed();
  const left = scan();
  expect(left.found).toEqual([]);
  expect(left.files.some((path) => path.endsWith("-wal"))).toBe(true);
  await world.edge.start();
  await world.node.start();
  await deliver(all / 2, all);
  const [mine, theirs, sent] = [0, 1, 2].map(
    (n) =>
      Array.from({ length: all }, (_, i) => recipientOf(i)).filter((to) => to === [...recipients, people.alias][n])
        .length,
  );
  await eventually("the owner's", async () => ((await countIn(world, "INBOX")) >= (mine ?? 0) ? true : null), 120_000);
  await eventually(
    "the other's, still sealed",
    async () => ((await api("GET", `/api/mailboxes/${locked.record.id}`)).body["waiting"] === theirs ? true : null),
    120_000,
  );
  await eventually("what is sent on", () => (outside(world).length >= (sent ?? 0) ? true : null), 120_000);
  const again = await owner();
  await asOwnersDo(again);
  await again.logout();
  await askedWrongly();
  const { files, found } = scan();
  expect(found).toEqual([]);
  for (const one of ["mail.db", "inbox.db", "node.db", "index.db", ".sqlite", ".log"])
    expect([one, files.some((path) => path.endsWith(one))]).toEqual([one, true]);
  console.log(`${all} messages; ${files.length} files read, nothing found`);
}, 600_000);
