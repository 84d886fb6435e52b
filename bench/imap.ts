/**
 * IMAP and POP3 beside Debian's dovecot, in one run on one machine: a node as `npm start -- --node-only` starts it (encrypted store,
 * TLS) and dovecot with Maildir (TLS, nothing encrypted at rest), part by part in turn. Driven by the load scripts of ../shared/bench
 * where they and Python 3 are at hand, else (or with --own) by the client in `imap/`. Only the ratio of the two columns means
 * something: client and server share the machine. Without dovecot ours is measured alone.
 *
 * Parts that only read are measured in three rounds, turn by turn, and the medians told, since others may use the machine too.
 *
 *   npm run bench -- imap [--big 10000] [--only login,append,…] [--rounds 3] [--own] [--json FILE]
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { root } from "../src/cli/run.ts";
import { startDovecot } from "../test/peers/imap-dovecot.ts";
import { measureOwn, type Rows } from "./imap/own.ts";
import { fillInbox, measurePop3 } from "./imap/pop3.ts";

const scripts = join(root, "..", "shared", "bench");

type Target = {
  name: string;
  imaps: number;
  pop3s: number;
  user: string;
  password: string;
  pid: number;
  close(): Promise<void>;
};

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      big: { type: "string", default: "10000" },
      only: { type: "string" },
      rounds: { type: "string", default: "3" },
      own: { type: "boolean", default: false },
      json: { type: "string" },
    },
  });
  const own = values.own || !existsSync(scripts) || spawnSync("python3", ["--version"]).status !== 0;
  process.stderr.write(own ? "driven by our own client\n" : "driven by the shared scripts\n");
  const big = Number(values.big);
  const tests = values.only?.split(",") ?? [...imapTests, "pop3"];
  const results: Record<string, Rows> = {};
  const targets = [await startOurs(), ...(await dovecotIfHere())];
  try {
    for (const test of tests) {
      const rounds: Record<string, Rows[]> = {};
      for (let round = repeatable.has(test) ? Number(values.rounds) : 1; round > 0; round--) {
        for (const target of targets) {
          const rows = await measure(target, test, big, own).catch(failedAs(test));
          rounds[target.name] = [...(rounds[target.name] ?? []), rows];
        }
      }
      for (const { name } of targets) results[name] = { ...results[name], ...medians(rounds[name] ?? []) };
      print(test, results);
    }
  } finally {
    await Promise.all(targets.map((target) => target.close()));
  }
  if (values.json) writeFileSync(values.json, JSON.stringify(results, null, 1));
  return 0;
}

const imapTests = [
  "login",
  "append",
  "fill",
  "select",
  "fetch",
  "fetchmixed",
  "search",
  "store",
  "copymove",
  "expunge",
  "idle",
  "idlemem",
];

/** These leave everything as it was. */
const repeatable = new Set(["login", "select", "fetch", "fetchmixed", "search", "pop3"]);

/** Of each figure in each row, over the rounds that have one: what changes something (CHANGEDSINCE) does so in the first alone. */
function medians(rounds: readonly Rows[]): Rows {
  const [first = {}] = rounds;
  const middle = (name: string, figure: string, value: number | string): number | string => {
    if (typeof value === "string") return value;
    const all = rounds
      .map((rows) => Number(rows[name]?.[figure]))
      .filter(Number.isFinite)
      .sort((a, b) => a - b);
    return all[Math.floor(all.length / 2)] ?? value;
  };
  return Object.fromEntries(
    Object.entries(first).map(([name, row]) => [
      name,
      Object.fromEntries(Object.entries(row).map(([figure, value]) => [figure, middle(name, figure, value)])),
    ]),
  );
}

