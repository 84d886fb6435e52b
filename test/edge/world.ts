/**
 * The edge as its tests see it: the real Worker on real local D1, R2 and Queue (wrangler's harness), DNS over DoH from a
 * loopback server, and a peer that speaks a node's side of the contract over HTTP: it checks every signature, keeps what it is
 * handed, and can open it, since it made the keys.
 */
import { randomBytes } from "node:crypto";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { fileURLToPath } from "node:url";
import type { D1Database, R2Bucket } from "@cloudflare/workers-types";
import { createTestHarness, type TestHarness } from "wrangler";
import { type LoopbackDns, startDns, type Zones } from "../../src/cli/world/dns.ts";
import { toBase64, utf8 } from "../../src/core/bytes.ts";
import { bodyMatches, checkCall, type Manifest, signCall } from "../../src/core/contract/call.ts";
import { frame } from "../../src/core/contract/frame.ts";
import { edgePaths, type IngestAnswer, ingestAnswerSchema, nodePaths } from "../../src/core/contract/handoff.ts";
import { deriveKeys, newMailbox } from "../../src/core/seal/keys.ts";
import { openBytes, openerOf } from "../../src/core/seal/open.ts";
import { ulid } from "../../src/core/ulid.ts";
import { ed25519PublicOf, nativePrimitives, nodeCrypto, random } from "../../src/daemon/platform.ts";

export const root = fileURLToPath(new URL("../..", import.meta.url));
export const authservId = "mx.edge.test";

/** The bindings that tests look into. */
type Env = { DIRECTORY: D1Database; SPOOL: R2Bucket };

export type HandedOff = { manifest: Manifest; body: Uint8Array; path: string };

/** A node's ear. `answer` decides what it says to a call that is genuine. */
export class StubNode extends EventEmitter<{ taken: [HandedOff] }> {
  readonly id = "node-1";
  readonly seed = random(32);
  readonly transit = newMailbox("transit", random);
  readonly taken: HandedOff[] = [];
  readonly refused: string[] = [];
  edgeKey: Uint8Array = new Uint8Array(32);
  answer: (call: HandedOff) => number = () => 200;
  origin = "";
  #server: Server = createServer((request, response) => void this.#serve(request, response));

  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.origin = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), "close");
  }

  /** Waits for a call that fits and was answered with 200; those taken before count. */
  async next(fits: (call: HandedOff) => boolean): Promise<HandedOff> {
    for (;;) {
      const found = this.taken.find(fits);
      if (found !== undefined) return found;
      await once(this, "taken");
    }
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = new Uint8Array(Buffer.concat(parts));
    const path = request.url ?? "";
    const header = (name: string): string | null => {
      const value = request.headers[name];
      return typeof value === "string" ? value : null;
    };
    const expect = { audience: this.id, publicKeyOf: (sender: string) => (sender === "edge" ? this.edgeKey : null) };
    const check = await checkCall({ method: request.method ?? "", path, header }, expect, Date.now(), nodeCrypto);
    if (!check.ok || !bodyMatches(check.manifest, body, nodeCrypto)) {
      this.refused.push(check.ok ? "body" : check.why);
      response.writeHead(401).end();
      return;
    }
    const call = { manifest: check.manifest, body, path };
    const status = this.answer(call);
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(path === nodePaths.mailbox ? { applied: 1 } : { status: "stored" }));
    if (status !== 200) return;
    this.taken.push(call);
    this.emit("taken", call);
  }
}

/** Our wrangler.toml with another entry module, which wraps the Worker's own. */
export function configWith(main: string): string {
  const path = (name: string): string => JSON.stringify(join(root, name));
  const text = readFileSync(join(root, "wrangler.toml"), "utf8")
    .replace(/^main = .*$/m, `main = ${path(main)}`)
    .replace(/^migrations_dir = .*$/m, `migrations_dir = ${path("migrations/edge")}`)
    .replace(/^directory = .*$/m, `directory = ${path("workers/dashboard/public")}`)
    .replace(/^command = .*$/m, `command = "true"`);
  const file = join(mkdtempSync(join(tmpdir(), "edge-")), "wrangler.toml");
  writeFileSync(file, text);
  return file;
}

export type TestMailbox = ReturnType<typeof newMailbox> & { address: string };

export function openFor(mailbox: { masterKey: Uint8Array }, sealed: Uint8Array): { head: unknown; raw: Uint8Array } {
  return openBytes(sealed, openerOf(deriveKeys(mailbox.masterKey).sealSeed, nativePrimitives));
}

export type Edge = Awaited<ReturnType<typeof startEdge>>;

/** `ca`: a PEM file of a root that the Worker's `fetch` trusts, as an operator's throw-away CA would be. */
export async function startEdge(
  zones: Zones = {},
  vars: Record<string, string> = {},
  ca?: string,
  configPath = "wrangler.toml",
) {
  // The harness makes the Worker's outward calls in this very process.
  if (ca !== undefined) setDefaultCACertificates([...getCACertificates(), readFileSync(ca, "utf8")]);
  const dns: LoopbackDns = await startDns(zones);
  const node = new StubNode();
  await node.start();
  const seed = random(32);
  node.edgeKey = ed25519PublicOf(seed);
  const server: TestHarness = createTestHarness({
    root,
    workers: [
      {
        configPath,
        vars: { DOH_URLS: dns.dohUrl, AUTHSERV_ID: authservId, ...vars },
        secrets: {
          EDGE_SEED: toBase64(seed),
          DEDUPE_SECRET: toBase64(randomBytes(24)),
          SETUP_TOKEN: "a-setup-token-for-tests",
        },
      },
    ],
  });
  const { url } = await server.listen();
  const worker = server.getWorker<Env>();
  await worker.applyD1Migrations("DIRECTORY");
  const env = await worker.getEnv();
  const world = { dns, node, server, worker, env, url, seed };
  return { ...world, ...directoryOf(env, node), ...doorOf(url, node), close: () => closeAll(server, dns, node) };
}

