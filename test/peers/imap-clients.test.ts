// Mail programs as people run them, each doing a real task over TLS, its result checked byte by byte.
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ImapFlow } from "imapflow";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { encoded, plainText, tree } from "../contract/samples.ts";
import { contents, type PeerWorld, peerWorld, program } from "./imap-world.ts";
import { need } from "./need.ts";

const untested = "IMAP and POP3 are not tried with this client";
const has = (name: string, command: string, ...args: string[]): boolean => need(name, [command, ...args], untested);

let world: PeerWorld;
beforeEach(async () => {
  world = await peerWorld();
});
afterEach(async () => {
  expect(world.bugs).toEqual([]);
  await world.close();
});

const raws = [plainText, encoded, tree];
/** Programs that keep Unix line ends. */
const unix = (text: string): string => text.replaceAll("\r\n", "\n");
/** Python's email package parses and writes anew, and is free with empty lines. */
const words = (text: string): string => unix(text).replace(/\n+/g, "\n");

describe.skipIf(!has("curl", "curl", "--version"))("curl", () => {
  const curl = (...args: string[]) =>
    program("curl", ["-sS", "--cacert", world.ca, "-u", `${world.user}:${world.password}`, ...args], {
      home: world.home,
    });

  it("appends, finds and fetches by IMAP", async () => {
    writeFileSync(join(world.home, "m.eml"), tree, "latin1");
    const url = `imaps://localhost:${world.imaps}`;
    expect((await curl(`${url}/INBOX`, "-T", "m.eml")).code).toBe(0);
    expect((await curl(`${url}/INBOX;MAILINDEX=1`)).out).toBe(tree);
    expect((await curl(`${url}/INBOX;UID=1;SECTION=1.1`)).out).toBe("plain words");
    expect((await curl(`${url}/INBOX?SUBJECT%20needle`)).out).toBe("* SEARCH 1\r\n");
  });

  it("upgrades with STARTTLS and STLS", async () => {
    await world.append(raws);
    const imap = await curl("--ssl-reqd", `imap://localhost:${world.imap}/INBOX;MAILINDEX=2`);
    expect(imap).toEqual({ code: 0, out: encoded, err: "" });
    const pop = await curl("--ssl-reqd", `pop3://localhost:${world.pop3}/3`);
    expect(pop).toEqual({ code: 0, out: tree, err: "" });
  });

  it("reads and deletes by POP3", async () => {
    await world.append(raws);
    const url = `pop3s://localhost:${world.pop3s}`;
    expect((await curl(`${url}/2`)).out).toBe(encoded);
    expect((await curl("-X", "DELE 2", "-I", `${url}/`)).code).toBe(0);
    const account = await world.account();
    expect((await contents(account, "INBOX")).map(({ raw }) => raw)).toEqual([plainText, tree]);
    await account.logout();
  });
});

