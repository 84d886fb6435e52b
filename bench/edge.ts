/**
 * What a message costs the Worker, inside workerd: the whole of `receive()` (parse, SPF, DKIM, DMARC, ARC, route, verdict, seal
 * for one mailbox) and the look-up and resolution of its recipient in a domain of 10,000 aliases. D1 answers from memory and R2
 * swallows; what is printed is CPU time of the runtime's process as the kernel counts it, so that other work on this machine
 * does not show. The best of three rounds.
 */
import { generateKeyPairSync } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { toBase64 } from "../src/core/bytes.ts";
import { signDkim } from "../src/core/proof/dkim/sign.ts";
import { nodeCrypto } from "../src/daemon/platform.ts";
import type { Measured, Order } from "../test/edge/inside/measured.ts";
import { configWith, type Edge, startEdge } from "../test/edge/world.ts";

const sizes = { "10 KB": 10_000, "100 KB": 100_000, "1 MB": 1_000_000, "5 MB": 5_000_000 } as const;
const times = { "10 KB": 200, "100 KB": 100, "1 MB": 30, "5 MB": 8 } as const;
type Size = keyof typeof sizes;
const author = "author.test";

export async function run(): Promise<number> {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const p = publicKey.export({ format: "der", type: "spki" }).toString("base64");
  const zones = {
    [author]: { TXT: ["v=spf1 ip4:192.0.2.1 -all"] },
    [`_dmarc.${author}`]: { TXT: ["v=DMARC1; p=reject"] },
    [`k._domainkey.${author}`]: { TXT: [`v=DKIM1; k=rsa; p=${p}`] },
  };
  const edge = await startEdge(zones, {}, undefined, configWith("test/edge/inside/measured.ts"));
  try {
    await fill(edge);
    const pkcs8 = new Uint8Array(privateKey.export({ format: "der", type: "pkcs8" }));
    process.stdout.write("whole message           CPU ms   calls to D1\n");
    for (const size of Object.keys(sizes) as Size[]) {
      // Another message each round: one that was seen before is only said yes to.
      const raw = (): Promise<string> => signed(sizes[size], pkcs8);
      await show(edge, size, { what: "receive", recipient: "box@small.test", times: times[size] }, raw);
    }
    process.stdout.write("\nlook-up and resolution  CPU ms   calls to D1\n");
    for (const recipient of ["name5@small.test", "name9999@large.test", "t-x@patterns.test"])
      await show(edge, recipient, { what: "resolve", recipient, times: 1000 }, async () => "");
    return 0;
  } finally {
    await edge.close();
  }
}

/** `small.test` has ten aliases, `large.test` ten thousand, `patterns.test` the most patterns that a domain may have. */
async function fill(edge: Edge): Promise<void> {
  await edge.addNode();
  const account = await edge.addAccount("owner@home.test", true);
  const small = await edge.addDomain("small.test", account);
  await edge.addMailbox(small, "box@small.test");
  await aliases(edge, small, 10, "exact", "'name' || i");
  await aliases(edge, await edge.addDomain("large.test", account), 10_000, "exact", "'name' || i");
  await aliases(edge, await edge.addDomain("patterns.test", account), 300, "regex", "'^t' || i || '-(.*)$'");
  const [{ id } = { id: "" }] = await edge.rows<{ id: string }>("select id from domain where name = 'patterns.test'");
  await edge.addAlias(id, "*", [["address", "all@else.test"]], { kind: "catch-all" });
}

async function aliases(edge: Edge, domain: string, n: number, kind: string, pattern: string): Promise<void> {
  await edge.rows(
    `insert into alias (id, domain, kind, pattern, created_at, updated_at)
     with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ?2)
     select ?1 || i, ?1, ?3, ${pattern}, i, 0 from n`,
    domain,
    n,
    kind,
  );
  await edge.rows(
    `insert into destination (id, alias, kind, target, created_at)
     select id || 'd', id, 'address', 'someone' || rowid || '@else.test', 0 from alias where domain = ?1`,
    domain,
  );
}

type Task = Omit<Order, "node" | "mailFrom" | "raw">;

async function show(edge: Edge, name: string, task: Task, rawOf: () => Promise<string>): Promise<void> {
  let best = Number.POSITIVE_INFINITY;
  let calls = 0;
  for (let round = 0; round < 3; round++) {
    const order = { ...task, raw: await rawOf() };
    const before = cpuMs();
    const measured = await measure(edge, order);
    best = Math.min(best, (cpuMs() - before) / task.times);
    calls = measured.calls;
  }
  process.stdout.write(`${name.padEnd(22)}${best.toFixed(2).padStart(8)}${String(calls).padStart(14)}\n`);
}

async function measure(edge: Edge, order: Omit<Order, "node" | "mailFrom">): Promise<Measured> {
  const whole = { node: edge.node.id, mailFrom: `ann@${author}`, ...order };
  const response = await fetch(new URL("/measure", edge.url), { method: "POST", body: JSON.stringify(whole) });
  const measured = (await response.json()) as Measured;
  if (measured.kind !== "accepted" && measured.kind !== "found") throw new Error(`it was ${measured.kind}`);
  return measured;
}

/** User and system time of our workerd processes; the kernel counts in hundredths. */
function cpuMs(): number {
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
  return pids.map(ticksOf).reduce((all, one) => all + one, 0) * 10;
}

function ticksOf(pid: string): number {
  try {
    const [, name = "", rest = ""] = /^\d+ \((.*)\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
    const fields = rest.split(" "); // from the third of proc(5) on: state, ppid, …, utime, stime
    return name === "workerd" && fields[1] === String(process.pid) ? Number(fields[11]) + Number(fields[12]) : 0;
  } catch {
    return 0; // gone meanwhile
  }
}

let messages = 0;

async function signed(bytes: number, pkcs8: Uint8Array): Promise<string> {
  const line = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod.\r\n";
  const head = `From: Ann <ann@${author}>\r\nTo: box@small.test\r\nSubject: bench\r\nMessage-ID: <${++messages}@${author}>\r\n\r\n`;
  const raw = Buffer.from(head + line.repeat(Math.ceil(bytes / line.length)));
  const signer = { domain: author, selector: "k", key: { type: "rsa" as const, pkcs8 }, now: Date.now() };
  return toBase64(Buffer.concat([Buffer.from(await signDkim(raw, signer, nodeCrypto)), raw]));
}
