/** One real message through both halves, and everything that must not get through. Issue "First light". */

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ImapFlow } from "imapflow";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { need } from "../peers/need.ts";
import {
  countIn,
  curl,
  emailEvent,
  eventually,
  imapUrl,
  outside,
  pop3Url,
  program,
  sample,
  samples,
  send,
  type TestWorld,
  testWorld,
} from "./world.ts";

const curlHere = need("curl", ["curl", "--version"], "reading mail by curl over IMAPS and POP3S");
const swaksHere = need("swaks", ["swaks", "--version"], "delivery by swaks");
const mbsyncHere = need("isync", ["mbsync", "--version"], "mbsync's sync of a mailbox");

let world: TestWorld;
beforeAll(async () => {
  world = await testWorld();
});
afterAll(() => world?.close());

const file = (name: string): string => join(samples, `${name}.eml`);
const ends = (whole: Buffer, tail: Buffer): boolean => whole.subarray(whole.length - tail.length).equals(tail);

describe.skipIf(!curlHere)("a message through the door", () => {
  test("is read over IMAP and POP3 byte for byte, under our trace", async () => {
    const sent = await send(world, file("welcome"), "hello@demo.test", "ann@sender.test");
    expect(sent.code, sent.stderr).toBe(0);
    await eventually("one message in INBOX", async () => ((await countIn(world, "INBOX")) === 1 ? true : null));
    const overImap = (await curl(world, imapUrl(world, "INBOX;MAILINDEX=1"))).stdout;
    const overPop = (await curl(world, pop3Url(world, "1"))).stdout;
    expect(ends(overImap, sample("welcome"))).toBe(true);
    expect(overPop.equals(overImap)).toBe(true);
    const trace = overImap.subarray(0, overImap.length - sample("welcome").length).toString();
    expect(trace).toMatch(/^Return-Path: <ann@sender\.test>\r\n/);
    expect(trace).toMatch(/^Authentication-Results: mx\.demo\.test;[\s\S]*dkim=pass[\s\S]*dmarc=pass/m);
    expect(trace).toMatch(/^Received: /m);
  });

  test("to an unknown recipient is refused with 550", async () => {
    const sent = await send(world, file("welcome"), "nobody-here@demo.test", "ann@sender.test");
    expect(sent.code).not.toBe(0);
    expect(`${sent.stdout}${sent.stderr}`).toMatch(/550 5\.1\.1/);
  });

  test("that spoofs a p=reject domain is refused with a clear text, and journalled", async () => {
    const sent = await send(world, file("spoof"), "hello@demo.test", "service@bank.test");
    expect(`${sent.stdout}${sent.stderr}`).toMatch(/550 5\.7\.1 .*DMARC/);
    const refused = await activity((row) => row.mailFrom === "service@bank.test");
    expect(refused).toMatchObject({ outcome: "refused", reason: "dmarc-policy" });
  });

  test("that was tampered with is refused: its signature no longer holds", async () => {
    const sent = await send(world, file("tampered"), "hello@demo.test", "someone@plain.test");
    expect(`${sent.stdout}${sent.stderr}`).toMatch(/550 5\.7\.1/);
  });

  test("that fails a p=quarantine policy is filed in Junk", async () => {
    const sent = await send(world, file("suspicious"), "hello@demo.test", "offers@shop.test");
    expect(sent.code, sent.stderr).toBe(0);
    await eventually("one message in Junk", async () => ((await countIn(world, "Junk")) === 1 ? true : null));
  });

  test("without signature or policy is accepted", async () => {
    const before = await countIn(world, "INBOX");
    const sent = await send(world, file("unsigned"), "hello@demo.test", "paul@plain.test");
    expect(sent.code, sent.stderr).toBe(0);
    await eventually("one more in INBOX", async () => ((await countIn(world, "INBOX")) === before + 1 ? true : null));
  });

  test("for a forwarding alias arrives in the outside world, body untouched", async () => {
    const sent = await send(world, file("welcome"), "friend@demo.test", "ann@sender.test");
    expect(sent.code, sent.stderr).toBe(0);
    const arrived = await eventually(
      "a forwarded message",
      () => outside(world).find(({ rcptTo }) => rcptTo.includes("friend@elsewhere.test")) ?? null,
    );
    expect(ends(arrived.raw, sample("welcome"))).toBe(true);
    expect(arrived.mailFrom).toMatch(/^SRS0=.*@demo\.test$/);
    const top = arrived.raw.subarray(0, arrived.raw.length - sample("welcome").length).toString();
    expect(top).toMatch(/^ARC-Seal: i=1;[\s\S]*d=demo\.test/m);
    expect(top).toMatch(/^DKIM-Signature: [\s\S]*d=demo\.test/m);
  });

  test("sent twice is filed once", async () => {
    const before = await countIn(world, "INBOX");
    const again = await send(world, file("welcome"), "hello@demo.test", "ann@sender.test");
    expect(again.code, again.stderr).toBe(0);
    const marker = await send(world, file("unsigned"), "hello@demo.test", "other@plain.test");
    expect(marker.code, marker.stderr).toBe(0);
    await eventually("the later message", async () => ((await countIn(world, "INBOX")) > before ? true : null));
    expect(await countIn(world, "INBOX")).toBe(before + 1);
  });

  test.skipIf(!swaksHere)("by swaks over STARTTLS is taken", async () => {
    const before = await countIn(world, "INBOX");
    const { port } = world.endpoints.door;
    const args = [
      "--server",
      `localhost:${port}`,
      "-tls",
      "--from",
      "paul@plain.test",
      "--to",
      "hello@demo.test",
      "--header",
      "Subject: by swaks",
    ];
    const sent = await program("swaks", args);
    expect(sent.code, sent.stdout.toString()).toBe(0);
    expect(sent.stdout.toString()).toMatch(/~> \.\r?\n<~ {2}250/);
    await eventually("its message", async () => ((await countIn(world, "INBOX")) === before + 1 ? true : null));
  });
});