describe.skipIf(!has("isync", "mbsync", "--version"))("mbsync", () => {
  const message = (n: number): string =>
    `From: s${n}@example.org\r\nSubject: message ${n}\r\nMessage-ID: <${n}@example.org>\r\n\r\nbody ${n}\r\n`;

  it("keeps 2,000 messages in step, flags both ways", { timeout: 120_000 }, async () => {
    await world.append(Array.from({ length: 2000 }, (_, i) => message(i)));
    mkdirSync(join(world.home, "md"));
    const rc = join(world.home, "mbsyncrc");
    writeFileSync(rc, mbsyncrc());
    const sync = async (): Promise<void> => {
      const ran = await program("mbsync", ["-q", "-c", rc, "c"], { home: world.home });
      expect(ran.err.replaceAll("Maildir notice: no UIDVALIDITY, creating new.\n", "")).toBe("");
      expect(ran.code).toBe(0);
    };
    await sync();
    const files = (): string[] =>
      ["cur", "new"].flatMap((part) => readdirSync(join(inbox, part)).map((name) => join(inbox, part, name)));
    const inbox = join(world.home, "md", "INBOX");
    expect(files().length).toBe(2000);
    // Here a hundred are flagged and ten deleted, there a hundred answered, ten deleted and one new.
    // By what is in them: names are in order of seconds and of digits, and on a fast machine the first hundred were the answered ones.
    const numberOf = (file: string): number =>
      Number(/^Subject: message (\d+)/m.exec(readFileSync(file, "latin1"))?.[1]);
    const ours = files().toSorted((a, b) => numberOf(a) - numberOf(b));
    for (const file of ours.slice(0, 100)) flag(file, "F");
    for (const file of ours.slice(100, 110)) flag(file, "T");
    const account = await world.account();
    const box = await account.open("INBOX", false);
    await box.setFlags([[1001, 1100]], { mode: "add", flags: ["\\Answered"] }, null);
    await box.setFlags([[1501, 1510]], { mode: "add", flags: ["\\Deleted"] }, null);
    await box.expunge(null);
    await world.append([message(9999)]);
    await sync();
    await sync();
    const there = (await contents(account, "INBOX"))
      .map(({ raw, flags }) => `${unix(raw)} ${flags.join("")}`)
      .toSorted();
    const here = files().map((file) => `${readFileSync(file, "latin1").replace(/X-TUID: .*\n/, "")} ${flagsOf(file)}`);
    expect(here.toSorted()).toEqual(there);
    expect(there.length).toBe(1981);
    expect(there.filter((one) => one.endsWith("\\Flagged")).length).toBe(100);
    expect(there.filter((one) => one.endsWith("\\Answered")).length).toBe(100);
    await account.logout();
  });

  function mbsyncrc(): string {
    return `IMAPAccount a
Host localhost
Port ${world.imaps}
User ${world.user}
Pass "${world.password}"
SSLType IMAPS
CertificateFile ${world.ca}

IMAPStore far
Account a

MaildirStore near
Path ${world.home}/md/
Inbox ${world.home}/md/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
SyncState *
`;
  }

  function flag(file: string, letter: string): void {
    const [head = "", flags = ""] = file.split(":2,");
    const name = `${head.replace("/new/", "/cur/")}:2,${[...flags, letter].toSorted().join("")}`;
    renameSync(file, name);
  }

  function flagsOf(file: string): string {
    const names: Record<string, string> = {
      R: "\\Answered",
      F: "\\Flagged",
      S: "\\Seen",
      D: "\\Draft",
      T: "\\Deleted",
    };
    return [...(file.split(":2,")[1] ?? "")]
      .map((letter) => names[letter] ?? "")
      .toSorted()
      .join("");
  }
});

describe.skipIf(!has("offlineimap3", "offlineimap", "--version"))("offlineimap", () => {
  it("mirrors every folder", { timeout: 60_000 }, async () => {
    await world.append(raws);
    await world.append([plainText], "Archive");
    mkdirSync(join(world.home, "mirror"));
    writeFileSync(
      join(world.home, ".offlineimaprc"),
      `[general]
accounts = a
metadata = ${world.home}/meta
[Account a]
localrepository = near
remoterepository = far
[Repository near]
type = Maildir
localfolders = ${world.home}/mirror
[Repository far]
type = IMAP
remotehost = localhost
remoteport = ${world.imaps}
ssl = yes
sslcacertfile = ${world.ca}
remoteuser = ${world.user}
remotepass = ${world.password}
auth_mechanisms = PLAIN, LOGIN
`,
    );
    const ran = await program("offlineimap", ["-o", "-u", "quiet"], { home: world.home });
    expect(ran.code, ran.err).toBe(0);
    const read = (folder: string): string[] =>
      ["cur", "new"].flatMap((part) => {
        const at = join(world.home, "mirror", folder, part);
        return readdirSync(at).map((name) => readFileSync(join(at, name), "latin1"));
      });
    expect(read("INBOX").map(words).toSorted()).toEqual(raws.map(words).toSorted());
    expect(read("Archive")).toEqual([unix(plainText)]);
  });
});

describe.skipIf(!has("fetchmail", "fetchmail", "--version"))("fetchmail", () => {
  it.each(["imap", "pop3"] as const)("fetches all by %s", async (protocol) => {
    await world.append(raws);
    const port = protocol === "imap" ? world.imaps : world.pop3s;
    const rc = join(world.home, ".fetchmailrc");
    writeFileSync(
      rc,
      `poll localhost protocol ${protocol} port ${port} user "${world.user}" password "${world.password}"
  ssl sslcertck sslcertfile "${world.ca}" no rewrite mda "cat >> ${world.home}/got" keep fetchall\n`,
      { mode: 0o600 },
    );
    const ran = await program("fetchmail", ["-f", rc, "--invisible", "--nosyslog"], { home: world.home });
    expect(ran.code, ran.err + ran.out).toBe(0);
    const got = readFileSync(join(world.home, "got"), "latin1");
    for (const raw of raws) expect(got).toContain(unix(raw).slice(unix(raw).indexOf("\n\n")));
    const again = await program("fetchmail", ["-f", rc, "--check", "--nosyslog"], { home: world.home });
    expect(again.out).toContain("3 messages");
  });
});

