/**
 * What proving a message costs: ours, mailauth's and the floor (SHA-256 of its bytes plus one signature check), in one
 * process, turn about, so that only the ratios are to be believed. Peak memory is measured in a process of its own.
 */
import { spawnSync } from "node:child_process";
import { createHash, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zoneResolver } from "../src/core/dns/zones.ts";
import { signDkim } from "../src/core/proof/dkim/sign.ts";
import { prove } from "../src/core/proof/prove.ts";
import { nodeCrypto } from "../src/daemon/platform.ts";

const sizes = { "5 KB": 5e3, "100 KB": 1e5, "5 MB": 5e6, "25 MB": 25e6 } as const;
const shapes = ["simple", "relaxed-base64", "relaxed-text"] as const;
type Shape = (typeof shapes)[number];
type Sample = { raw: Buffer; zones: Record<string, { TXT: string[] }> };

const keys = generateKeyPairSync("rsa", { modulusLength: 2048 });
const now = Date.UTC(2026, 10, 24);

export async function run(args: string[]): Promise<number> {
  if (args[0] === "--memory") return await memory(args[1] ?? "");
  const rows: Row[] = [];
  for (const [size, bytes] of Object.entries(sizes)) {
    for (const shape of shapes) for (const signatures of [1, 3]) rows.push(await row(size, bytes, shape, signatures));
  }
  print(rows);
  return report(rows, await peak());
}

type Row = {
  size: string;
  bytes: number;
  shape: Shape;
  signatures: number;
  ours: number;
  mailauth: number;
  floor: number;
};

async function row(size: string, bytes: number, shape: Shape, signatures: number): Promise<Row> {
  const sample = await makeSample(bytes, shape, signatures);
  const message = Buffer.from("one header's worth of bytes to sign");
  const signature = sign("sha256", message, keys.privateKey);
  const contestants = {
    ours: () => ourProof(sample),
    mailauth: () => theirProof(sample),
    floor: async () => floor(sample.raw, message, signature, keys.publicKey),
  };
  const times = await turnAbout(contestants, bytes < 1e6 ? 60 : 15);
  return { size, bytes: sample.raw.length, shape, signatures, ...times };
}

function floor(raw: Buffer, message: Buffer, signature: Buffer, key: KeyObject): void {
  createHash("sha256").update(raw).digest();
  if (!verify("sha256", message, key, signature)) throw new Error("the floor does not hold");
}

async function ourProof({ raw, zones }: Sample): Promise<void> {
  const input = {
    raw,
    mailFrom: "a@bench.test",
    helo: "mx.bench.test",
    ip: "192.0.2.1",
    now,
    authservId: "x",
    trustedSealers: [],
  };
  const proof = await prove(input, { dns: zoneResolver(zones), crypto: nodeCrypto });
  if (proof.dmarc.result !== "pass" || !proof.dkim.every((one) => one.result === "pass"))
    throw new Error("ours does not pass");
}

type Theirs = (raw: Buffer, options: object) => Promise<{ dkim: { results: { status: { result: string } }[] } }>;
const { authenticate } = createRequire(import.meta.url)("mailauth") as { authenticate: Theirs };

async function theirProof({ raw, zones }: Sample): Promise<void> {
  const resolver = async (name: string, type: string) => {
    const records = type === "TXT" ? zones[name.toLowerCase()]?.TXT : undefined;
    if (records === undefined) throw Object.assign(new Error("no such name"), { code: "ENOTFOUND" });
    return records.map((text) => [text]);
  };
  const options = {
    ip: "192.0.2.1",
    helo: "mx.bench.test",
    sender: "a@bench.test",
    mta: "x",
    resolver,
    curTime: new Date(now),
  };
  const { dkim } = await authenticate(raw, options);
  if (!dkim.results.every(({ status }) => status.result === "pass")) throw new Error("mailauth does not pass");
}

/** Milliseconds, the best of `rounds` rounds in which each has its turn: on a shared machine the rest measures the neighbours. */
async function turnAbout<K extends string>(
  contestants: Record<K, () => Promise<void>>,
  rounds: number,
): Promise<Record<K, number>> {
  const times = new Map<K, number[]>();
  const names = Object.keys(contestants) as K[];
  for (let round = -2; round < rounds; round++) {
    for (const name of names) {
      const started = process.hrtime.bigint();
      await contestants[name]();
      const ms = Number(process.hrtime.bigint() - started) / 1e6;
      if (round >= 0) times.set(name, [...(times.get(name) ?? []), ms]);
    }
  }
  return Object.fromEntries(names.map((name) => [name, Math.min(...(times.get(name) ?? []))])) as Record<K, number>;
}

