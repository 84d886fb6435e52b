/** The whole system for one test file: a fresh data folder, both halves up, and what a test does to it from outside. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { openPlace } from "../../src/cli/world/place.ts";
import { type Caught, caught } from "../../src/cli/world/sink.ts";
import { openWorld, type World, type WorldOptions } from "../../src/cli/world/whole.ts";

const execute = promisify(execFile);
export const samples = join(import.meta.dirname, "..", "samples");
export const sample = (name: string): Buffer => readFileSync(join(samples, `${name}.eml`));

export type TestWorld = World & { folder: string; close(): Promise<void> };

export async function testWorld(options: WorldOptions = {}): Promise<TestWorld> {
  const folder = mkdtempSync(join(tmpdir(), "postern-system-"));
  const closers: (() => Promise<void> | void)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closers.reverse()) await each();
    if (process.env["POSTERN_KEEP"] === undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    const world = await openWorld(openPlace(folder, false), (each) => void closers.push(each), options);
    return { ...world, folder, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Runs a program to its end; never throws for its exit code. */
export async function program(
  command: string,
  args: readonly string[],
  options: { input?: string } = {},
): Promise<{ code: number; stdout: Buffer; stderr: string }> {
  try {
    const running = execute(command, args, { encoding: "buffer", maxBuffer: 64 * 1024 * 1024, timeout: 60_000 });
    if (options.input !== undefined) running.child.stdin?.end(options.input);
    const { stdout, stderr } = await running;
    return { code: 0, stdout, stderr: stderr.toString() };
  } catch (error) {
    const failed = error as { code?: number | string; stdout?: Buffer; stderr?: Buffer };
    return {
      code: typeof failed.code === "number" ? failed.code : 127,
      stdout: failed.stdout ?? Buffer.alloc(0),
      stderr: String(failed.stderr ?? error),
    };
  }
}

/** `postern send` as a person runs it. */
export function send(world: World, file: string, to: string, from: string): ReturnType<typeof program> {
  const { host, port } = world.endpoints.door;
  const launcher = join(import.meta.dirname, "..", "..", "bin", "postern.mjs");
  return program(process.execPath, [
    launcher,
    "send",
    file,
    "--to",
    to,
    "--from",
    from,
    "--host",
    host,
    "--port",
    String(port),
    "--ca",
    world.endpoints.ca,
  ]);
}

/** curl against the demo's mailbox, IMAPS or POP3S. */
export function curl(world: World, url: string, ...more: string[]): ReturnType<typeof program> {
  return curlAs(world, world.endpoints.mailbox, url, ...more);
}

/** curl as whoever has this app password. */
export function curlAs(
  world: World,
  { address, password }: { address: string; password: string },
  url: string,
  ...more: string[]
): ReturnType<typeof program> {
  return program("curl", ["-sS", "--cacert", world.endpoints.ca, "-u", `${address}:${password}`, url, ...more]);
}

export const imapUrl = (world: World, path: string): string =>
  `imaps://localhost:${world.endpoints.imaps.port}/${path}`;
export const pop3Url = (world: World, path: string): string =>
  `pop3s://localhost:${world.endpoints.pop3s.port}/${path}`;

/** Asks again until it is so; fails with what it last saw. For states that no event reaches the test from. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | null> | T | null,
  withinMs = 45_000,
): Promise<T> {
  const end = Date.now() + withinMs;
  for (;;) {
    const seen = await look();
    if (seen !== null) return seen;
    if (Date.now() > end) throw new Error(`never seen: ${what}`);
    await new Promise((later) => setTimeout(later, 100));
  }
}

export function outside(world: World): (Caught & { raw: Buffer })[] {
  return caught(world.endpoints.sink.folder).map((each) => ({
    ...each,
    raw: readFileSync(join(world.endpoints.sink.folder, `${each.n}.eml`)),
  }));
}

/** How many messages a folder holds, by IMAP. */
export async function countIn(world: World, folder: string): Promise<number> {
  const { stdout } = await curl(world, imapUrl(world, ""), "-X", `STATUS ${folder} (MESSAGES)`);
  return Number(/MESSAGES (\d+)/.exec(stdout.toString())?.[1] ?? Number.NaN);
}

/** An Email Worker event, as `wrangler dev` makes one. */
export async function emailEvent(
  world: World,
  from: string,
  to: string,
  raw: Buffer,
): Promise<{ outcome: string; rejectReason?: string; forwards?: unknown[] }> {
  const url = new URL("/cdn-cgi/handler/email", world.endpoints.edge);
  url.searchParams.set("from", from);
  url.searchParams.set("to", to);
  url.searchParams.set("format", "json");
  const response = await fetch(url, { method: "POST", body: new Uint8Array(raw) });
  const text = await response.text();
  return text.startsWith("{") ? JSON.parse(text) : { outcome: `${response.status} ${text}` };
}