describe.skipIf(!has("mpop", "mpop", "--version"))("mpop", () => {
  it("reads what we are able to, and delivers all", async () => {
    await world.append(raws);
    const rc = join(world.home, ".mpoprc");
    writeFileSync(
      rc,
      `account a
host localhost
port ${world.pop3s}
user ${world.user}
passwordeval "printf %s '${world.password}'"
tls on
tls_starttls off
tls_trust_file ${world.ca}
delivery mbox ${world.home}/mbox
keep on
uidls_file ${world.home}/uidls
`,
      { mode: 0o600 },
    );
    const info = await program("mpop", ["-C", rc, "--serverinfo", "a"], { home: world.home });
    for (const capability of ["TOP", "UIDL", "PIPELINING", "RESP-CODES", "AUTH-RESP-CODE"])
      expect(info.out).toContain(capability);
    const ran = await program("mpop", ["-C", rc, "-q", "a"], { home: world.home });
    expect(ran.code, ran.err).toBe(0);
    const mbox = readFileSync(join(world.home, "mbox"), "latin1");
    expect(mbox.match(/^From /gm)?.length).toBe(3);
    for (const raw of raws) expect(mbox).toContain(unix(raw).slice(unix(raw).indexOf("\n\n")).trimEnd());
    await program("mpop", ["-C", rc, "-q", "a"], { home: world.home });
    expect(readFileSync(join(world.home, "mbox"), "latin1")).toBe(mbox);
  });
});

describe.skipIf(!has("getmail6", "getmail", "--version"))("getmail", () => {
  it.each(["SimplePOP3SSLRetriever", "SimpleIMAPSSLRetriever"])("fetches all with its %s", async (retriever) => {
    await world.append(raws);
    const port = retriever.includes("POP3") ? world.pop3s : world.imaps;
    writeFileSync(
      join(world.home, "getmailrc"),
      `[retriever]
type = ${retriever}
server = localhost
port = ${port}
username = ${world.user}
password = ${world.password}
ca_certs = ${world.ca}
[destination]
type = MDA_external
path = /usr/bin/tee
arguments = ("-a", "${world.home}/got")
allow_root_commands = true
[options]
delete = false
read_all = true
delivered_to = false
received = false
`,
    );
    const ran = await program("getmail", ["--getmaildir", world.home, "--rcfile", "getmailrc"], { home: world.home });
    expect(ran.out + ran.err).toContain("3 messages");
    const got = readFileSync(join(world.home, "got"), "latin1");
    for (const raw of raws) expect(words(got)).toContain(words(raw.slice(raw.indexOf("\r\n\r\n"))));
  });
});

describe.skipIf(!has("python3", "python3", "--version"))("python", () => {
  it("works through a day with imaplib and poplib", async () => {
    await world.append(raws);
    const ran = await program(
      "python3",
      ["-c", script(), String(world.imaps), String(world.pop3s), world.user, world.password, world.ca],
      {
        home: world.home,
      },
    );
    expect(ran.err).toBe("");
    expect(ran.out.trim()).toBe("done");
  });

  const script = (): string => `
import imaplib, poplib, ssl, sys
imaps, pop3s, user, password, ca = int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:]
context = ssl.create_default_context(cafile=ca)
m = imaplib.IMAP4_SSL('localhost', imaps, ssl_context=context)
m.authenticate('PLAIN', lambda _: b'\\0' + user.encode() + b'\\0' + password.encode())
assert m.select('INBOX') == ('OK', [b'3'])
assert m.create('Work/2024')[0] == 'OK'
assert m.uid('COPY', '1,3', 'Work/2024')[0] == 'OK'
assert m.search(None, 'SUBJECT', '"needle"') == ('OK', [b'1 3'])
assert m.store('2', '+FLAGS', '(\\\\Deleted)')[0] == 'OK'
assert m.expunge() == ('OK', [b'2'])
assert m.append('INBOX', '(\\\\Seen)', None, b'Subject: x\\r\\n\\r\\ny\\r\\n')[0] == 'OK'
assert m.noop()[0] == 'OK'
typ, data = m.fetch('3', '(RFC822 FLAGS)')
assert data[0][1] == b'Subject: x\\r\\n\\r\\ny\\r\\n', data
assert m.thread('REFERENCES', 'UTF-8', 'ALL')[0] == 'OK'
assert m.sort('REVERSE DATE', 'UTF-8', 'ALL')[0] == 'OK'
assert m.getquotaroot('INBOX')[0] == 'OK'
assert m.rename('Work', 'Home')[0] == 'OK'
assert m.status('Home/2024', '(MESSAGES)') == ('OK', [b'Home/2024 (MESSAGES 2)'])
assert m.unselect()[0] == 'OK'
assert m.enable('UTF8=ACCEPT')[0] == 'OK'
m.logout()
p = poplib.POP3_SSL('localhost', pop3s, context=context)
p.user(user); p.pass_(password)
assert p.stat()[0] == 3
assert b'Subject: x' in p.retr(3)[1]
assert p.top(1, 0)[1][-1] == b''
assert len(p.uidl()[1]) == 3
assert 'UTF8' in p.capa()
p.dele(3); p.quit()
p = poplib.POP3_SSL('localhost', pop3s, context=context)
p.user(user); p.pass_(password); assert p.stat()[0] == 2; p.quit()
print('done')
`;
});

