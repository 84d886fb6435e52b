// interimap keeps two servers in step by QRESYNC alone: what one of them forgets to say, the other never hears. Ours against dovecot.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { ImapFlow } from "imapflow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Account } from "../../src/daemon/imap/port.ts";
import { type Dovecot, dovecotProbe, startDovecot } from "./imap-dovecot.ts";
import { contents, type PeerWorld, peerWorld, program } from "./imap-world.ts";
import { need } from "./need.ts";

const untested = "QRESYNC is not tried with a client that lives on it";
const isHere = need("interimap", ["interimap", "--version"], untested) && need("dovecot-imapd", dovecotProbe, untested);

const message = (n: number): string =>
  `From: s${n}@example.org\r\nSubject: message ${n}\r\nMessage-ID: <${n}@example.org>\r\n\r\nbody ${n}\r\n`;
const messages = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => message(from + i));

describe.skipIf(!isHere)("interimap", () => {
  let ours: PeerWorld;
  let account: Account;
  let theirs: Dovecot;
  let dovecot: ImapFlow;
  beforeEach(async () => {
    [ours, theirs] = await Promise.all([peerWorld(), startDovecot()]);
    account = await ours.account();
    dovecot = new ImapFlow({
      host: "127.0.0.1",
      port: theirs.imap,
      secure: false,
      doSTARTTLS: false,
      auth: { user: "twin", pass: theirs.password },
      logger: false,
    });
    await dovecot.connect();
  });
  afterEach(async () => {
    await dovecot.logout();
    await account.logout();
    expect(ours.bugs).toEqual([]);
    await Promise.all([ours.close(), theirs.close()]);
  });

  async function sync(): Promise<void> {
    const config = join(ours.home, "interimap.conf");
    writeFileSync(config, settings());
    const ran = await program("interimap", [`--config=${config}`, "--quiet"], { home: ours.home });
    // It tells what it makes in its database and at dovecot's; anything else is a complaint.
    const complaints = ran.err
      .split("\n")
      .filter((line) => !/^(?:Creating new schema|(?:database|local|remote)[(:]|$)/.test(line));
    expect({ code: ran.code, complaints }).toEqual({ code: 0, complaints: [] });
  }

  function settings(): string {
    return `database = ${ours.home}/state.db

[local]
type = imap
host = 127.0.0.1
port = ${theirs.imap}
STARTTLS = NO
username = twin
password = ${theirs.password}

[remote]
type = imaps
host = localhost
port = ${ours.imaps}
username = ${ours.user}
password = ${ours.password}
SSL_CAfile = ${ours.ca}
`;
  }

  const told = (raw: string, flags: Iterable<string>): string => `${raw} ${[...flags].toSorted().join(" ")}`;

  async function here(folder: string): Promise<string[]> {
    return (await contents(account, folder)).map(({ raw, flags }) => told(raw, flags)).toSorted();
  }

  async function there(folder: string): Promise<string[]> {
    const lock = await dovecot.getMailboxLock(folder);
    // What others did is told now, and not in the middle of the answers.
    await dovecot.noop();
    const all: string[] = [];
    for await (const one of dovecot.fetch("1:*", { source: true, flags: true })) {
      const flags = [...(one.flags ?? [])].filter((flag) => flag !== "\\Recent");
      all.push(told(one.source?.toString("latin1") ?? "", flags));
    }
    lock.release();
    return all.toSorted();
  }

  it("keeps flags, keywords, deletions and new mail of both sides", { timeout: 120_000 }, async () => {
    await ours.append(messages(1, 300));
    await sync();
    expect(await there("INBOX")).toEqual(await here("INBOX"));

    const box = await account.open("INBOX", false);
    await box.setFlags([[1, 40]], { mode: "add", flags: ["\\Flagged", "$Forwarded"] }, null);
    await box.setFlags([[101, 140]], { mode: "add", flags: ["\\Deleted"] }, null);
    await box.expunge(null);
    await ours.append(messages(301, 310));
    await account.create("work/ours", null);
    await account.subscribe("work/ours", true);
    await account.append("work/ours", [{ flags: ["\\Draft"], internalDate: 0, bytes: Buffer.from(message(1000)) }]);

    const lock = await dovecot.getMailboxLock("INBOX");
    await dovecot.messageFlagsAdd("41:90", ["\\Seen", "later"], { uid: true });
    await dovecot.messageDelete("201:230", { uid: true });
    lock.release();
    for (const raw of messages(401, 405)) await dovecot.append("INBOX", raw, ["\\Answered"]);
    await dovecot.mailboxCreate("work/theirs");
    await dovecot.mailboxSubscribe("work/theirs");
    await dovecot.append("work/theirs", message(2000));

    await sync();
    for (const folder of ["INBOX", "work/ours", "work/theirs"]) {
      expect(await there(folder), folder).toEqual(await here(folder));
    }
    const inbox = await here("INBOX");
    expect(inbox.length).toBe(300 - 40 - 30 + 10 + 5);
    expect(inbox.filter((one) => one.includes("$Forwarded")).length).toBe(40);
    expect(inbox.filter((one) => one.includes("later")).length).toBe(50);

    // Nothing is left to say.
    const highest = async () => (await account.counts(["INBOX", "work/ours"])).map((one) => one?.highestModseq);
    const before = await highest();
    await sync();
    expect(await highest()).toEqual(before);
  });
});
