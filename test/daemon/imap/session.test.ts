// What transcripts cannot show: TLS, time, limits, broken and slow mailboxes, many at once.
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import type { Account, Login, Mailboxes } from "../../../src/daemon/imap/port.ts";
import { tlsContext } from "../../../src/daemon/net/tls.ts";
import { certificatePair } from "../../fakes/certificate.ts";
import { MemoryMailboxes } from "../../fakes/mailboxes.ts";
import { MemoryMaildrops } from "../../fakes/maildrops.ts";
import { type ServerOptions, type Servers, servers } from "../../fakes/servers.ts";
import { Client } from "../../transcripts/client.ts";

const user = "ann@example.test";
const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

type World = { mailboxes: MemoryMailboxes; servers: Servers };

async function world(
  options: ServerOptions = {},
  wrap = (mailboxes: Mailboxes): Mailboxes => mailboxes,
): Promise<World> {
  const mailboxes = new MemoryMailboxes([{ address: user, password: "pw" }]);
  const running = await servers(wrap(mailboxes), new MemoryMaildrops(mailboxes), options);
  open.push(running);
  return { mailboxes, servers: running };
}

async function dial(port: number): Promise<Client> {
  const client = await Client.connect(port, "whole");
  open.push(client);
  expect(await client.response()).toMatch(/^(\* OK|\+OK)/);
  return client;
}

/** The command's untagged lines and its end. */
async function ask(client: Client, line: string): Promise<string[]> {
  await client.send(`t ${line}\r\n`);
  const lines: string[] = [];
  for (;;) {
    const reply = await client.response();
    if (reply === null) return [...lines, "closed"];
    lines.push(reply);
    if (reply.startsWith("t ")) return lines;
  }
}

async function loggedIn(port: number): Promise<Client> {
  const client = await dial(port);
  expect((await ask(client, `LOGIN ${user} pw`)).at(-1)).toMatch(/^t OK/);
  return client;
}

/** The mailboxes, with some of every account's doings replaced. */
function changed(change: (account: Account) => Partial<Account>): (mailboxes: Mailboxes) => Mailboxes {
  return (mailboxes) => ({
    async login(...args): Promise<Login> {
      const login = await mailboxes.login(...args);
      if (!login.ok) return login;
      const { account } = login;
      const proxy = new Proxy(account, {
        get(target, key) {
          const own = Reflect.get(change(account), key) ?? Reflect.get(target, key, target);
          return typeof own === "function" ? own.bind(target) : own;
        },
      });
      return { ok: true, account: proxy };
    },
  });
}

describe("STARTTLS", () => {
  it("goes on in TLS, and forgets what came in clear behind it", async () => {
    const pair = await certificatePair("localhost");
    const { servers } = await world({ plain: false, tls: () => tlsContext(pair) });
    const socket = connect({ port: servers.imap, host: "127.0.0.1" });
    open.push({ close: () => socket.destroy() });
    expect(String((await once(socket, "data"))[0])).toContain("STARTTLS LOGINDISABLED");
    // CVE-2011-0411: the second command is an attacker's.
    socket.write("a1 STARTTLS\r\na2 NOOP\r\n");
    expect(String((await once(socket, "data"))[0])).toMatch(/^a1 OK [^\r]*\r\n$/);
    const secure = connectTls({ socket, ca: pair.ca, servername: "localhost" });
    await once(secure, "secureConnect");
    secure.write("a3 CAPABILITY\r\n");
    const text = String((await once(secure, "data"))[0]);
    expect(text).toContain("AUTH=PLAIN");
    expect(text).not.toContain("STARTTLS");
    expect(text).not.toContain("a2");
    secure.write(`a4 LOGIN ${user} pw\r\n`);
    expect(String((await once(secure, "data"))[0])).toMatch(/^a4 OK/);
  });

  it("is STLS in POP3", async () => {
    const pair = await certificatePair("localhost");
    const { servers } = await world({ plain: false, tls: () => tlsContext(pair) });
    const client = connect({ port: servers.pop3, host: "127.0.0.1" });
    open.push({ close: () => client.destroy() });
    await once(client, "data");
    client.write("STLS\r\nUSER evil\r\n");
    expect(String((await once(client, "data"))[0])).toMatch(/^\+OK [^\r]*\r\n$/);
    const secure = connectTls({ socket: client, ca: pair.ca, servername: "localhost" });
    await once(secure, "secureConnect");
    secure.write("CAPA\r\n");
    const text = String((await once(secure, "data"))[0]);
    expect(text).toContain("SASL PLAIN");
    expect(text).not.toContain("STLS");
  });
});