test("an Email Worker event reaches the same pipeline", async () => {
  const raw = Buffer.from(sample("welcome").toString("latin1").replace("welcome-1", "event-1"), "latin1");
  const before = await countIn(world, "INBOX");
  expect((await emailEvent(world, "ann@sender.test", "hello@demo.test", sample("unsigned"))).outcome).toBe("ok");
  await eventually("the event's message", async () => ((await countIn(world, "INBOX")) === before + 1 ? true : null));
  const refused = await emailEvent(world, "ann@sender.test", "nobody@demo.test", raw);
  expect(JSON.stringify(refused)).toMatch(/No such address/);
});

test("imapflow logs in, lists, selects, fetches, idles and hears of a new message", async () => {
  const { address, password } = world.endpoints.mailbox;
  const client = new ImapFlow({
    host: "localhost",
    port: world.endpoints.imaps.port,
    secure: true,
    auth: { user: address, pass: password },
    tls: { ca: readFileSync(world.endpoints.ca) },
    logger: false,
  });
  await client.connect();
  try {
    const names = (await client.list()).map(({ path }) => path);
    expect(names).toEqual(expect.arrayContaining(["INBOX", "Junk", "Sent", "Trash", "Drafts"]));
    const { exists } = await client.mailboxOpen("INBOX"); // a number: the object itself is kept up to date
    const first = await client.fetchOne("1", { envelope: true, source: true });
    expect(first).toMatchObject({ envelope: { subject: "Welcome to Postern" } });
    const told = new Promise<number>((done) => client.on("exists", ({ count }: { count: number }) => done(count)));
    const idling = client.idle();
    const sent = await send(world, file("unsigned"), "hello@demo.test", "third@plain.test");
    expect(sent.code, sent.stderr).toBe(0);
    expect(await told).toBe(exists + 1);
    await client.noop();
    await idling;
  } finally {
    await client.logout();
  }
});

