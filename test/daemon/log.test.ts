/** A line of the node's log holds no address, whatever an error's words bring along. */
import { afterEach, expect, test, vi } from "vitest";
import { log, logLine } from "../../src/daemon/main/log.ts";

const written: string[] = [];
const stderr = vi.spyOn(process.stderr, "write").mockImplementation((text) => written.push(String(text)) > 0);
afterEach(() => written.splice(0));
afterEach(() => stderr.mockClear());

test.each([
  "550 5.1.1 <grace.hopper+tag@navy.example>: no such user",
  "RCPT TO:<grace.hopper@[192.0.2.1]> refused",
  'no mailbox for "grace hopper"@navy.example here',
  'no mailbox for "grace \\" hopper"@navy.example',
  "grace.hopper@navy.example, hopper@navy.example",
  "mailto:grace.hopper@navy.example?subject=x",
  "grâce.hopper@navy.example",
  '{"address":"grace.hopper@navy.example"}',
  "SRS0=hopper=navy.example=grace@navy.example",
  "grace.o'hopper@navy.example",
  "for=grace.hopper@navy.example;",
])("%s", (words) => {
  logLine(`queue: ${words}`, new Error(words));
  log("event", { words });
  expect(written).toHaveLength(2);
  expect(written.join("")).not.toMatch(/hopper|gr[aâ]ce|navy|192/);
});

test("the rest of a line stays: event, place in the code, packages' names", () => {
  const error = new Error("550 <ada@plain.example>: no");
  error.stack = `Error: ${error.message}\n    at seal (file:///app/node_modules/@noble/ciphers/chacha.js:12:7)`;
  logLine("queue: an attempt failed", error);
  expect(JSON.parse(written[0] ?? "")).toMatchObject({
    event: "queue: an attempt failed",
    cause: "Error: 550 <<address>>: no\n    at seal (file:///app/node_modules/@noble/ciphers/chacha.js:12:7)",
  });
});

test("a line of nothing but quotes and signs takes no longer than it is long", () => {
  const began = performance.now();
  for (const sign of ['"', "@", "a", '\\"', '"\\', "a@", "a/"]) log(sign.repeat(50_000));
  expect(performance.now() - began).toBeLessThan(5_000);
});