describe("COMPRESS", () => {
  it("deflates both ways, and only once", async () => {
    const { servers } = await world();
    const socket = connect({ port: servers.imap, host: "127.0.0.1" });
    open.push({ close: () => socket.destroy() });
    await until(socket, "ready");
    socket.write(`a1 LOGIN ${user} pw\r\n`);
    await until(socket, "a1 OK");
    socket.write("a2 COMPRESS DEFLATE\r\n");
    await until(socket, "a2 OK");
    const out = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH });
    const back = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH });
    out.pipe(socket);
    socket.pipe(back);
    out.write("a3 CAPABILITY\r\na4 COMPRESS DEFLATE\r\na5 LOGOUT\r\n");
    let text = "";
    for await (const chunk of back) text += chunk;
    expect(text).not.toContain("COMPRESS=DEFLATE");
    expect(text).toContain("a3 OK");
    expect(text).toContain("a4 NO [COMPRESSIONACTIVE]");
    expect(text).toContain("* BYE");
    expect(text).toMatch(/a5 OK/);
  });
});

async function until(socket: Socket, word: string): Promise<void> {
  for (let text = ""; !text.includes(word); ) text += String((await once(socket, "data"))[0]);
}

describe("limits", () => {
  it("cuts off a line without end", async () => {
    const { servers } = await world();
    const client = await dial(servers.imap);
    await client.send("x".repeat(70_000));
    expect(await client.response()).toMatch(/^\* BYE/);
    expect(await client.response()).toBeNull();
    const pop = await dial(servers.pop3);
    await pop.send("x".repeat(70_000));
    expect(await pop.response()).toMatch(/^-ERR/);
    expect(await pop.response()).toBeNull();
  });

  it("takes long sets, as clients with large folders send", async () => {
    const { servers } = await world();
    const client = await loggedIn(servers.imap);
    await ask(client, "SELECT INBOX");
    const set = Array.from({ length: 8000 }, (_, i) => i * 2 + 1).join(",");
    expect(await ask(client, `UID FETCH ${set} FLAGS`)).toEqual(["t OK UID FETCH completed"]);
  });

  it("bounds a folder's keywords, in number and length", async () => {
    const { servers, mailboxes } = await world();
    mailboxes.mailbox(user).deliver("INBOX", [{ bytes: Buffer.from("a: b\r\n\r\n"), flags: [], internalDate: null }]);
    const client = await loggedIn(servers.imap);
    await ask(client, "SELECT INBOX");
    const words = (from: number, to: number): string =>
      Array.from({ length: to - from }, (_, i) => `kw${from + i}`).join(" ");
    expect((await ask(client, `STORE 1 +FLAGS.SILENT (${words(0, 400)})`)).at(-1)).toMatch(/^t OK/);
    expect((await ask(client, `STORE 1 +FLAGS.SILENT (${words(400, 501)})`)).at(-1)).toMatch(/^t NO \[LIMIT\]/);
    expect((await ask(client, `STORE 1 FLAGS.SILENT (${words(300, 500)} KW7)`)).at(-1)).toMatch(/^t OK/);
    expect((await ask(client, `STORE 1 +FLAGS (${"k".repeat(256)})`)).at(-1)).toMatch(/^t BAD/);
  });

  it("bounds nesting", async () => {
    const { servers } = await world();
    const client = await loggedIn(servers.imap);
    await ask(client, "SELECT INBOX");
    const deep = await ask(client, `SEARCH ${"NOT ".repeat(500)}ALL`);
    expect(deep).toEqual([expect.stringMatching(/^t BAD/)]);
    const parens = await ask(client, `SEARCH ${"(".repeat(500)}ALL${")".repeat(500)}`);
    expect(parens).toEqual([expect.stringMatching(/^t BAD/)]);
    const sections = await ask(client, `FETCH 1 BODY[${"1.".repeat(300)}1]`);
    expect(sections).toEqual([expect.stringMatching(/^t BAD/)]);
  });

  it("matches a pattern of wildcards without growing slow", async () => {
    const { servers } = await world();
    const client = await loggedIn(servers.imap);
    await ask(client, `CREATE ${"a".repeat(200)}`);
    const began = performance.now();
    await ask(client, `LIST "" "${"*a%".repeat(150)}b"`);
    expect(performance.now() - began).toBeLessThan(2000);
  });

  it("says when the server or a mailbox is full", async () => {
    const { servers } = await world({ crowd: { connections: 1 } });
    await dial(servers.imap);
    const late = await Client.connect(servers.imap, "whole");
    open.push(late);
    expect(await late.response()).toMatch(/^\* BYE \[UNAVAILABLE\]/);
    expect(await late.response()).toBeNull();
    await dial(servers.pop3);
    const latePop = await Client.connect(servers.pop3, "whole");
    open.push(latePop);
    expect(await latePop.response()).toMatch(/^-ERR \[SYS\/TEMP\]/);
  });

  it("says when an address or a mailbox has its fill", async () => {
    const { servers } = await world({ crowd: { perAddress: 2, perMailbox: 1 } });
    let ip = "";
    // As a trusted balancer's word would have it: this host's own connections are not bounded.
    const front = createServer((socket) => servers.imapServer.serve({ socket, ip, secure: false }));
    await once(front.listen(0, "127.0.0.1"), "listening");
    open.push({ close: () => front.close() });
    const from = async (address: string): Promise<Client> => {
      ip = address;
      const client = await Client.connect((front.address() as AddressInfo).port, "whole");
      open.push(client);
      return client;
    };
    const first = await from("192.0.2.1");
    expect(await first.response()).toMatch(/^\* OK/);
    expect((await ask(first, `LOGIN ${user} pw`)).at(-1)).toMatch(/^t OK/);
    const second = await from("192.0.2.1");
    expect(await second.response()).toMatch(/^\* OK/);
    expect(await ask(second, `LOGIN ${user} pw`)).toEqual([expect.stringMatching(/^\* BYE \[LIMIT\]/), "closed"]);
    const third = await from("198.51.100.1");
    expect(await third.response()).toMatch(/^\* OK/);
    await ask(first, "LOGOUT");
    expect(await first.response()).toBeNull();
    expect((await ask(third, `LOGIN ${user} pw`)).at(-1)).toMatch(/^t OK/);
    const fourth = await from("198.51.100.1");
    expect(await fourth.response()).toMatch(/^\* OK/);
    const fifth = await from("198.51.100.1");
    expect(await fifth.response()).toMatch(/^\* BYE \[UNAVAILABLE\]/);
    expect(await fifth.response()).toBeNull();
  });

  it("bounds what a mailbox' sessions hold together while it comes in", async () => {
    const { servers } = await world({ crowd: { heldPerMailbox: 100 } });
    const [a, b, c] = [await loggedIn(servers.imap), await loggedIn(servers.imap), await loggedIn(servers.imap)];
    await a.send("t APPEND INBOX {80}\r\n");
    expect(await a.response()).toMatch(/^\+/);
    expect(await ask(b, "APPEND INBOX {21}")).toEqual([expect.stringMatching(/^t NO \[LIMIT\]/)]);
    expect(await ask(b, `APPEND INBOX {21+}\r\n${"b".repeat(21)}`)).toEqual([expect.stringMatching(/^t NO \[LIMIT\]/)]);
    expect((await ask(b, `APPEND INBOX {20+}\r\n${"b".repeat(20)}`)).at(-1)).toMatch(/^t OK/);
    await a.send(`${"a".repeat(80)}\r\n`);
    expect(await a.response()).toMatch(/^t OK/);
    // A client that leaves in the middle holds nothing any more.
    await c.send("t APPEND INBOX {100}\r\n");
    expect(await c.response()).toMatch(/^\+/);
    c.close();
    await expect.poll(async () => (await ask(b, `APPEND INBOX {99+}\r\n${"b".repeat(99)}`)).at(-1)).toMatch(/^t OK/);
  });

  it("bounds the literals of one command together", async () => {
    const { servers } = await world();
    const client = await loggedIn(servers.imap);
    await ask(client, "SELECT INBOX");
    const many = ` TEXT {60000+}\r\n${"x".repeat(60_000)}`.repeat(20);
    expect(await ask(client, `SEARCH${many}`)).toEqual([expect.stringMatching(/^t BAD/)]);
    expect(await ask(client, "NOOP")).toEqual([expect.stringMatching(/^t OK/)]);
  });

  it("logs out who says nothing", async () => {
    const { servers } = await world({ startMs: 30, autologoutMs: 60 });
    const early = await dial(servers.imap);
    expect(await early.response()).toMatch(/^\* BYE Autologout/);
    expect(await early.response()).toBeNull();
    const idler = await loggedIn(servers.imap);
    await ask(idler, "SELECT INBOX");
    await idler.send("t IDLE\r\n");
    expect(await idler.response()).toBe("+ idling");
    expect(await idler.response()).toMatch(/^\* BYE Autologout/);
    expect(await idler.response()).toBeNull();
  });

  it("logs out who says nothing in POP3, deletes nothing and frees the lock", async () => {
    const { servers, mailboxes } = await world({ startMs: 30, autologoutMs: 60 });
    const box = mailboxes.mailbox(user);
    box.deliver("INBOX", [{ bytes: Buffer.from("a: b\r\n\r\n"), flags: [], internalDate: null }]);
    const early = await dial(servers.pop3);
    expect(await early.response()).toMatch(/^-ERR Autologout/);
    expect(await early.response()).toBeNull();
    const client = await dial(servers.pop3);
    await client.send(`USER ${user}\r\nPASS pw\r\nDELE 1\r\n`);
    for (let i = 0; i < 3; i++) expect(await client.response()).toMatch(/^\+OK/);
    expect(await client.response()).toMatch(/^-ERR Autologout/);
    expect(await client.response()).toBeNull();
    while (servers.pop3Server.size > 0) await new Promise((resolve) => setImmediate(resolve));
    expect([box.popLocked, box.need("INBOX").messages.length]).toEqual([false, 1]);
  });

  it("lets nobody take for ever to log in, however busily", async () => {
    const { servers } = await world({ loginMs: 60 });
    const client = await dial(servers.imap);
    const busy = setInterval(() => void client.send("t NOOP\r\n"), 5);
    let last: string | null = "";
    while (last?.startsWith("* BYE") === false) last = await client.response();
    clearInterval(busy);
    expect(last).toMatch(/^\* BYE Autologout/);
  });
});

