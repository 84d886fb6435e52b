/** The door as Debian's SMTP clients meet it. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { certificates } from "../../src/cli/world/certificates.ts";
import { tlsContext } from "../../src/daemon/net/tls.ts";
import { openDoor, outcome, takeAll, type World } from "../daemon/door/world.ts";
import { need } from "./need.ts";

let world: World;
let ca: string;
let file: string;
const message = Buffer.from(
  "From: ann@sender.test\r\nSubject: caf\xc3\xa9\r\n\r\n.a dot\r\n..\r\nlast \xc3\xa9\r\n",
  "latin1",
);

beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), "peers-"));
  const files = await certificates(folder, ["localhost"]);
  const context = tlsContext({ key: readFileSync(files.key), cert: readFileSync(files.cert) });
  ca = files.ca;
  file = join(folder, "message.eml");
  writeFileSync(file, message);
  world = await openDoor({ tls: () => context });
});
afterAll(() => world.door.close(0));
beforeEach(() => {
  world.taken.length = 0;
  world.answerRcpt = async () => ({ kind: "ok" });
  world.answerIngest = async (envelope) => takeAll(envelope);
});

type Ran = { code: number; out: string };
function run(command: string, args: string[], input?: Buffer): Promise<Ran> {
  return new Promise((done) => {
    const child = execFile(command, args, { timeout: 30_000 }, (_error, out, err) =>
      done({ code: child.exitCode ?? -1, out: out + err }),
    );
    child.stdin?.end(input);
  });
}

const swaks = need("swaks", ["swaks", "--version"], "the door is not tried with swaks");
describe.skipIf(!swaks)("swaks", () => {
  const base = () => ["--server", `127.0.0.1:${world.door.port}`, "--from", "ann@sender.test", "--helo", "client.test"];

  it("delivers over STARTTLS, byte for byte", async () => {
    const got = await run("swaks", [...base(), "--to", "hello@demo.test", "-tls", "--data", `@${file}`]);
    expect(got).toMatchObject({ code: 0, out: expect.stringContaining("250 2.0.0 Accepted") });
    // swaks ends every message with one more line end of its own.
    expect(world.taken[0]?.raw.toString("latin1")).toBe(`${message.toString("latin1")}\r\n`);
    expect(world.taken[0]?.envelope).toMatchObject({ helo: "client.test", tls: { version: "TLSv1.3" } });
  });

  it("delivers a pipelined envelope to several", async () => {
    const to = ["--to", "a@demo.test,b@demo.test", "--pipeline"];
    expect(await run("swaks", [...base(), ...to])).toMatchObject({ code: 0 });
    expect(world.taken[0]?.envelope.recipients).toEqual(["a@demo.test", "b@demo.test"]);
  });

  it("understands a refused recipient and a refused message", async () => {
    world.answerRcpt = async () => ({ kind: "refuse", code: 550, enhanced: "5.1.1", text: "No such address here" });
    const atRcpt = await run("swaks", [...base(), "--to", "nobody@demo.test"]);
    expect(atRcpt).toMatchObject({ code: 24, out: expect.stringContaining("550 5.1.1 No such address here") });
    world.answerRcpt = async () => ({ kind: "ok" });
    world.answerIngest = async () => ({ outcomes: [outcome("hello@demo.test", "refused")], pathProven: true });
    expect(await run("swaks", [...base(), "--to", "hello@demo.test"])).toMatchObject({ code: 26 });
  });
});

const msmtp = need("msmtp", ["msmtp", "--version"], "the door is not tried with msmtp");
describe.skipIf(!msmtp)("msmtp", () => {
  it("verifies the certificate and delivers", async () => {
    const tls = ["--tls=on", "--tls-starttls=on", `--tls-trust-file=${ca}`];
    const where = ["--file=/dev/null", "--host=localhost", `--port=${world.door.port}`, "--domain=client.test"];
    const got = await run(
      "msmtp",
      [...where, ...tls, "--from=ann@sender.test", "--", "hello@demo.test"],
      readFileSync(file),
    );
    expect(got).toMatchObject({ code: 0 });
    // msmtp puts a field of its own on top.
    expect(world.taken[0]?.raw.subarray(-message.length)).toEqual(message);
    expect(world.taken[0]?.envelope.tls).not.toBe(null);
  });
});

const curl = need("curl", ["curl", "--version"], "the door is not tried with curl");
describe.skipIf(!curl)("curl", () => {
  it("requires TLS and delivers, byte for byte", async () => {
    const envelope = ["--mail-from", "ann@sender.test", "--mail-rcpt", "hello@demo.test"];
    const got = await run("curl", [
      "-sS",
      "--ssl-reqd",
      "--cacert",
      ca,
      `smtp://localhost:${world.door.port}/client.test`,
      ...envelope,
      "-T",
      file,
    ]);
    expect(got).toEqual({ code: 0, out: "" });
    expect(world.taken[0]?.raw).toEqual(message);
  });

  it("tells a refusal", async () => {
    world.answerIngest = async () => ({ outcomes: [outcome("hello@demo.test", "deferred")], pathProven: true });
    const envelope = ["--mail-from", "ann@sender.test", "--mail-rcpt", "hello@demo.test"];
    const got = await run("curl", ["-sSv", `smtp://127.0.0.1:${world.door.port}/client.test`, ...envelope, "-T", file]);
    expect(got.code).not.toBe(0);
    expect(got.out).toContain("451");
  });
});
