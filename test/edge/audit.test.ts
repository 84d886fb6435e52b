/** The audit log under load and in trouble: an act and its row are one, rows stay chained whoever writes at once, a broken row is named. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { type Edge, startEdge } from "./world.ts";

let edge: Edge;
let owner: ApiClient;
let domain: string;

const to = [{ kind: "address", target: "me@elsewhere.test" }];
const addAlias = (pattern: string) =>
  owner.post(`/domains/${domain}/aliases`, { kind: "exact", pattern, destinations: to });
const check = async () => (await owner.get(`/domains/${domain}/audit/check`)).body;
const sql = (text: string) => edge.env.DIRECTORY.prepare(text).run();

beforeAll(async () => {
  edge = await startEdge();
  owner = await ApiClient.owner(edge.url, "owner@demo.test");
  domain = await owner.domain("demo.test", { active: true });
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

test("twelve changes at once all happen, and the chain is whole", async () => {
  const before = Number((await check())["rows"]);
  const answers = await Promise.all(Array.from({ length: 12 }, (_, i) => addAlias(`at-once-${i}`)));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 201));
  expect(await check()).toMatchObject({ ok: true, rows: before + 12 });
});

describe("an act and its row", () => {
  test("are both undone when the row can't be written", async () => {
    await sql("create trigger full before insert on audit begin select raise(abort, 'disk full'); end");
    const added = await addAlias("never");
    const removed = await owner.delete(`/domains/${domain}`);
    await sql("drop trigger full");
    expect([added.status, removed.status]).toEqual([500, 500]);
    expect((await owner.get(`/domains/${domain}/aliases?text=never`)).body).toMatchObject({ total: 0 });
    expect((await owner.get(`/domains/${domain}`)).status).toBe(200);
  });

  test("leave no word where nothing was changed", async () => {
    const hook = { url: "https://hooks.example/in" };
    const first = await owner.post(`/domains/${domain}/webhooks`, hook);
    const { rows } = await check();
    const again = await owner.post(`/domains/${domain}/webhooks`, hook);
    expect(again.body["id"]).toBe(first.body["id"]);
    await owner.post(`/domains/${domain}/aliases/bulk`, { ids: [edge.newId()], act: "delete" });
    expect((await addAlias("at-once-1")).status).toBe(409);
    expect(await check()).toMatchObject({ ok: true, rows });
  });
});

// Regression: both were counted before either went, and the domain was left without anybody to run it.
test("two owners who remove each other at once leave one of them", async () => {
  const [me] = await edge.rows<{ id: string }>("select id from account where email = 'owner@demo.test'");
  const other = await edge.addAccount("other@demo.test");
  await edge.insert("membership", { account: other, domain, role: "owner", created_at: Date.now() });
  await Promise.all([me?.id, other].map((id) => owner.delete(`/domains/${domain}/members/${id}`)));
  const owners = await edge.rows("select account from membership where domain = ? and role = 'owner'", domain);
  expect(owners).toHaveLength(1);
  await sql("update membership set account = (select id from account where email = 'owner@demo.test')");
});

describe("the check names the row", () => {
  const brokenAt = async (text: string, undo: string): Promise<unknown> => {
    await sql(text);
    const found = await check();
    await sql(undo);
    expect(await check()).toMatchObject({ ok: true });
    return found["brokenAt"];
  };

  test("that was altered, given to somebody else, taken out or put in", async () => {
    const third = `chain = '${domain}' and seq = 3`;
    expect(
      await brokenAt(
        `update audit set subject = subject || '!' where ${third}`,
        `update audit set subject = substr(subject, 1, length(subject) - 1) where ${third}`,
      ),
    ).toBe(3);
    expect(
      await brokenAt(
        `update audit set actor = 'x' || actor where ${third}`,
        `update audit set actor = substr(actor, 2) where ${third}`,
      ),
    ).toBe(3);
    expect(
      await brokenAt(
        `update audit set chain = 'gone' where ${third}`,
        `update audit set chain = '${domain}' where chain = 'gone'`,
      ),
    ).toBe(3);
    const { rows } = await check();
    const last = Number(rows) + 1;
    expect(
      await brokenAt(
        `insert into audit select 'forged', domain, chain, ${last}, actor, at, act, subject, detail, previous, hash from audit where ${third}`,
        "delete from audit where id = 'forged'",
      ),
    ).toBe(last);
  });
});
