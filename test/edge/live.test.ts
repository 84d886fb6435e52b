/** The live tail: who may watch hears of messages and steps, in order, and of nothing else's. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { type Edge, letter, startEdge } from "./world.ts";

let edge: Edge;
let owner: ApiClient;
let domain: string;

beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  owner = new ApiClient(edge.url);
  await owner.post("/setup", { email: "o@a.test", password: "a long demo password", token: "a-setup-token-for-tests" });
  const made = await owner.post("/domains", { name: "a.test", node: edge.node.id, active: true });
  domain = String(made.body["id"]);
});
afterAll(() => edge.close());

async function* events(domains: string, stop: AbortSignal): AsyncGenerator<string> {
  const url = new URL(`/activity/stream?domains=${domains}`, edge.url);
  const response = await fetch(url, { headers: { cookie: owner.cookie }, signal: stop });
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  let held = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    held += chunk;
    for (let end = held.indexOf("\n\n"); end >= 0; end = held.indexOf("\n\n")) {
      yield held.slice(0, end);
      held = held.slice(end + 2);
    }
  }
}

test("a message is heard of, then what became of it; a stranger's domain is silent", async () => {
  const stop = new AbortController();
  const other = await edge.addDomain("b.test", await edge.addAccount("o@b.test"));
  const stream = events(`${domain},${other}`, stop.signal);
  expect((await stream.next()).value).toContain("retry:");
  await edge.deliver({ from: "x@y.test", to: ["nobody@b.test"], raw: letter("x@y.test") });
  await edge.deliver({ from: "x@y.test", to: ["nobody@a.test"], raw: letter("x@y.test") });
  const [row] = await edge.rows<{ id: string }>("select id from journal where domain = ?", domain);
  const { value } = await stream.next();
  expect(value).toBe(`event: journal\ndata: {"kind":"message","journal":"${row?.id}"}`);
  stop.abort();
});
