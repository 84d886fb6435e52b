/** Whose a name is: anybody may begin to set it up, one proves it, and a stranger who came first is in nobody's way. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { makeMailbox } from "../../src/cli/mailbox.ts";
import { ApiClient, passwords } from "./api-client.ts";
import { type Edge, startEdge } from "./world.ts";

let edge: Edge;
let owner: ApiClient;
let early: ApiClient;
let rightful: ApiClient;

beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  owner = await ApiClient.owner(edge.url);
  [early, rightful] = [await account("early@b.test"), await account("rightful@c.test")];
});
beforeEach(() => edge.env.DIRECTORY.exec("delete from attempt"));
afterAll(() => edge.close());

async function account(email: string): Promise<ApiClient> {
  const like = "(select password from account where email = 'owner@a.test')";
  await edge.rows(`update account set password = ${like} where id = ?`, await edge.addAccount(email));
  const client = new ApiClient(edge.url);
  await client.post("/session", { email, password: passwords.owner });
  return client;
}

type Ownership = { ownership: { name: string; value: string } };
async function publish(...of: [ApiClient, string][]): Promise<void> {
  const shown = await Promise.all(of.map(async ([who, id]) => (await who.get(`/domains/${id}`)).body as Ownership));
  const [first] = shown;
  edge.dns.set(first?.ownership.name ?? "", { TXT: shown.map(({ ownership }) => ownership.value) });
}
const prove = (who: ApiClient, id: string) => who.post(`/domains/${id}/prove`, {});

function mailboxOn(name: string): Record<string, unknown> {
  const { id, address, publicKey, keyId, quotaBytes, keyslots } = makeMailbox(`boss@${name}`).record;
  return { id, address, publicKey, keyId, quotaBytes, keyslots, node: edge.node.id };
}

// Regression: who came first kept everybody else out, without ever proving anything.
test("who proves a name has it, whoever began with it first", async () => {
  const theirs = await early.domain("shop.test");
  const mine = await rightful.domain("shop.test");
  await publish([rightful, mine]);
  expect((await prove(early, theirs)).body).toMatchObject({ code: "not-proven" });
  expect((await prove(rightful, mine)).body).toMatchObject({ id: mine, state: "active" });
  await publish([early, theirs]);
  expect((await prove(early, theirs)).body).toMatchObject({ status: 409, code: "domain-taken" });
  expect((await owner.post("/domains", { name: "shop.test", active: true })).body).toMatchObject({
    code: "domain-taken",
  });
  expect((await early.get(`/domains/${mine}`)).status).toBe(404);
  expect((await early.delete(`/domains/${theirs}`)).status).toBe(204);
  expect((await rightful.get(`/domains/${mine}`)).body).toMatchObject({ state: "active" });
});

test("of two who could prove it in the same moment one does", async () => {
  const both: [ApiClient, string][] = [
    [early, await early.domain("both.test")],
    [rightful, await rightful.domain("both.test")],
  ];
  await publish(...both);
  const answers = await Promise.all(both.map(([who, id]) => prove(who, id)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409]);
  expect(await edge.rows("select count(*) as n from domain where name = 'both.test' and state = 'active'")).toEqual([
    { n: 1 },
  ]);
});

test("an account begins with a name once, and has no mailbox on it before it is proven", async () => {
  const theirs = await early.domain("boss.test");
  expect((await early.post("/domains", { name: "Boss.test" })).body).toMatchObject({ code: "domain-taken" });
  expect((await early.post("/mailboxes", mailboxOn("boss.test"))).body).toMatchObject({
    ...{ status: 409, code: "not-proven", errors: [{ field: "address" }] },
  });
  const mine = await rightful.domain("boss.test");
  await publish([rightful, mine]);
  await prove(rightful, mine);
  expect((await early.post("/mailboxes", mailboxOn("boss.test"))).status).toBe(404);
  expect((await rightful.post("/mailboxes", mailboxOn("boss.test"))).body).toMatchObject({ domain: mine });
  expect((await early.get(`/domains/${theirs}`)).body).toMatchObject({ state: "pending" });
});
