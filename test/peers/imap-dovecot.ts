/**
 * Debian's dovecot in a folder of its own on free loopback ports: the peer that transcripts and measurements are held against.
 * Any user may log in with the password `pw` and gets an empty Maildir.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { certificates } from "../../src/cli/world/certificates.ts";

export type Dovecot = {
  imap: number;
  imaps: number;
  pop3: number;
  pop3s: number;
  password: string;
  pid: number;
  ca: string;
  close(): Promise<void>;
};

export const dovecotProbe = ["dovecot", "--version"] as const;

export async function startDovecot(): Promise<Dovecot> {
  const dir = mkdtempSync(join(tmpdir(), "postern-dovecot-"));
  const [imap, imaps, pop3, pop3s] = (await freePorts(4)) as [number, number, number, number];
  mkdirSync(join(dir, "tls"));
  const tls = await certificates(join(dir, "tls"), ["localhost"]);
  mkdirSync(join(dir, "mail"));
  chmodSync(dir, 0o755);
  if (isRoot()) chownSync(join(dir, "mail"), NOBODY, NOGROUP);
  writeFileSync(join(dir, "dovecot.conf"), config(dir, { imap, imaps, pop3, pop3s }, tls));
  const child = spawn("dovecot", ["-F", "-c", join(dir, "dovecot.conf")], { stdio: ["ignore", "ignore", "inherit"] });
  await listening(imap, child);
  return {
    imap,
    imaps,
    pop3,
    pop3s,
    password: "pw",
    pid: child.pid ?? 0,
    ca: tls.ca,
    close: async () => {
      if (child.exitCode === null) {
        child.kill("SIGTERM");
        await once(child, "exit");
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

const NOBODY = 65534;
const NOGROUP = 65534;

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Without root, all of dovecot's parts run as whoever runs the test. */
function users(): string {
  if (isRoot()) return "";
  const { username, gid } = userInfo();
  const services = ["anvil", "imap-login", "pop3-login", "stats", "log", "auth"];
  return [
    `default_internal_user = ${username}`,
    `default_login_user = ${username}`,
    `default_internal_group = ${gid}`,
    ...services.map((name) => `service ${name} {\n chroot =\n}`),
  ].join("\n");
}

type Ports = Pick<Dovecot, "imap" | "imaps" | "pop3" | "pop3s">;

function config(dir: string, ports: Ports, tls: { cert: string; key: string }): string {
  const { uid, gid } = isRoot() ? { uid: NOBODY, gid: NOGROUP } : userInfo();
  const login = (name: string, plain: number, secure: number): string =>
    `service ${name}-login {
      service_count = 0
      client_limit = 4000
      inet_listener ${name} {
        port = ${plain}
      }
      inet_listener ${name}s {
        port = ${secure}
        ssl = yes
      }
    }`;
  return `base_dir = ${dir}/run
state_dir = ${dir}/state
log_path = ${dir}/dovecot.log
listen = 127.0.0.1
protocols = imap pop3
auth_mechanisms = plain login
disable_plaintext_auth = no
ssl = yes
ssl_cert = <${tls.cert}
ssl_key = <${tls.key}
mail_location = maildir:~/Maildir
first_valid_uid = 1
mail_max_userip_connections = 5000
default_process_limit = 2000
default_client_limit = 8000
${users()}
${login("imap", ports.imap, ports.imaps)}
${login("pop3", ports.pop3, ports.pop3s)}
service imap {
  service_count = 0
}
service stats {
  client_limit = 9000
}
service anvil {
  client_limit = 9000
}
service auth {
  client_limit = 9000
}
passdb {
  driver = static
  args = password=pw
}
userdb {
  driver = static
  args = uid=${uid} gid=${gid} home=${dir}/mail/%u allow_all_users=yes
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Archive {
    special_use = \\Archive
    auto = create
  }
  mailbox Trash {
    special_use = \\Trash
    auto = create
  }
}
`;
}

async function freePorts(count: number): Promise<number[]> {
  const open = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      return server;
    }),
  );
  const ports = open.map((server) => (server.address() as { port: number }).port);
  await Promise.all(open.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** Dovecot says nothing when it is ready: ask its port until it answers. */
async function listening(port: number, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    if (child.exitCode !== null) throw new Error(`dovecot ended with ${child.exitCode}`);
    const socket = connect({ port, host: "127.0.0.1" });
    const isUp = await new Promise<boolean>((resolve) => {
      socket.once("data", () => resolve(true));
      socket.once("error", () => resolve(false));
      socket.once("close", () => resolve(false));
    });
    socket.destroy();
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("dovecot did not come up");
}
