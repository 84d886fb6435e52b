/** A node's IMAP and POP3 over TLS and the encrypted store, with one mailbox, for programs to talk to. */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Account } from "../../src/daemon/imap/port.ts";
import { imapServer } from "../../src/daemon/imap/server.ts";
import { listen } from "../../src/daemon/net/listen.ts";
import { tlsContext } from "../../src/daemon/net/tls.ts";
import { pop3Server } from "../../src/daemon/pop3/server.ts";
import { makeMailbox, storeFixture } from "../daemon/store/fixture.ts";
import { certificatePair } from "../fakes/certificate.ts";

export type PeerWorld = {
  imaps: number;
  imap: number;
  pop3s: number;
  pop3: number;
  user: string;
  password: string;
  /** PEM file of the authority. */
  ca: string;
  /** A folder for the client's files, gone at the end. */
  home: string;
  bugs: string[];
  /** The same mailbox, past all protocols. */
  account(): Promise<Account>;
  append(raws: readonly string[], folder?: string): Promise<void>;
  close(): Promise<void>;
};

export async function peerWorld(): Promise<PeerWorld> {
  const fixture = await storeFixture();
  const mailbox = makeMailbox("peer", "peer@demo.test", 1_000_000_000);
  await fixture.store.applyMailbox(mailbox.record);
  const { ca, cert, key } = await certificatePair("localhost");
  const home = mkdtempSync(join(tmpdir(), "postern-peer-"));
  mkdirSync(join(home, "work"));
  writeFileSync(join(home, "ca.pem"), ca);
  const context = tlsContext({ cert, key });
  const bugs: string[] = [];
  const common = {
    tls: () => context,
    hostname: "localhost",
    log: (event: string, facts: unknown) => void bugs.push(`${event} ${JSON.stringify(facts)}`),
  };
  const imap = imapServer({ mailboxes: fixture.store.mailboxes, ...common });
  const pop3 = pop3Server({ maildrops: fixture.store.maildrops, ...common });
  const at = { host: "127.0.0.1", port: 0 };
  const listeners = await Promise.all([
    listen({ ...at, tls: common.tls, onConnection: imap.serve }),
    listen({ ...at, tls: null, onConnection: imap.serve }),
    listen({ ...at, tls: common.tls, onConnection: pop3.serve }),
    listen({ ...at, tls: null, onConnection: pop3.serve }),
  ]);
  const [imaps = 0, plainImap = 0, pop3s = 0, plainPop3 = 0] = listeners.map(({ port }) => port);
  const account = async (): Promise<Account> => {
    const login = await fixture.store.mailboxes.login(mailbox.record.address, Buffer.from(mailbox.password), {
      ip: "127.0.0.1",
    });
    if (!login.ok) throw new Error(login.why);
    return login.account;
  };
  return {
    imaps,
    imap: plainImap,
    pop3s,
    pop3: plainPop3,
    user: mailbox.record.address,
    password: mailbox.password,
    ca: join(home, "ca.pem"),
    home,
    bugs,
    account,
    append: async (raws, folder = "INBOX") => {
      const own = await account();
      const messages = raws.map((raw) => ({ flags: [], internalDate: null, bytes: Buffer.from(raw, "latin1") }));
      await own.append(folder, messages);
      await own.logout();
    },
    close: async () => {
      await Promise.all([...listeners.map((listener) => listener.close()), imap.close(), pop3.close()]);
      await fixture.end();
      rmSync(home, { recursive: true, force: true });
    },
  };
}

export type Ran = { code: number; out: string; err: string };

/** Runs a program to its end; never through a shell. */
export async function program(
  command: string,
  args: readonly string[],
  options: { home: string; input?: string },
): Promise<Ran> {
  const child = spawn(command, args, {
    env: { ...process.env, HOME: options.home, LC_ALL: "C.UTF-8" },
    cwd: options.home,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => {
    out += chunk.toString("latin1");
  });
  child.stderr.on("data", (chunk: Buffer) => {
    err += chunk.toString("latin1");
  });
  child.stdin.end(options.input ?? "");
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status) => resolve(status ?? -1));
  });
  return { code, out, err };
}

/** Every message of a folder with its flags, as the store has it; the trace of nothing. */
export async function contents(
  account: Account,
  folder: string,
): Promise<{ raw: string; flags: string[]; uid: number }[]> {
  const box = await account.open(folder, true);
  const all: { raw: string; flags: string[]; uid: number }[] = [];
  for await (const rows of box.fetch([[1, 0xffffffff]], { sections: [{ part: [], what: "all" }] })) {
    const [packed] = rows.sections ?? [];
    if (!packed) continue;
    const bytes = Buffer.from(packed.bytes.buffer, packed.bytes.byteOffset, packed.bytes.length);
    rows.uids.forEach((uid, i) => {
      const raw = bytes.toString("latin1", i === 0 ? 0 : packed.ends[i - 1], packed.ends[i]);
      all.push({ uid, raw, flags: [...(rows.flagSets[rows.flagSet[i] ?? 0] ?? [])].toSorted() });
    });
  }
  await box.close();
  return all;
}