async function closeAll(server: TestHarness, dns: LoopbackDns, node: StubNode): Promise<void> {
  if (process.env["EDGE_LOGS"] !== undefined)
    console.log(
      server
        .getLogs()
        .map(({ message }) => message)
        .join("\n"),
    );
  await server.close();
  await dns.close();
  await node.close();
}

type Row = Record<string, string | number | null>;

/** Rows as the API would write them. */
function directoryOf(env: Env, node: StubNode) {
  const now = Date.now();
  const newId = (): string => ulid(Date.now, random);
  const insert = async (table: string, row: Row): Promise<void> => {
    const names = Object.keys(row);
    const marks = names.map(() => "?").join(", ");
    const sql = `insert into ${table} (${names.join(", ")}) values (${marks})`;
    await env.DIRECTORY.prepare(sql)
      .bind(...Object.values(row))
      .run();
  };
  return {
    newId,
    insert,
    async rows<T>(sql: string, ...values: (string | number)[]): Promise<T[]> {
      const { results } = await env.DIRECTORY.prepare(sql)
        .bind(...values)
        .all<T>();
      return results;
    },
    async addNode(): Promise<void> {
      const { id, origin, transit } = node;
      const publicKey = toBase64(ed25519PublicOf(node.seed));
      const keys = { public_key: publicKey, transit_key: toBase64(transit.publicKey), transit_key_id: transit.keyId };
      await insert("node", { id, name: id, origin, mx_host: "mx.test", ...keys, state: "active", created_at: now });
    },
    /** An operator vouches for their own destinations. */
    async addAccount(email: string, operator = false): Promise<string> {
      const id = newId();
      await insert("account", { id, email, password: "x", operator: operator ? 1 : 0, created_at: now });
      return id;
    },
    async addDomain(name: string, account: string, nodeId: string | null = node.id): Promise<string> {
      const id = newId();
      await insert("domain", { id, name, token: "t", state: "active", node: nodeId, created_at: now });
      await insert("membership", { account, domain: id, role: "owner", created_at: now });
      return id;
    },
    async addMailbox(domain: string, address: string): Promise<TestMailbox> {
      const made = newMailbox(newId(), random);
      const key = { public_key: toBase64(made.publicKey), key_id: made.keyId };
      const row = { id: made.mailboxId, domain, address, node: node.id, ...key, quota_bytes: 1e9, created_at: now };
      await insert("mailbox", row);
      return { ...made, address };
    },
    async addAlias(domain: string, pattern: string, destinations: [kind: string, target: string][], more: Row = {}) {
      const id = newId();
      const row = { id, domain, kind: "exact", pattern, created_at: now, updated_at: now, ...more };
      await insert("alias", row);
      for (const [position, [kind, target]] of destinations.entries())
        await insert("destination", { id: newId(), alias: id, kind, target, position, created_at: now });
      return id;
    },
  };
}

export type Mail = { from: string; to: string[]; raw: string; ip?: string; helo?: string; vouched?: true };

/** What the node's SMTP door says to the edge. */
function doorOf(url: URL, node: StubNode) {
  const call = async (
    path: string,
    body: Uint8Array<ArrayBuffer>,
    seed = node.seed,
    now = Date.now(),
  ): Promise<Response> => {
    const manifest = { audience: "edge", method: "POST" as const, path, id: ulid(Date.now, random) };
    const headers = await signCall(manifest, body, { name: node.id, seed }, now, nodeCrypto);
    return fetch(new URL(path, url), { method: "POST", headers: { ...headers }, body });
  };
  return {
    call,
    ask: (path: string, question: unknown): Promise<Response> => call(path, utf8(JSON.stringify(question))),
    async deliver(mail: Mail): Promise<IngestAnswer> {
      const envelope = {
        mailFrom: mail.from,
        recipients: mail.to,
        ip: mail.ip ?? "192.0.2.1",
        helo: mail.helo ?? "mx.sender.test",
        tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
        receivedAt: Date.now(),
        smtputf8: false,
        ...(mail.vouched ? { vouched: true } : {}),
      };
      const response = await call(edgePaths.ingest, frame(envelope, utf8(mail.raw)));
      if (response.status !== 200) throw new Error(`ingest: ${response.status} ${await response.text()}`);
      return ingestAnswerSchema.parse(await response.json());
    },
  };
}

export function letter(from: string, subject = "hello"): string {
  const id = `<${ulid(Date.now, random)}@${from.split("@")[1]}>`;
  return [
    `From: ${from}`,
    "To: somebody@example.test",
    `Subject: ${subject}`,
    `Message-ID: ${id}`,
    "Date: Tue, 24 Nov 2026 05:00:00 +0000",
    "",
    "Marker text of the body.",
    "",
  ].join("\r\n");
}
