/** Client set-up as programs ask it, from the real Worker with a real directory. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { edgePaths } from "../../src/core/contract/handoff.ts";
import { type Edge, startEdge } from "./world.ts";

let edge: Edge;
const outlook = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a";

beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  const account = await edge.addAccount("owner@home.test");
  const domain = await edge.addDomain("here.test", account);
  await edge.addMailbox(domain, "box@here.test");
  await edge.addDomain("passed-on.test", account, null);
  const pending = await edge.addDomain("pending.test", account);
  await edge.rows("update domain set state = 'pending' where id = ?", pending);
  await addNode("far", "far.mx.test");
  await spread(await edge.addDomain("wide.test", account));
});
afterAll(() => edge.close());

async function addNode(id: string, host: string): Promise<void> {
  const facts = JSON.stringify({ ports: { imaps: 8993, submissions: 8465 } });
  const row = {
    id,
    name: id,
    origin: "https://far.test",
    mx_host: host,
    public_key: "x",
    facts,
    state: "active",
    created_at: 1,
  };
  await edge.insert("node", row);
}

/** 20 mailboxes here, 20 on the other node. */
async function spread(domain: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    const { mailboxId } = await edge.addMailbox(domain, `box${i}@wide.test`);
    if (i % 2 === 1) await edge.rows("update mailbox set node = 'far' where id = ?", mailboxId);
  }
}

let asked = 0;
/** Each question from another address: one that asks so much is told to wait. */
const from = (): { "cf-connecting-ip": string } => ({ "cf-connecting-ip": `192.0.2.${++asked % 256}` });
const get = (path: string): Promise<Response> =>
  fetch(new URL(path, edge.url), { redirect: "manual", headers: from() });
const ask = (body: string, path = "/autodiscover/autodiscover.xml"): Promise<Response> =>
  fetch(new URL(path, edge.url), { method: "POST", headers: { "content-type": "text/xml", ...from() }, body });
const request = (email: string, schema = outlook): string =>
  `<?xml version="1.0" encoding="utf-8"?><Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"><Request><EMailAddress>${email}</EMailAddress><AcceptableResponseSchema>${schema}</AcceptableResponseSchema></Request></Autodiscover>`;

/** Every way to ask about an address. */
const ways: [string, (email: string) => Promise<Response>][] = [
  ["autoconfig", (email) => get(`/mail/config-v1.1.xml?emailaddress=${encodeURIComponent(email)}`)],
  [
    "autoconfig, well known",
    (email) => get(`/.well-known/autoconfig/mail/config-v1.1.xml?emailaddress=${encodeURIComponent(email)}`),
  ],
  [
    "autoconfig, its draft's place",
    (email) => get(`/.well-known/mail-v1.xml?emailaddress=${encodeURIComponent(email)}`),
  ],
  ["Autodiscover", (email) => ask(request(email))],
  [
    "Autodiscover, JSON",
    (email) => get(`/autodiscover/autodiscover.json?Email=${encodeURIComponent(email)}&Protocol=AutodiscoverV1`),
  ],
  [
    "Autodiscover, JSON by path",
    (email) => get(`/autodiscover/autodiscover.json/v1.0/${encodeURIComponent(email)}?Protocol=AutodiscoverV1`),
  ],
  ["profile", (email) => get(`/apple/mobileconfig?email=${encodeURIComponent(email)}`)],
  ["QR code", (email) => get(`/apple/qr.svg?email=${encodeURIComponent(email)}`)],
];

describe.each(ways)("%s", (_, asks) => {
  test("answers for a domain of ours, the same whether or not there is a mailbox", async () => {
    const there = await asks("box@here.test");
    const absent = await asks("boy@here.test");
    expect([there.status, absent.status]).toEqual([200, 200]);
    const text = await there.text();
    expect(text.length).toBeGreaterThan(50);
    expect([...absent.headers.keys()]).toEqual([...there.headers.keys()]);
    if (!text.startsWith("<svg")) expect(plain(await absent.text())).toBe(plain(text));
  });

  test.each([
    "box@elsewhere.test",
    "box@pending.test",
    "box@passed-on.test",
    "here.test",
    "",
    "box@[127.0.0.1]",
    `${"x".repeat(400)}@here.test`,
  ])("knows nothing of %j", async (email) => {
    const answer = await asks(email);
    expect([200, 404]).toContain(answer.status);
    if (answer.status === 200) expect(await answer.text()).toContain("<ErrorCode>600</ErrorCode>");
  });
});

/** Without what follows from the address itself. */
function plain(text: string): string {
  return text.replaceAll(/bo[xy]@here/g, "…").replaceAll(/[0-9A-F]{8}-[0-9A-F-]{27}/g, "…");
}

test("autoconfig without an address goes by the host", async () => {
  const asked = (host: string): Promise<Response> =>
    edge.worker.fetch(`http://${host}/.well-known/autoconfig/mail/config-v1.1.xml`) as unknown as Promise<Response>;
  for (const host of ["here.test", "autoconfig.here.test"]) {
    const answer = await asked(host);
    expect([host, answer.status, answer.headers.get("content-type")]).toEqual([host, 200, "text/xml; charset=utf-8"]);
    expect(await answer.text()).toContain("<hostname>mx.test</hostname>");
  }
  expect((await asked("elsewhere.test")).status).toBe(404);
});

