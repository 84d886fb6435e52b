import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { certificates } from "../../../src/cli/world/certificates.ts";
import { tlsContext } from "../../../src/daemon/net/tls.ts";
import { openDoor, outcome, type World } from "./world.ts";

let folder: string;
let world: World;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "send-"));
  const files = await certificates(folder, ["localhost"]);
  const context = tlsContext({ key: readFileSync(files.key), cert: readFileSync(files.cert) });
  world = await openDoor({ tls: () => context });
  const endpoints = { door: { host: "localhost", port: world.door.port }, ca: files.ca };
  writeFileSync(join(folder, "endpoints.json"), JSON.stringify(endpoints));
});
afterEach(() => world.door.close(0));

function send(message: string, ...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const file = join(folder, "message.eml");
  writeFileSync(file, message, "latin1");
  const main = join(import.meta.dirname, "../../../src/cli/main.ts");
  return new Promise((done) => {
    const child = execFile(process.execPath, [main, "send", file, ...args], (_error, out, err) =>
      done({ code: child.exitCode ?? -1, out, err }),
    );
  });
}

it("finds the running instance, trusts its authority and sends the file as it is", async () => {
  const message = "Subject: x\r\n\r\n.dots\r\n..\r\n\xe9\r\n";
  const got = await send(message, "--to", "hello@demo.test", "--from", "ann@sender.test", "--data", folder);
  expect(got).toMatchObject({ code: 0, out: "accepted for hello@demo.test: 250 2.0.0 Accepted\n", err: "" });
  expect(world.taken[0]?.raw.toString("latin1")).toBe(message);
  expect(world.taken[0]?.envelope).toMatchObject({ mailFrom: "ann@sender.test", tls: { version: "TLSv1.3" } });
});

it("says so when it has to mend line ends", async () => {
  const got = await send("Subject: x\n\nhi\n", "--to", "hello@demo.test", "--data", folder);
  expect(got.code).toBe(0);
  expect(got.err).toContain("bare line ends");
  expect(world.taken[0]?.raw.toString()).toBe("Subject: x\r\n\r\nhi\r\n");
});

it("fails with the server's words when refused, at RCPT and at DATA", async () => {
  world.answerRcpt = async () => ({ kind: "refuse", code: 550, enhanced: "5.1.1", text: "No such address here" });
  const atRcpt = await send("A: b\r\n\r\n", "--to", "nobody@demo.test", "--data", folder);
  expect(atRcpt).toMatchObject({ code: 1, out: "" });
  expect(atRcpt.err).toContain("550 5.1.1 No such address here");
  world.answerRcpt = async () => ({ kind: "ok" });
  world.answerIngest = async () => ({ outcomes: [outcome("hello@demo.test", "refused")], pathProven: true });
  const atData = await send("A: b\r\n\r\n", "--to", "hello@demo.test", "--data", folder);
  expect(atData.err).toContain("550 5.7.1 not wanted");
});

it("tells how it is used, and that nothing runs", async () => {
  expect(await send("A: b\r\n\r\n")).toMatchObject({ code: 2, err: expect.stringContaining("usage:") });
  const none = await send("A: b\r\n\r\n", "--to", "x@y.test", "--data", join(folder, "nowhere"));
  expect(none).toMatchObject({ code: 1, err: expect.stringContaining("npm start") });
});
