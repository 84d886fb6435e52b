/** The live tail: who may watch hears of messages and steps, in order, and of nothing else's; by page, by API, by the client. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { type Edge, letter, startEdge } from "./world.ts";

let edge: Edge;
let owner: ApiClient;
let domain: string;
let second: string;
let other: string;

beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  owner = await ApiClient.owner(edge.url, "o@a.test");
  const served = { node: edge.node.id, active: true };
  [domain, second] = [await owner.domain("a.test", served), await owner.domain("second.test", served)];
  other = await edge.addDomain("b.test", await edge.addAccount("o@b.test"));
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

const deliver = (to: string) => edge.deliver({ from: "x@y.test", to: [`nobody@${to}`], raw: letter("x@y.test") });
const newest = async (of: string): Promise<string> => {
  const [row] = await edge.rows<{ id: string }>("select id from journal where domain = ? order by id desc limit 1", of);
  return row?.id ?? "";
};
const event = (journal: string, of: string) =>
  `event: journal\ndata: ${JSON.stringify({ kind: "message", journal, domain: of })}`;

async function keyFor(more: object): Promise<Record<string, string>> {
  const made = await owner.post("/account/keys", { name: "k", scopes: ["activity:read"], ...more });
  return { authorization: `Bearer ${made.body["text"]}` };
}

async function open(path: string, headers: Record<string, string>, signal: AbortSignal | null = null) {
  const response = await fetch(new URL(path, edge.url), { headers, signal });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toContain("text/event-stream");
  const stream = events(response);
  expect((await stream.next()).value).toContain("retry:");
  return stream;
}

async function* events(response: Response): AsyncGenerator<string> {
  let held = "";
  for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    held += chunk;
    for (let end = held.indexOf("\n\n"); end >= 0; end = held.indexOf("\n\n")) {
      yield held.slice(0, end);
      held = held.slice(end + 2);
    }
  }
}

test("a page hears of its domains' messages; a stranger's domain is silent, and not to be asked for", async () => {
  const stop = new AbortController();
  const stream = await open(`/activity/stream?domain=${domain}`, { cookie: owner.cookie }, stop.signal);
  await deliver("b.test");
  await deliver("second.test");
  await deliver("a.test");
  expect((await stream.next()).value).toBe(event(await newest(domain), domain));
  stop.abort();
  const refused = await fetch(new URL(`/activity/stream?domain=${other}`, edge.url), {
    headers: { cookie: owner.cookie },
  });
  expect(refused.ok && refused.headers.get("content-type")?.includes("event-stream")).toBe(false);
  expect((await owner.get(`/activity/live?domain=${other}`)).status).toBe(404);
});

test("a program hears by its key, until the seconds it asked for are over; HEAD opens nothing", async () => {
  const headers = await keyFor({});
  const stream = await open("/api/activity/live?seconds=3", headers);
  await deliver("second.test");
  let heard = "";
  for await (const one of stream) if (one.startsWith("event:")) heard += one;
  expect(heard).toBe(event(await newest(second), second));
  const head = await fetch(new URL("/api/activity/live", edge.url), { method: "HEAD", headers });
  expect([head.status, head.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  for (const seconds of [0, 601]) expect((await owner.get(`/activity/live?seconds=${seconds}`)).status).toBe(422);
});

test("a key for one domain hears of that one; a key without the scope of nothing", async () => {
  const stream = await open("/api/activity/live?seconds=20", await keyFor({ domains: [second] }));
  await deliver("a.test");
  await deliver("second.test");
  expect((await stream.next()).value).toBe(event(await newest(second), second));
  await stream.return(undefined);
  const wrong = await owner.get("/activity/live", await keyFor({ scopes: ["aliases:read"] }));
  expect(wrong.body).toMatchObject({ status: 403, code: "scope" });
});

test("one account holds so many streams and no more; closed ones make room", async () => {
  const headers = await keyFor({ domains: [domain] });
  const stop = new AbortController();
  const path = "/api/activity/live?seconds=60";
  const streams = [];
  let full: Response | null = null;
  while (full === null && streams.length < 100) {
    const response = await fetch(new URL(path, edge.url), { headers, signal: stop.signal });
    if (response.ok) streams.push(events(response));
    else full = response;
  }
  expect([full?.status, full?.headers.get("retry-after")]).toEqual([503, "60"]);
  expect(await full?.json()).toMatchObject({ code: "too-many-watchers" });
  expect(streams.length).toBeGreaterThan(20);
  const [one] = streams;
  await one?.next();
  await deliver("a.test");
  expect((await one?.next())?.value).toBe(event(await newest(domain), domain));
  stop.abort();
  await expect
    .poll(
      async () => {
        await deliver("a.test"); // whoever is gone is found by writing
        const again = await fetch(new URL("/api/activity/live?seconds=1", edge.url), { headers });
        await again.body?.cancel();
        return again.status;
      },
      { timeout: 20_000 },
    )
    .toBe(200);
});

test("the reference says what an event holds", async () => {
  const page = await (await fetch(new URL("/reference/activity", edge.url))).text();
  expect(page).toMatch(/id="liveActivity"[\s\S]*Each event[\s\S]*<code>journal<\/code>/);
});

test("the served client hears it too", async () => {
  const folder = mkdtempSync(join(tmpdir(), "postern-live-"));
  try {
    writeFileSync(join(folder, "postern.ts"), await (await fetch(new URL("/api/client.ts", edge.url))).text());
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    writeFileSync(join(folder, "watch.ts"), program);
    const key = (await keyFor({ domains: [domain] }))["authorization"]?.slice("Bearer ".length) ?? "";
    const env = { ...process.env, POSTERN_URL: edge.url.origin, POSTERN_KEY: key };
    const child = spawn(process.execPath, ["watch.ts"], { cwd: folder, env });
    let said = "";
    child.stdout.on("data", (data: Buffer) => {
      said += data.toString();
    });
    let code: number | null = null;
    const ended = once(child, "exit").then(([status]) => {
      code = Number(status);
    });
    while (code === null) await deliver("a.test"); // until it listens
    await ended;
    const [kind, journal, of] = said.trim().split(" ");
    expect([code, kind, of]).toEqual([0, "message", domain]);
    expect(await edge.rows("select 1 from journal where id = ? and domain = ?", journal ?? "", domain)).toHaveLength(1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const program = `import { Postern } from "./postern.ts";
const api = new Postern(process.env.POSTERN_URL ?? "", process.env.POSTERN_KEY ?? "");
for await (const heard of api.events("liveActivity", { query: { seconds: 60 } })) {
  console.log(heard.kind, heard.journal, heard.domain);
  process.exit(0);
}
`;
