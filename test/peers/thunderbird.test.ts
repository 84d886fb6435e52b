// Thunderbird itself: set up by our autoconfig answer, it gets the inbox and reads a message.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { autoconfig } from "../../src/core/client-setup/autoconfig.ts";
import { servicesOf } from "../../src/core/client-setup/service.ts";
import { contents, type PeerWorld, peerWorld } from "./imap-world.ts";
import { need } from "./need.ts";
import { startThunderbird } from "./thunderbird.ts";

const untested = "IMAP and its set-up are not tried with this client";
const here =
  need("thunderbird", ["/usr/lib/thunderbird/thunderbird-bin", "--version"], untested) &&
  need("xvfb", ["which", "Xvfb"], untested);

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const domain = "demo.test";
const message =
  "From: Ann <ann@example.org>\r\nTo: peer@demo.test\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n" +
  "Date: Tue, 14 Nov 2023 10:00:00 +0000\r\nMessage-ID: <tb@example.org>\r\nMIME-Version: 1.0\r\n" +
  "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
  `${Buffer.from("needle in a häystack\r\n").toString("base64")}\r\n`;

/** The answer that the edge gives for this world's node, where a program asks for it. */
async function setupServer(world: PeerWorld): Promise<{ url: string; asked: string[]; close(): void }> {
  // Without submission: the answer must be one that it takes all the same.
  const ports = { imaps: world.imaps, imap: world.imap, pop3s: world.pop3s, pop3: world.pop3 };
  const answer = autoconfig({ domain, services: servicesOf("localhost", ports) });
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.setHeader("content-type", "text/xml; charset=utf-8");
    response.end(answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/mail/config-v1.1.xml?for={{domain}}`,
    asked,
    close: () => void server.close(),
  };
}

/** Its account wizard without the clicks: the same modules fetch the answer, read it, and make the account. */
const setUp = `
  const [url, domain, email, password, ca] = args;
  const module = (name) => ChromeUtils.importESModule("resource:///modules/accountcreation/" + name + ".sys.mjs")[name];
  Cc["@mozilla.org/security/x509certdb;1"].getService(Ci.nsIX509CertDB).addCertFromBase64(ca, "CT,,");
  Services.prefs.setCharPref("mailnews.auto_config_url", url);
  const config = await module("FetchConfig").fromDB(domain, new AbortController().signal);
  module("AccountConfig").replaceVariables(config, "Peer", email, password);
  config.rememberPassword = true;
  const { incomingServer } = await module("CreateInBackend").createAccountInBackend(config);
  incomingServer.password = password;
  return [incomingServer.type, incomingServer.port, incomingServer.username, incomingServer.socketType];`;

/** Opens the inbox in its window, gets the messages, and shows the first; answers what the reader sees. */
const readFirst = `
  const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
  const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");
  const until = async (look) => {
    for (;;) {
      try { const seen = look(); if (seen) return seen; } catch {}
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const server = MailServices.accounts.defaultAccount.incomingServer;
  server.performExpand(null);
  const inbox = await until(() => server.rootFolder.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox));
  const tabs = await until(() => Services.wm.getMostRecentWindow("mail:3pane").document.getElementById("tabmail"));
  const pane = await until(() => tabs.currentAbout3Pane?.threadTree && tabs.currentAbout3Pane);
  pane.displayFolder(inbox.URI);
  inbox.getNewMessages(null, null);
  await until(() => pane.gDBView?.rowCount > 0);
  pane.threadTree.selectedIndex = 0;
  const body = await until(() => {
    const { body } = tabs.currentAboutMessage.getMessagePaneBrowser().contentDocument;
    return body.textContent.includes("stack") && body.textContent;
  });
  const [header] = [...inbox.messages];
  await until(() => header.isRead && inbox.hasMsgOffline(header.messageKey));
  return { body, subject: header.mime2DecodedSubject, names: server.rootFolder.subFolders.map((one) => one.name) };`;

describe.skipIf(!here)("thunderbird", () => {
  it("is set up by our answer, gets the inbox and reads a message", { timeout: 300_000 }, async () => {
    const world = await peerWorld();
    open.push(world);
    await world.append([message]);
    const setup = await setupServer(world);
    open.push(setup);
    const { marionette, profile, ...bird } = await startThunderbird(world.home, 240_000);
    open.push(bird);
    const ca = readFileSync(world.ca, "utf8").replace(/-----[^-]+-----|\s/g, "");
    const ssl = 3;
    expect(await marionette.run(setUp, setup.url, domain, world.user, world.password, ca)).toEqual([
      "imap",
      world.imaps,
      world.user,
      ssl,
    ]);
    expect(setup.asked).toEqual([`/mail/config-v1.1.xml?for=${domain}`]);
    const seen = await marionette.run<{ body: string; subject: string; names: string[] }>(readFirst);
    expect(seen.body).toContain("needle in a häystack");
    expect(seen.subject).toBe("Grüße");
    expect(seen.names).toEqual(expect.arrayContaining(["Archive", "Drafts", "Junk", "Sent", "Trash"]));
    // From outside: its own file has the message whole, and the server knows that it was read.
    expect(readFileSync(join(profile, "ImapMail/localhost/INBOX"), "latin1")).toContain(message);
    const account = await world.account();
    expect((await contents(account, "INBOX")).map(({ flags }) => flags)).toEqual([["\\Seen"]]);
    await account.logout();
    expect(world.bugs).toEqual([]);
  });
});