test.skipIf(!mbsyncHere)("mbsync pulls every message", async () => {
  const home = join(world.folder, "mbsync");
  mkdirSync(join(home, "mail"), { recursive: true });
  const { address, password } = world.endpoints.mailbox;
  const account = `IMAPAccount p\nHost localhost\nPort ${world.endpoints.imaps.port}\nUser ${address}\nPass ${password}\nSSLType IMAPS\nCertificateFile ${world.endpoints.ca}\n`;
  const stores = `IMAPStore far\nAccount p\n\nMaildirStore near\nPath ${home}/mail/\nInbox ${home}/mail/INBOX\nSubFolders Verbatim\n`;
  const channel = `Channel all\nFar :far:\nNear :near:\nPatterns *\nCreate Near\nSync Pull\nSyncState ${home}/state/\n`;
  mkdirSync(join(home, "state"));
  writeFileSync(join(home, "rc"), `${account}\n${stores}\n${channel}`);
  const synced = await program("mbsync", ["-c", join(home, "rc"), "-a"]);
  expect(synced.code, synced.stderr).toBe(0);
  const pulled = [...readdirSync(join(home, "mail/INBOX/new")), ...readdirSync(join(home, "mail/INBOX/cur"))];
  expect(pulled).toHaveLength(await countIn(world, "INBOX"));
});

test("no trace of a message in what either half keeps", async () => {
  const markers = ["was checked at the edge, sealed to", "Welcome to Postern", "An ordinary message from a domain"].map(
    (text) => Buffer.from(text),
  );
  const searched: string[] = [];
  const found: string[] = [];
  for (const path of readdirSync(world.folder, { recursive: true, encoding: "utf8" })) {
    if (/^(outside|mbsync)\b/.test(path)) continue; // the outside world and a client's own copy
    let bytes: Buffer;
    try {
      bytes = readFileSync(join(world.folder, path));
    } catch {
      continue; // a folder or a socket
    }
    searched.push(path);
    if (markers.some((marker) => bytes.includes(marker))) found.push(path);
  }
  expect(searched.some((path) => path.endsWith(".sqlite"))).toBe(true); // D1 and R2 were looked at
  expect(searched.some((path) => path.endsWith("mail.db"))).toBe(true);
  expect(found).toEqual([]);
});

// Regression: the page looked for the record under another name than the node's heartbeat gives it, so it was never shown.
test("the zone file to download holds the DKIM record that the node signs with", async () => {
  const url = `${world.endpoints.edge}/domains/${world.demo.domain}/zone.txt`;
  const zone = await (await fetch(url, { headers: { cookie: await session() } })).text();
  expect(zone).toMatch(/_domainkey[\s\S]*v=DKIM1; k=rsa; p=/);
});

test("the node tells which services it has and which key: records and checks name them", async () => {
  const url = `${world.endpoints.edge}/api/domains/${world.demo.domain}/checks`;
  const { items } = (await (await fetch(url, { headers: { cookie: await session() } })).json()) as {
    items: { id: string; value: string }[];
  };
  const expected = (id: string) => items.find((one) => one.id === id)?.value;
  expect(expected("dane")).toMatch(/^3 1 1 [0-9a-f]{64}$/);
  expect(expected("imaps")).toBe(`1 ${new URL(imapUrl(world, "INBOX")).port} mx.demo.test`);
});

type ActivityRow = { mailFrom: string; outcome: string; reason: string };

/** The operator's session cookie. */
async function session(): Promise<string> {
  const origin = world.endpoints.edge;
  const signedIn = await fetch(`${origin}/api/session`, {
    method: "POST",
    headers: { "content-type": "application/json", origin },
    body: JSON.stringify(world.endpoints.admin),
  });
  const cookies = signedIn.headers.getSetCookie();
  return cookies.map((each) => each.split(";")[0]).join("; ");
}

/** The domain's activity by the API, as the operator. */
async function activity(wanted: (row: ActivityRow) => boolean): Promise<ActivityRow> {
  const cookie = await session();
  return eventually("the journal row", async () => {
    const answer = await fetch(`${world.endpoints.edge}/api/activity?domain=${world.demo.domain}`, {
      headers: { cookie },
    });
    const rows = ((await answer.json()) as { items: ActivityRow[] }).items;
    return rows.find(wanted) ?? null;
  });
}
