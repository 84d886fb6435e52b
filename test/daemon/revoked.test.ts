// A device's access is taken away, or the whole mailbox: over the real store its sessions end at once, whatever they were doing.
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Servers, servers } from "../fakes/servers.ts";
import { Client } from "../transcripts/client.ts";
import { logIn, makeMailbox, type StoreFixture, storeFixture, type TestMailbox, texts } from "./store/fixture.ts";

let fixture: StoreFixture;
let running: Servers;
beforeAll(async () => {
  fixture = await storeFixture();
  running = await servers(fixture.store.mailboxes, fixture.store.maildrops);
});
afterAll(async () => {
  await running.close();
  await fixture.end();
});

/** A mailbox with a message and two devices. */
async function placed(id: string) {
  const mailbox = makeMailbox(id, `${id}@demo.test`);
  const { slot, password: lost } = mailbox.addSlot("phone");
  const record = { ...mailbox.record, revision: 2, keyslots: [...mailbox.record.keyslots, slot] };
  await fixture.store.applyMailbox(record);
  await fixture.store.acceptSealed({
    mailbox: id,
    epoch: 0,
    id: "one",
    bytes: mailbox.seal("Subject: one\r\n\r\none\r\n"),
  });
  const keyslots = record.keyslots.map((one) => (one === slot ? { ...one, revokedAt: 5 } : one));
  return { mailbox, lost, revoked: { ...record, revision: 3, keyslots } };
}

async function dial(port: number): Promise<Client> {
  const client = await Client.connect(port, "whole");
  await client.response();
  return client;
}

async function imap({ record }: TestMailbox, password: string): Promise<Client> {
  const client = await dial(running.imap);
  await client.send(`a LOGIN ${record.address} ${password}\r\n`);
  await until(client, /^a OK/);
  return client;
}

async function pop3({ record }: TestMailbox, password: string): Promise<[client: Client, answer: string | null]> {
  const client = await dial(running.pop3);
  await client.send(`USER ${record.address}\r\n`);
  await client.response();
  await client.send(`PASS ${password}\r\n`);
  return [client, await client.response()];
}

async function until(client: Client, fits: RegExp): Promise<string> {
  for (;;) {
    const line = await client.response();
    if (line === null) throw new Error("closed");
    if (fits.test(line)) return line;
  }
}

async function idle(client: Client): Promise<void> {
  await client.send("b SELECT INBOX\r\nc IDLE\r\n");
  await until(client, /^\+/);
}

it("a revoked device: IDLE and POP3 end with a word, nothing is deleted, the lock is free, other devices stay", async () => {
  const { mailbox, lost, revoked } = await placed("r1");
  const [idling, resting, kept] = [
    await imap(mailbox, lost),
    await imap(mailbox, lost),
    await imap(mailbox, mailbox.password),
  ];
  await idle(idling);
  await idle(kept);
  const [pop] = await pop3(mailbox, lost);
  await pop.send("DELE 1\r\n");
  expect(await pop.response()).toMatch(/^\+OK/);
  expect((await pop3(mailbox, mailbox.password))[1]).toMatch(/^-ERR \[IN-USE\]/);
  await fixture.store.applyMailbox(revoked);
  for (const client of [idling, resting]) {
    expect(await until(client, /^\* BYE/)).toMatch(/^\* BYE \[AUTHORIZATIONFAILED\]/);
    expect(await client.response()).toBeNull();
  }
  expect(await pop.response()).toMatch(/^-ERR \[AUTH\]/);
  expect(await pop.response()).toBeNull();
  await kept.send("DONE\r\n");
  await until(kept, /^c OK/);
  expect((await pop3(mailbox, lost))[1]).toMatch(/^-ERR \[AUTH\]/);
  const [again, answer] = await pop3(mailbox, mailbox.password);
  expect(answer).toMatch(/^\+OK/);
  await again.send("QUIT\r\n");
  await again.response();
  expect(await texts(fixture.store, mailbox)).toHaveLength(1);
  expect(running.bugs).toEqual([]);
});

it("in the middle of a long answer, and while it logs in: no session outlives the revocation", async () => {
  const { mailbox, lost, revoked } = await placed("r2");
  const account = await logIn(fixture.store, mailbox);
  const bytes = Buffer.from(`Subject: big\r\n\r\n${"x".repeat(76)}\r\n`.repeat(20_000));
  for (let i = 0; i < 10; i++)
    await account.append("INBOX", [{ flags: [], internalDate: null, bytes: Uint8Array.from(bytes) }]);
  await account.logout();
  const reading = await imap(mailbox, lost);
  await reading.send("b SELECT INBOX\r\n");
  await until(reading, /^b OK/);
  await reading.send("d FETCH 1:* BODY.PEEK[]\r\n");
  const entering = await Promise.all(Array.from({ length: 8 }, () => dial(running.imap)));
  const answers = entering.map(async (client) => {
    await client.send(`a LOGIN ${mailbox.record.address} ${lost}\r\n`);
    const first = await until(client, /^(a |\* BYE)/);
    if (!first.startsWith("a OK")) return first;
    return until(client, /^\* BYE/);
  });
  await fixture.store.applyMailbox(revoked);
  for (const answer of await Promise.all(answers)) expect(answer).toMatch(/^(a NO|\* BYE \[AUTHORIZATIONFAILED\])/);
  for (let line = await reading.response(); line !== null; line = await reading.response());
  expect(running.bugs).toEqual([]);
});

it("an erased mailbox: every session ends, and the files are gone", async () => {
  const { mailbox, lost, revoked } = await placed("r3");
  const [one, two] = [await imap(mailbox, lost), await imap(mailbox, mailbox.password)];
  await idle(one);
  const [pop] = await pop3(mailbox, mailbox.password);
  await fixture.store.applyMailbox({ ...revoked, state: "deleted", keyslots: [] });
  for (const client of [one, two]) await until(client, /^\* BYE/);
  expect(await pop.response()).toMatch(/^-ERR/);
  expect((await pop3(mailbox, mailbox.password))[1]).toMatch(/^-ERR \[AUTH\]/);
  expect(running.bugs).toEqual([]);
});