async function startOurs(): Promise<Target> {
  const folder = mkdtempSync(join(tmpdir(), "bench-imap-"));
  const options = ["start", "--node-only", "--json", "--data", folder, "--mailbox", "bench@demo.test"];
  const child = spawn(process.execPath, [join(root, "bin/postern.mjs"), ...options], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ready: {
    imaps: { port: number };
    pop3s: { port: number };
    mailbox: { address: string; password: string };
    pids: { node: number };
  } = JSON.parse(await firstLine(child));
  return {
    name: "postern",
    imaps: ready.imaps.port,
    pop3s: ready.pop3s.port,
    user: ready.mailbox.address,
    password: ready.mailbox.password,
    pid: ready.pids.node,
    close: async () => {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error("no output to read");
  for await (const line of createInterface(child.stdout)) if (line.startsWith("{")) return line;
  throw new Error("the node did not start");
}

async function dovecotIfHere(): Promise<Target[]> {
  if (spawnSync("dovecot", ["--version"]).status !== 0) {
    process.stderr.write("Debian's dovecot (dovecot-imapd, dovecot-pop3d) is not here: our figures alone\n");
    return [];
  }
  const { imaps, pop3s, password, pid, close } = await startDovecot();
  return [{ name: "dovecot", imaps, pop3s, user: "bench", password, pid, close }];
}

/** A part that one server does not get through is told, and the others go on. */
function failedAs(test: string): (cause: unknown) => Rows {
  return (cause) => ({ [`${test}_FAILED`]: { error: String(cause) } });
}

const inInbox = 1000;
const filledInboxes = new Set<string>();

/** One part against one server; its figures. */
async function measure(target: Target, test: string, big: number, own: boolean): Promise<Rows> {
  const { user, password } = target;
  // What a mailbox holds while it is read is given back first: this part measures what a connection takes.
  if (test === "idlemem") await sleep(25_000);
  if (test === "pop3" && !filledInboxes.has(target.name)) {
    filledInboxes.add(target.name);
    await fillInbox({ port: target.imaps, user, password }, Math.min(inInbox, Math.floor(big / 2)));
  }
  if (!own) return measureByScript(target, test, big);
  return test === "pop3"
    ? measurePop3({ port: target.pop3s, user, password })
    : measureOwn(test, { port: target.imaps, user, password, big });
}

async function measureByScript(target: Target, test: string, big: number): Promise<Rows> {
  const out = join(tmpdir(), `bench-imap-${process.pid}.json`);
  const common = ["--tls", "--user", target.user, "--password", target.password, "--json", out];
  const line =
    test === "pop3"
      ? [join(scripts, "pop3bench.py"), "--port", String(target.pop3s), ...common]
      : [join(scripts, "imapbench.py"), "--port", String(target.imaps), "--pid", String(target.pid), ...common];
  const more = test === "pop3" ? [] : ["--only", test, "--big", String(big), "--keep"];
  const child = spawn("python3", [...line, ...more], { stdio: ["ignore", "ignore", "inherit"] });
  await once(child, "exit");
  if (!existsSync(out)) return {};
  const text = JSON.parse(readFileSync(out, "utf8"));
  rmSync(out);
  return text.results ?? text;
}

/** The one figure of a row that is compared, and whether more of it is better. */
const figures: readonly (readonly [name: string, unit: string, more: boolean])[] = [
  ["MB_s", "MB/s", true],
  ["per_s", "/s", true],
  ["median_ms", "ms", false],
  ["after_append_ok_median_ms", "ms", false],
  ["ms_each", "ms", false],
  ["pss_KB_per_conn", "KB", false],
  ["ms", "ms", false],
];
const hidden = new Set(["mem_start", "mem_end"]);
const shown = new Set<string>();

function print(test: string, results: Record<string, Rows>): void {
  const ours = results["postern"] ?? {};
  const theirs = results["dovecot"] ?? {};
  for (const [name, row] of Object.entries(ours)) {
    const [key, unit, more] = figures.find(([figure]) => figure in row) ?? [];
    if (key === undefined || hidden.has(name) || shown.has(name)) continue;
    shown.add(name);
    const mine = Number(row[key]);
    const other = Number(theirs[name]?.[key]);
    const ratio = more ? mine / other : other / mine;
    const first =
      "first_ms" in row
        ? `  first ${Number(row["first_ms"]).toFixed(1)} / ${Number(theirs[name]?.["first_ms"]).toFixed(1)} ms`
        : "";
    const cells = [`${mine.toFixed(1)} ${unit}`, Number.isNaN(other) ? "-" : `${other.toFixed(1)} ${unit}`];
    process.stdout.write(
      `${test.padEnd(10)} ${name.padEnd(28)} ${cells.map((cell) => cell.padStart(16)).join("")}  ×${ratio.toFixed(2)}${first}\n`,
    );
  }
  for (const name of Object.keys(ours).filter((row) => row.endsWith("_FAILED"))) {
    process.stdout.write(`${test.padEnd(10)} ${name}: ${ours[name]?.["error"]}\n`);
  }
}
