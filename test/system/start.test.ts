/** The two commands, as a newcomer meets them: `npm start` prints what a script needs, and leaves nothing behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { eventually } from "./world.ts";

const root = join(import.meta.dirname, "..", "..");
const at = z.object({ host: z.string(), port: z.int().positive() });
const nodeLine = z.object({
  imaps: at,
  pop3s: at,
  ca: z.string(),
  data: z.string(),
  mailbox: z.object({ address: z.string(), password: z.string() }),
  pids: z.object({ node: z.int() }),
});
const wholeLine = nodeLine.extend({
  dashboard: z.url(),
  edge: z.url(),
  door: at,
  sink: at,
  admin: z.object({ email: z.string(), password: z.string() }),
  pids: z.object({ node: z.int(), edge: z.int() }),
});

const folders: string[] = [];
const running: ChildProcess[] = [];
afterEach(async () => {
  for (const child of running.splice(0)) await stop(child);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "postern-start-"));
  folders.push(folder);
  return folder;
}

/** Starts it and answers the one line of stdout, parsed. */
async function start<T>(schema: z.ZodType<T>, ...args: string[]) {
  return startBy(schema, process.execPath, ["bin/postern.mjs", "start", "--json", ...args]);
}

async function startBy<T>(
  schema: z.ZodType<T>,
  command: string,
  args: readonly string[],
): Promise<{ child: ChildProcess; line: T; lines: string[] }> {
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  running.push(child);
  const lines: string[] = [];
  const errors: Buffer[] = [];
  child.stderr?.on("data", (part: Buffer) => errors.push(part));
  const out = createInterface({ input: child.stdout ?? process.stdin });
  const first = new Promise<string>((done, failed) => {
    out.on("line", (text) => {
      lines.push(text);
      done(text);
    });
    child.on("exit", (code) => failed(new Error(`ended with ${code}: ${Buffer.concat(errors)}`)));
  });
  return { child, line: schema.parse(JSON.parse(await first)), lines };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGTERM");
  await once(child, "exit");
}

const isAlive = (pid: number): boolean => existsSync(`/proc/${pid}`);

function greeting(port: number): Promise<string> {
  return new Promise((done, failed) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("data", (bytes) => {
      done(bytes.toString());
      socket.destroy();
    });
    socket.once("error", failed);
  });
}

test("npm start -- --json prints one line, a second start reuses the data, Ctrl-C ends every child", async () => {
  const folder = newFolder();
  const one = await start(wholeLine, "--data", folder);
  expect(one.lines).toHaveLength(1);
  expect(await greeting(one.line.door.port)).toMatch(/^220 /);
  expect((await fetch(one.line.dashboard)).status).toBeLessThan(400);
  const other = await start(wholeLine, "--data", newFolder(), "--open-sign-up"); // ports in use are stepped over
  expect(other.line.imaps.port).not.toBe(one.line.imaps.port);
  const mayAsk = async ({ dashboard }: { dashboard: string }) =>
    (await (await fetch(new URL("/sign-up", dashboard))).text()).includes('action="/sign-up"');
  expect([await mayAsk(one.line), await mayAsk(other.line)]).toEqual([false, true]);
  await stop(other.child);
  await stop(one.child);
  expect([one.line.pids.node, one.line.pids.edge].filter(isAlive)).toEqual([]);
  const two = await start(wholeLine, "--data", folder);
  expect(two.line.mailbox).toEqual(one.line.mailbox);
  expect(two.line.admin).toEqual(one.line.admin);
  await stop(two.child);
  const fresh = await start(wholeLine, "--data", folder, "--fresh");
  expect(fresh.line.mailbox.password).not.toBe(one.line.mailbox.password);
}, 300_000);

// Regression: what was begun after the signal was ended by nobody, and kept the command from ending.
test.each(["node", "edge"])(
  "stopped while it starts, when the %s has begun, it ends and leaves nothing",
  async (half) => {
    const folder = newFolder();
    const child = spawn(process.execPath, ["bin/postern.mjs", "start", "--json", "--data", folder], {
      ...{ cwd: root, stdio: "ignore" },
    });
    running.push(child);
    await eventually("it begun", () => (existsSync(join(folder, "log", `${half}.log`)) ? true : null));
    await stop(child);
    expect(child.exitCode).toBe(0);
    const about = readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(folder));
    expect(about.map(commandOf)).toEqual([]);
  },
);

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return ""; // it ended in between
  }
}

test("a half that crashes is reported and comes back", async () => {
  const { child, line } = await start(wholeLine, "--data", newFolder());
  const said: string[] = [];
  const back = new Promise<void>((done) => {
    child.stderr?.on("data", (part: Buffer) => {
      said.push(part.toString());
      if (said.join("").includes("the node is back")) done();
    });
  });
  process.kill(line.pids.node, "SIGKILL");
  await back;
  expect(said.join("")).toMatch(/the node ended \(SIGKILL\)/);
  expect(await greeting(line.door.port)).toMatch(/^220 /);
});

test("npm start -- --node-only serves mailboxes by chosen test passwords, over plain text only on request", async () => {
  const { line } = await start(
    nodeLine.extend({ imap: at }),
    "--node-only",
    "--data",
    newFolder(),
    "--insecure-plain",
    "--mailbox",
    "u1:pw",
  );
  expect(line.mailbox).toEqual({ address: "u1", password: "pw" });
  const answer = await new Promise<string>((done) => {
    const socket = connect(line.imap.port, "127.0.0.1");
    let all = "";
    socket.on("data", (bytes) => {
      all += bytes.toString();
      if (/^\* OK/.test(all) && !all.includes("a1 ")) socket.write("a1 LOGIN u1 pw\r\n");
      if (/^a1 .*\r\n/m.test(all)) {
        done(all);
        socket.destroy();
      }
    });
  });
  expect(answer).toMatch(/^a1 OK/m);
});

// Regression: npm and its shell ended, and everything they had started went on.
test("a signal to npm ends every child, although a shell stands between", async () => {
  const args = ["start", "--silent", "--", "--json", "--node-only", "--data", newFolder()];
  const { child, line } = await startBy(nodeLine, "npm", args);
  await stop(child);
  await eventually("the node gone", () => (isAlive(line.pids.node) ? null : true));
});

test("a chosen password without --insecure-plain is refused with a reason", async () => {
  const child = spawn(process.execPath, ["bin/postern.mjs", "start", "--node-only", "--mailbox", "u1:pw"], {
    cwd: root,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  child.stderr?.on("data", (part: Buffer) => (said += part.toString()));
  const [code] = await once(child, "exit");
  expect(code).toBe(2);
  expect(said).toMatch(/--insecure-plain/);
});
