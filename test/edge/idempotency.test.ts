/** A POST whose Worker died on the way: its repetition takes over, or says that it was carried out; never twice, never half. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { addAlias } from "../../workers/directory/aliases.ts";
import { wasTakenOver } from "../../workers/directory/held.ts";
import { openWorld, type World } from "../../workers/directory/open.ts";
import { applyImport, planImport } from "../../workers/directory/transfer.ts";
import { ApiClient } from "./api-client.ts";
import { type Edge, startEdge } from "./world.ts";

let edge: Edge;
let owner: ApiClient;
let me: string;
let domain: string;

beforeAll(async () => {
  edge = await startEdge();
  owner = new ApiClient(edge.url);
  const who = { email: "owner@a.test", password: "a long demo password", token: "a-setup-token-for-tests" };
  me = String((await owner.post("/setup", who)).body["id"]);
  domain = String((await owner.post("/domains", { name: "a.test", active: true })).body["id"]);
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

const alias = (pattern: string) => ({
  kind: "exact" as const,
  pattern,
  destinations: [{ kind: "address" as const, target: "me@x.test" }],
  note: "",
  labels: [],
  state: "active" as const,
  disabledReply: 550 as const,
});
const post = (pattern: string, key: string) =>
  owner.post(`/domains/${domain}/aliases`, alias(pattern), { "idempotency-key": key });
const named = (pattern: string) => edge.rows("select 1 from alias where pattern = ?", pattern);

/** What the latest record looks like after a death at some point. */
async function diedAs(status: number, leaseMs: number): Promise<string> {
  const [row] = await edge.rows<{ id: string }>("select id from idempotency order by expires_at desc limit 1");
  await edge.env.DIRECTORY.prepare(
    "update idempotency set status = ?, answer = '', holder = 'dead', lease_until = ? where id = ?",
  )
    .bind(status, Date.now() + leaseMs, row?.id ?? "")
    .run();
  return row?.id ?? "";
}

describe("before anything was changed", () => {
  test("its repetition waits for the lease, then carries it out, and keeps that answer", async () => {
    await post("early", "k-early");
    await edge.env.DIRECTORY.exec("delete from alias where pattern = 'early'");
    await diedAs(0, 30_000);
    const soon = await post("early", "k-early");
    expect(soon.body).toMatchObject({ status: 409, code: "in-progress" });
    expect(Number(soon.headers.get("retry-after"))).toBeGreaterThan(20);
    await diedAs(0, -1);
    const later = await post("early", "k-early");
    expect(later.status).toBe(201);
    const again = await post("early", "k-early");
    expect([again.status, again.body, again.headers.get("idempotency-replayed")]).toEqual([201, later.body, "true"]);
    expect(await named("early")).toHaveLength(1);
  });

  test("of several repetitions at once one takes over", async () => {
    await post("many", "k-many");
    await edge.env.DIRECTORY.exec("delete from alias where pattern = 'many'");
    await diedAs(0, -1);
    const answers = await Promise.all([1, 2, 3, 4].map(() => post("many", "k-many")));
    const made = answers.filter(({ status, headers }) => status === 201 && !headers.has("idempotency-replayed"));
    expect(made).toHaveLength(1);
    for (const { status, body } of answers) expect([201, 409], JSON.stringify(body)).toContain(status);
    expect(await named("many")).toHaveLength(1);
  });

  test("another body is refused then too", async () => {
    await post("body", "k-body");
    await diedAs(0, -1);
    expect((await post("other", "k-body")).body).toMatchObject({ status: 422, code: "idempotency-key-reused" });
  });
});

describe("after the change, before the answer", () => {
  test("its repetition says so, and changes nothing", async () => {
    const body = { name: "k", scopes: ["domains:read"] };
    const headers = { "idempotency-key": "k-late" };
    expect((await owner.post("/account/keys", body, headers)).status).toBe(201);
    await diedAs(1, -1);
    const again = await owner.post("/account/keys", body, headers);
    expect(again.body).toMatchObject({ status: 409, code: "answer-lost" });
    expect(again.headers.has("retry-after")).toBe(false);
    expect(await edge.rows("select 1 from api_key")).toHaveLength(1);
  });

  test("the record is marked by the change itself, in one batch", async () => {
    const held = await recordOf("mark");
    await addAlias(worldHolding(held), me, domain, alias("marked"));
    expect(await edge.rows("select status from idempotency where id = ?", held.id)).toEqual([{ status: 1 }]);
    const refused = await recordOf("refused");
    const twice = addAlias(worldHolding(refused), me, domain, alias("marked"));
    await expect(twice).rejects.toMatchObject({ code: "alias-exists" });
    expect(await edge.rows("select status from idempotency where id = ?", refused.id)).toEqual([{ status: 0 }]);
  });
});

describe("a try that was only slow", () => {
  test("changes nothing after another took over, nor a word in the log", async () => {
    const held = await recordOf("slow");
    const world = worldHolding(held);
    await edge.env.DIRECTORY.prepare("update idempotency set holder = 'another' where id = ?").bind(held.id).run();
    const log = await edge.rows("select id from audit");
    const late = await addAlias(world, me, domain, alias("slow")).catch((error: unknown) => error);
    expect(wasTakenOver(late)).toBe(true);
    const of = await edge.rows<{ id: string; name: string }>("select * from domain where id = ?", domain);
    const text = JSON.stringify([alias("slow-import")]);
    const plan = await planImport(world, of[0] as never, { source: "postern", text, mode: "add" });
    expect(plan.ready).toBe(true);
    const import_ = await applyImport(world, of[0] as never, plan).catch((error: unknown) => error);
    expect(wasTakenOver(import_)).toBe(true);
    expect([...(await named("slow")), ...(await named("slow-import"))]).toEqual([]);
    expect(await edge.rows("select id from audit")).toEqual(log);
    expect(await edge.rows("select status from idempotency where id = ?", held.id)).toEqual([{ status: 0 }]);
  });

  test("changes nothing when its record is gone altogether", async () => {
    const late = await addAlias(worldHolding({ id: "none", holder: "x" }), me, domain, alias("gone")).catch((e) => e);
    expect(wasTakenOver(late)).toBe(true);
    expect(await named("gone")).toEqual([]);
  });
});

type Held = { id: string; holder: string };

async function recordOf(id: string): Promise<Held> {
  const row = { id, request: "", holder: `${id}-1`, status: 0, answer: "", expires_at: Date.now() + 1e6 };
  await edge.insert("idempotency", row);
  return row;
}

function worldHolding(held: Held): World {
  return { ...openWorld(edge.env.DIRECTORY as never), actor: me, held: [held] };
}
