/** What `postern new-node` writes is what the node takes, and it never writes over an identity. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run } from "../../src/cli/new-node.ts";
import { readConfig, readIdentity } from "../../src/daemon/config.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "postern-node-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const key = Buffer.alloc(32, 7).toString("base64");
const options = [
  "--id",
  "n1",
  "--hostname",
  "mx1.example.net",
  "--edge",
  "https://edge.example.net",
  "--edge-key",
  key,
  "--cert",
  "c.pem",
  "--key",
  "k.pem",
];

test("its configuration is valid, its identity private", async () => {
  const home = join(folder, "one");
  expect(await run([home, ...options])).toBe(0);
  const config = readConfig(join(home, "node.json"));
  expect(config.node).toEqual({ id: "n1", hostname: "mx1.example.net" });
  expect(readIdentity(config.identity).seed).toMatch(/=$/);
  expect(statSync(config.identity).mode & 0o777).toBe(0o600);
  const before = readFileSync(config.identity, "utf8");
  expect(await run([home, ...options])).toBe(2);
  expect(readFileSync(config.identity, "utf8")).toBe(before);
});

test("a wrong value is refused before anything is written", async () => {
  const home = join(folder, "two");
  expect(await run([home, ...options.with(1, "not an id")])).toBe(2);
  expect(() => statSync(home)).toThrow();
});

test("the node names an unknown key, and refuses test settings beside a public listener", async () => {
  const home = join(folder, "three");
  await run([home, ...options]);
  const file = join(home, "node.json");
  const config = JSON.parse(readFileSync(file, "utf8"));
  writeFileSync(file, JSON.stringify({ ...config, colour: "green" }));
  expect(() => readConfig(file)).toThrow(/colour/);
  writeFileSync(file, JSON.stringify({ ...config, testing: { insecurePlain: true } }));
  expect(() => readConfig(file)).toThrow(/public listener/);
});