describe("imapflow", () => {
  it("lists, reads, flags, moves, and hears of new mail while idle", async () => {
    await world.append(raws);
    const client = new ImapFlow({
      host: "localhost",
      port: world.imaps,
      secure: true,
      auth: { user: world.user, pass: world.password },
      tls: { ca: readFileSync(world.ca, "utf8") },
      logger: false,
    });
    await client.connect();
    expect([...client.enabled]).toContain("IMAP4REV2");
    const lock = await client.getMailboxLock("INBOX");
    const subjects: (string | undefined)[] = [];
    for await (const one of client.fetch("1:*", { envelope: true, source: true, bodyStructure: true })) {
      subjects.push(one.envelope?.subject);
      expect(one.source?.toString("latin1")).toBe(raws[one.seq - 1]);
    }
    expect(subjects).toEqual(["Hello needle", "Grüße aus Köln", "Re: Hello needle"]);
    const { content } = await client.download("3", "2");
    const chunks: Buffer[] = [];
    for await (const chunk of content ?? []) chunks.push(chunk);
    expect(Buffer.concat(chunks)).toEqual(Buffer.from(Array.from({ length: 16 }, (_, i) => i)));
    await client.messageFlagsAdd("2", ["\\Flagged"]);
    await client.messageMove("2", "Archive");
    const heard = new Promise<number>((resolve) => {
      client.once("exists", ({ count }: { count: number }) => resolve(count));
    });
    const idle = client.idle();
    await world.append(["Subject: news\r\n\r\nx\r\n"]);
    expect(await heard).toBe(3);
    lock.release();
    await client.logout();
    await idle;
    const account = await world.account();
    expect(await contents(account, "Archive")).toMatchObject([{ raw: encoded, flags: ["\\Flagged"] }]);
    await account.logout();
  });
});

const hasTmux = has("tmux", "tmux", "-V");
describe.skipIf(!has("neomutt", "neomutt", "-v") || !hasTmux)("neomutt", () => {
  it("opens the inbox, shows a message, flags and deletes", { timeout: 60_000 }, async () => {
    await world.append(raws);
    writeFileSync(
      join(world.home, ".muttrc"),
      `set folder="imaps://${world.user.replace("@", "%40")}@localhost:${world.imaps}/"
set spoolfile="+INBOX"
set imap_user="${world.user}"
set imap_pass="${world.password}"
set certificate_file="${world.ca}"
set ssl_ca_certificates_file="${world.ca}"
set ssl_starttls=no ssl_force_tls=yes
set confirmappend=no delete=yes quit=yes mark_old=no sleep_time=0 sort=mailbox-order
set header_cache="" message_cachedir=""
`,
    );
    const socket = join(world.home, "tmux");
    const tmux = (...args: string[]) => program("tmux", ["-S", socket, ...args], { home: world.home });
    await tmux("new-session", "-d", "-x", "100", "-y", "30", "neomutt", "-F", join(world.home, ".muttrc"));
    const screen = async (word: string): Promise<void> => {
      for (let tries = 0; ; tries++) {
        const { out } = await tmux("capture-pane", "-p");
        if (out.includes(word)) return;
        if (tries > 300) throw new Error(`neomutt never showed ${word}:\n${out}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    };
    await screen("Hello needle");
    await tmux("send-keys", "Enter");
    await screen("A zebrafish hides here.");
    await tmux("send-keys", "i");
    await screen("Re: Hello needle");
    await tmux("send-keys", "F");
    await tmux("send-keys", "j", "d", "$");
    const account = await world.account();
    for (let tries = 0; ; tries++) {
      const flags = (await contents(account, "INBOX")).map((one) => one.flags.join(" "));
      if (flags.length === 2 && flags[0] === "\\Flagged \\Seen") break;
      if (tries > 100)
        throw new Error(`neomutt left ${JSON.stringify(flags)}:\n${(await tmux("capture-pane", "-p")).out}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await tmux("send-keys", "q");
    await tmux("kill-server");
    expect(existsSync(join(world.home, ".muttrc"))).toBe(true);
    await account.logout();
  });
});