describe("a broken or slow mailbox", () => {
  it("is a bug that is logged, not told", async () => {
    const secret = "what the store said";
    const { servers } = await world(
      {},
      changed(() => ({
        quota: async () => {
          throw new Error(secret);
        },
      })),
    );
    const client = await loggedIn(servers.imap);
    expect(await ask(client, "GETQUOTA mailbox")).toEqual(["t NO [SERVERBUG] Internal error"]);
    expect(await ask(client, "NOOP")).toEqual(["t OK NOOP completed"]);
    expect(servers.bugs.join()).toContain(secret);
  });

  it("is said to be in progress", async () => {
    let release: () => void = () => undefined;
    const { servers } = await world(
      { progressMs: 5 },
      changed((account) => ({
        quota: async () => {
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          return await account.quota();
        },
      })),
    );
    const client = await loggedIn(servers.imap);
    await client.send("t9 GETQUOTA mailbox\r\n");
    expect(await client.response()).toBe('* OK [INPROGRESS ("t9" NIL NIL)] Still at it');
    release();
    let last: string | null = "";
    while (!last?.startsWith("t9 ")) last = await client.response();
    expect(last).toBe("t9 OK GETQUOTA completed");
  });

  it("is said to be how far, where that is known", async () => {
    let release: () => void = () => undefined;
    const { servers, mailboxes } = await world(
      { progressMs: 5 },
      changed((account) => ({
        open: async (name: string, readOnly: boolean) => {
          const box = await account.open(name, readOnly);
          if (name === "Archive")
            await new Promise<void>((resolve) => {
              release = resolve;
            });
          return box;
        },
      })),
    );
    mailboxes.mailbox(user).deliver("INBOX", [{ bytes: Buffer.from("a: b\r\n\r\n"), flags: [], internalDate: null }]);
    const client = await loggedIn(servers.imap);
    await client.send("t9 ESEARCH IN (mailboxes (INBOX Archive)) ALL\r\n");
    let last: string | null = "";
    while (!last?.startsWith("* ESEARCH")) last = await client.response();
    while (last?.startsWith("* ESEARCH")) last = await client.response();
    expect(last).toBe('* OK [INPROGRESS ("t9" 1 2)] Still at it');
    release();
    while (!last?.startsWith("t9 ")) last = await client.response();
    expect(last).toBe("t9 OK ESEARCH completed");
  });

  it("that is not to be had for the moment is no wrong password", async () => {
    const { servers } = await world({}, () => ({ login: async () => ({ ok: false, why: "unavailable" }) }));
    const client = await dial(servers.imap);
    expect(await ask(client, `LOGIN ${user} pw`)).toEqual([expect.stringMatching(/^t NO \[UNAVAILABLE\]/)]);
  });
});