async function makeSample(bytes: number, shape: Shape, signatures: number): Promise<Sample> {
  const head =
    "From: Bench <a@bench.test>\r\nTo: b@bench.test\r\nSubject: a message of some size\r\nDate: Tue, 24 Nov 2026 05:00:00 +0000\r\n" +
    `Message-ID: <1@bench.test>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n`;
  const body = shape === "relaxed-text" ? text(bytes) : base64(bytes);
  let raw = Buffer.concat([Buffer.from(head), body]);
  const zones: Sample["zones"] = {
    "_dmarc.bench.test": { TXT: ["v=DMARC1; p=reject"] },
    "bench.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
  };
  const p = keys.publicKey.export({ type: "spki", format: "der" }).toString("base64");
  for (let i = 0; i < signatures; i++) {
    zones[`s${i}._domainkey.bench.test`] = { TXT: [`v=DKIM1; k=rsa; p=${p}`] };
    const key = { type: "rsa", pkcs8: keys.privateKey.export({ type: "pkcs8", format: "der" }) } as const;
    const canon = shape === "simple" ? "simple" : "relaxed";
    const field = await signDkim(raw, { domain: "bench.test", selector: `s${i}`, key, now, canon }, nodeCrypto);
    raw = Buffer.concat([Buffer.from(field), raw]);
  }
  return { raw, zones };
}

function base64(bytes: number): Buffer {
  const line = `${"Q29uc2lkZXIgdGhlIGxpbGllcyBvZiB0aGUgZmllbGQsIGhvdyB0aGV5IGdyb3c7IHRoZXkgdG9pb".slice(0, 76)}\r\n`;
  return Buffer.from(line.repeat(Math.ceil(bytes / line.length)));
}

// Prose as people send it: single spaces, here and there two, trailing ones, tabs, empty lines.
function text(bytes: number): Buffer {
  const lines = [
    "It was the custom of the house that letters were read aloud after supper,",
    "slowly, and once only.  Whoever wished to hear a line again had to wait ",
    "\tuntil the next evening; nobody remembered who had made that rule.",
    "",
    "The children counted the seals, the old people counted the days between.",
  ];
  const page = `${lines.join("\r\n")}\r\n`;
  return Buffer.from(page.repeat(Math.ceil(bytes / page.length)));
}

function print(rows: readonly Row[]): void {
  console.log("size    body            sigs      ours    mailauth     floor   ours/floor  over floor  mailauth/ours");
  for (const { size, bytes, shape, signatures, ours, mailauth, floor } of rows) {
    const cells = [
      size.padEnd(7),
      shape.padEnd(15),
      String(signatures).padStart(4),
      `${ours.toFixed(3)}`.padStart(9),
      `${mailauth.toFixed(3)}`.padStart(11),
      `${floor.toFixed(3)}`.padStart(9),
      `${(ours / floor).toFixed(2)}`.padStart(11),
      `${(((ours - floor) * 1e6) / bytes).toFixed(2)} ns/B`.padStart(12),
      `${(mailauth / ours).toFixed(1)}`.padStart(13),
    ];
    console.log(cells.join(" "));
  }
}

/** Bytes by which reading and proving a 25 MB message raises a process, beyond the message itself. */
async function peak(): Promise<number> {
  const folder = mkdtempSync(join(tmpdir(), "postern-bench-"));
  try {
    const { raw, zones } = await makeSample(25e6, "relaxed-text", 3);
    writeFileSync(join(folder, "message"), raw);
    writeFileSync(join(folder, "zones"), JSON.stringify(zones));
    const code = `import(${JSON.stringify(import.meta.url)}).then((bench) => bench.run(["--memory", ${JSON.stringify(folder)}]))`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], { encoding: "utf8" });
    const bytes = Number(stdout.trim().split("\n").at(-1) || Number.NaN);
    if (Number.isNaN(bytes)) throw new Error(`memory: ${stderr}`);
    return bytes;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function memory(folder: string): Promise<number> {
  await ourProof(await makeSample(5e3, "relaxed-text", 3));
  const zones: Sample["zones"] = JSON.parse(readFileSync(join(folder, "zones"), "utf8"));
  // The kernel's own high-water mark, set back to the present: the hashing runs without a pause, a timer would miss it.
  if (existsSync("/proc/self/clear_refs")) writeFileSync("/proc/self/clear_refs", "5");
  const before = process.memoryUsage().rss;
  const raw = readFileSync(join(folder, "message"));
  await ourProof({ raw, zones });
  console.log(String(highWater() - before - raw.length));
  return 0;
}

function highWater(): number {
  const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
  const kibibytes = /^VmHWM:\s+(\d+)/m.exec(status)?.[1];
  return 1024 * (kibibytes === undefined ? process.resourceUsage().maxRSS : Number(kibibytes));
}

function report(rows: readonly Row[], extra: number): number {
  const broken: string[] = [];
  for (const row of rows) {
    const { size, shape, signatures, ours, mailauth, floor, bytes } = row;
    const name = `${size} ${shape} ×${signatures}`;
    if (ours >= mailauth) broken.push(`${name}: not faster than mailauth`);
    if (bytes < 5e6) continue;
    const most = shape === "relaxed-text" ? floor + (3 * bytes) / 1e6 : 1.5 * floor;
    if (ours > most) broken.push(`${name}: ${ours.toFixed(2)} ms, bound ${most.toFixed(2)} ms`);
  }
  console.log(`peak memory at 25 MB: message + ${(extra / 1e6).toFixed(1)} MB`);
  if (extra > 20e6) broken.push("more than 20 MB above the message");
  for (const line of broken) console.log(`MISSED ${line}`);
  console.log(broken.length === 0 ? "all bounds held" : `${broken.length} bounds missed`);
  return broken.length === 0 ? 0 : 1;
}