describe("Autodiscover", () => {
  test.each(["/Autodiscover/Autodiscover.xml", "/AutoDiscover/autodiscover.xml", "/AUTODISCOVER/AUTODISCOVER.XML"])(
    "is found at %s",
    async (path) => {
      const answer = await ask(request("box@here.test"), path);
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "application/xml; charset=utf-8"]);
      expect(await answer.text()).toContain("<Port>993</Port>");
    },
  );

  test("tells a program that wants Exchange or ActiveSync that it is not here", async () => {
    const schema = "http://schemas.microsoft.com/exchange/autodiscover/mobilesync/responseschema/2006";
    expect(await (await ask(request("box@here.test", schema))).text()).toContain("<ErrorCode>601</ErrorCode>");
    expect((await get("/autodiscover/autodiscover.json?Email=box@here.test&Protocol=ActiveSync")).status).toBe(400);
  });

  test("refuses a body past its bound, and a document type", async () => {
    const big = await ask(`${request("box@here.test")}${" ".repeat(100_000)}`);
    expect(await big.text()).toContain("<ErrorCode>600</ErrorCode>");
    const entity = await ask(`<!DOCTYPE a [<!ENTITY e "box@here.test">]>${request("&e;").slice(38)}`);
    expect(await entity.text()).toContain("<ErrorCode>600</ErrorCode>");
  });

  test("a GET over plain http is sent to https", async () => {
    const answer = await get("/autodiscover/autodiscover.xml");
    expect(answer.status).toBe(302);
    expect(answer.headers.get("location")).toMatch(/^https:\/\/[^/]+\/autodiscover\/autodiscover\.xml$/);
  });
});

test("a profile is one that Apple's devices take as such, and its QR code leads to it", async () => {
  const profile = await get("/apple/mobileconfig?email=Box%40HERE.test");
  expect(profile.headers.get("content-type")).toBe("application/x-apple-aspen-config; charset=utf-8");
  expect(profile.headers.get("cache-control")).toBe("no-store");
  expect(await profile.text()).toContain("<string>box@here.test</string>");
  const code = await get("/apple/qr.svg?email=box@here.test");
  expect(code.headers.get("content-type")).toBe("image/svg+xml");
  expect(await code.text()).toContain(`<title>${edge.url.origin}/apple/mobileconfig?email=box%40here.test</title>`);
});

describe("a domain whose mailboxes live on two nodes", () => {
  const hostFor = async (address: string): Promise<string> => {
    const text = await (await get(`/mail/config-v1.1.xml?emailaddress=${address}`)).text();
    return /<hostname>(.*?)</.exec(text)?.[1] ?? "";
  };

  test("sends each mailbox to its own", async () => {
    for (let i = 0; i < 40; i++)
      expect(await hostFor(`box${i}@wide.test`)).toBe(i % 2 === 1 ? "far.mx.test" : "mx.test");
  });

  test("sends an address without a mailbox to either, always the same", async () => {
    const addresses = Array.from({ length: 60 }, (_, i) => `absent${i}@wide.test`);
    const hosts = await Promise.all(addresses.map(hostFor));
    const far = hosts.filter((host) => host === "far.mx.test").length;
    // 60 fair draws; outside of this range once in 10,000 runs
    expect(far).toBeGreaterThan(14);
    expect(far).toBeLessThan(46);
    expect(await Promise.all(addresses.map(hostFor))).toEqual(hosts);
  });

  test("offers what the node says it has", async () => {
    const text = await (await get("/mail/config-v1.1.xml?emailaddress=box1@wide.test")).text();
    expect([...text.matchAll(/<port>(\d+)</g)].map(([, port]) => port)).toEqual(["8993", "8465"]);
    expect(text).toContain('<outgoingServer type="smtp">');
  });
});

test("ports come from the node's heartbeat", async () => {
  const account = await edge.addAccount("other@home.test");
  await edge.addDomain("beat.test", account);
  const { transit, id } = edge.node;
  const beat = {
    node: id,
    time: Date.now(),
    version: "1",
    transit: { publicKey: Buffer.from(transit.publicKey).toString("base64"), keyId: transit.keyId },
    mailboxes: [],
    relayWaiting: 0,
    diskFreeBytes: 1,
    ports: { imaps: 9993 },
  };
  expect((await edge.ask(edgePaths.heartbeat, beat)).status).toBe(200);
  const text = await (await get("/mail/config-v1.1.xml?emailaddress=a@beat.test")).text();
  expect([...text.matchAll(/<port>(\d+)</g)].map(([, port]) => port)).toEqual(["9993", "465"]);
});

test("MTA-STS: the policy is answered at a served domain's own name and nowhere else (RFC 8461 §3.3)", async () => {
  const ask = (host: string) =>
    edge.worker.fetch(`http://${host}/.well-known/mta-sts.txt`) as unknown as Promise<Response>;
  const answer = await ask("mta-sts.here.test");
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-type")).toMatch(/^text\/plain/);
  expect(await answer.text()).toBe("version: STSv1\r\nmode: enforce\r\nmx: mx.test\r\nmax_age: 604800\r\n");
  for (const host of ["here.test", "mta-sts.nowhere.test"]) expect((await ask(host)).status).toBe(404);
});