describe("the end", () => {
  it("comes with BYE at shutdown, after the command in hand", async () => {
    let release: () => void = () => undefined;
    const { servers } = await world(
      {},
      changed((account) => ({
        quota: async () => {
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          return await account.quota();
        },
      })),
    );
    const idle = await loggedIn(servers.imap);
    await idle.send("t IDLE\r\n");
    await idle.response();
    const quiet = await dial(servers.imap);
    const busy = await loggedIn(servers.imap);
    await busy.send("t1 GETQUOTA mailbox\r\n");
    await new Promise((resolve) => setTimeout(resolve, 10));
    const closed = servers.imapServer.close();
    expect(await idle.response()).toMatch(/^\* BYE \[UNAVAILABLE\]/);
    expect(await quiet.response()).toMatch(/^\* BYE \[UNAVAILABLE\]/);
    release();
    expect(await busy.response()).toMatch(/^\* QUOTA/);
    expect(await busy.response()).toMatch(/^t1 OK/);
    expect(await busy.response()).toMatch(/^\* BYE/);
    expect(await busy.response()).toBeNull();
    await closed;
    expect(servers.imapServer.size).toBe(0);
  });

  it("does not wait for the slow answer to a wrong password", async () => {
    const { servers } = await world({ firstDelayMs: 600_000 });
    const client = await dial(servers.imap);
    await client.send(`t LOGIN ${user} wrong\r\n`);
    const pop = await dial(servers.pop3);
    await pop.send(`USER ${user}\r\nPASS wrong\r\n`);
    expect(await pop.response()).toMatch(/^\+OK/);
    await Promise.all([servers.imapServer.close(), servers.pop3Server.close()]);
    expect(await client.response()).toMatch(/^(?:t NO|\* BYE)/);
    expect(await pop.response()).toMatch(/^-ERR/);
  });

  it("comes at once when access is revoked", async () => {
    const { servers, mailboxes } = await world();
    const client = await loggedIn(servers.imap);
    for (const revoke of mailboxes.mailbox(user).revoked) revoke("revoked");
    expect(await client.response()).toMatch(/^\* BYE \[AUTHORIZATIONFAILED\]/);
    expect(await client.response()).toBeNull();
  });

  it("of a POP3 connection by accident deletes nothing and frees the lock", async () => {
    const { servers, mailboxes } = await world();
    mailboxes.mailbox(user).deliver("INBOX", [{ bytes: Buffer.from("a: b\r\n\r\n"), flags: [], internalDate: null }]);
    const client = await dial(servers.pop3);
    for (const line of [`USER ${user}`, "PASS pw", "DELE 1"]) {
      await client.send(`${line}\r\n`);
      expect(await client.response()).toMatch(/^\+OK/);
    }
    client.close();
    while (servers.pop3Server.size > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(mailboxes.mailbox(user).popLocked).toBe(false);
    expect(mailboxes.mailbox(user).need("INBOX").messages.length).toBe(1);
  });
});

describe("deliveries", () => {
  it("reach an idle session at once", async () => {
    const { servers, mailboxes } = await world();
    const client = await loggedIn(servers.imap);
    await ask(client, "SELECT INBOX");
    await client.send("t IDLE\r\n");
    await client.response();
    mailboxes.mailbox(user).deliver("INBOX", [{ bytes: Buffer.from("a: b\r\n\r\n"), flags: [], internalDate: null }]);
    expect(await client.response()).toBe("* 1 EXISTS");
  });

  it("in thousands, unheard, do not pile up", async () => {
    const { servers, mailboxes } = await world();
    const client = await loggedIn(servers.imap);
    await ask(client, "SELECT INBOX");
    const box = mailboxes.mailbox(user);
    for (let i = 0; i < 3000; i++)
      box.deliver("INBOX", [{ bytes: Buffer.from("a: b\r\n\r\n"), flags: [], internalDate: null }]);
    expect(await ask(client, "NOOP")).toEqual(["* 3000 EXISTS", "* 3000 RECENT", "t OK NOOP completed"]);
  });
});

describe("a slow reader", () => {
  it("does not hold the POP3 lock for ever", async () => {
    const { servers, mailboxes } = await world({ autologoutMs: 200 });
    const box = mailboxes.mailbox(user);
    const bytes = Buffer.from(`a: b\r\n\r\n${"x".repeat(30_000_000)}`);
    box.deliver("INBOX", [{ bytes, flags: [], internalDate: null }]);
    const socket = connect({ port: servers.pop3, host: "127.0.0.1" });
    open.push({ close: () => socket.destroy() });
    await once(socket, "data");
    socket.pause();
    socket.write(`USER ${user}\r\nPASS pw\r\nRETR 1\r\n`);
    while (!box.popLocked) await new Promise((resolve) => setImmediate(resolve));
    while (servers.pop3Server.size > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(box.popLocked).toBe(false);
  });

  it("holds up its own command, not the memory", async () => {
    const { servers, mailboxes } = await world();
    const bytes = Buffer.from(`a: b\r\n\r\n${"x".repeat(500_000)}`);
    for (let i = 0; i < 60; i++) mailboxes.mailbox(user).deliver("INBOX", [{ bytes, flags: [], internalDate: null }]);
    const socket = connect({ port: servers.imap, host: "127.0.0.1" });
    open.push({ close: () => socket.destroy() });
    await once(socket, "data");
    socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    socket.write(`a1 LOGIN ${user} pw\r\na2 SELECT INBOX\r\na3 FETCH 1:* BODY.PEEK[]\r\n`);
    // As long as it takes a fast reader to get all of it several times.
    for (let i = 0; i < 2000; i++) await new Promise((resolve) => setImmediate(resolve));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(25_000_000);
    let size = 0;
    socket.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > 30_000_000) socket.destroy();
    });
    socket.resume();
    await once(socket, "close");
    expect(size).toBeGreaterThan(30_000_000);
  });
});
