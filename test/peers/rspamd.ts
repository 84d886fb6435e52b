/** rspamd on loopback, only as a judge of SPF, DKIM and DMARC: its own folder, its names from our loopback DNS. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export type Rspamd = {
  /** Symbols that it gives a message. */
  check(raw: Uint8Array, facts: { ip: string; helo: string; from: string }): Promise<string[]>;
  close(): Promise<void>;
};

function config(folder: string, port: number, dnsPort: number): string {
  return `
options {
  pidfile = "${folder}/pid"; control_socket = "${folder}/control mode=0600"; temp_dir = "${folder}"; hs_cache_dir = "${folder}";
  filters = "dkim"; disable_hyperscan = true; local_addrs = []; url_tld = "${folder}/suffixes";
  dns { nameserver = ["127.0.0.1:${dnsPort}"]; timeout = 1s; retransmits = 2; sockets = 2; }
}
logging { type = "console"; level = "error"; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }
metric default { actions { reject = 1000; } }
modules { path = "/usr/share/rspamd/plugins/"; }
spf { } dkim { } dmarc { }
`;
}

export async function startRspamd(dnsPort: number): Promise<Rspamd> {
  const folder = mkdtempSync(join(tmpdir(), "postern-rspamd-"));
  const port = await freePort();
  // The whole list of public suffixes takes it twenty seconds to read.
  writeFileSync(join(folder, "suffixes"), "org\nnet\ncom\n");
  writeFileSync(join(folder, "conf"), config(folder, port, dnsPort));
  // A group of its own, so that its children end with it.
  const child = spawn("rspamd", ["-c", join(folder, "conf"), "-f", "-i"], { stdio: "ignore", detached: true });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const base = `http://127.0.0.1:${port}`;
  await answering(`${base}/ping`);
  return {
    async check(raw, { ip, helo, from }) {
      const headers = { IP: ip, Helo: helo, From: from, Rcpt: "b@receiver.org" };
      const signal = AbortSignal.timeout(20_000);
      const response = await fetch(`${base}/checkv2`, { method: "POST", body: new Uint8Array(raw), headers, signal });
      const { symbols } = (await response.json()) as { symbols: Record<string, unknown> };
      return Object.keys(symbols);
    },
    async close() {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGTERM");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}

/** There is no event for "it listens": asked until it answers. */
async function answering(url: string): Promise<void> {
  const until = Date.now() + 40_000;
  while (Date.now() < until) {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) }).catch(() => null);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("rspamd does not answer");
}
