/** Webhooks end to end: a real HTTPS receiver that verifies with the `standardwebhooks` package, and by node:crypto for Ed25519. */
import { createPublicKey, verify } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { newWebhookSecret, publicKeyText, signingKeyText } from "../../src/core/webhook/keys.ts";
import { payloadSchema } from "../../src/core/webhook/payload.ts";
import { ed25519PublicOf, random } from "../../src/daemon/platform.ts";
import { Receiver } from "./receiver.ts";
import { type Edge, letter, startEdge } from "./world.ts";

let edge: Edge;
let receiver: Receiver;
let domain: string;

beforeAll(async () => {
  receiver = await Receiver.start();
  const hooked = { TXT: [`postern=in:${receiver.url}`], MX: [{ priority: 10, exchange: "mx.test" }] };
  const zones = { "hooked.test": hooked, "plain.test": { TXT: ["v=spf1 ip4:192.0.2.1 -all"] } };
  edge = await startEdge(zones, { ALLOW_LOOPBACK: "1", DNS_ONLY: "open" }, receiver.ca);
  await edge.addNode();
  domain = await edge.addDomain("here.test", await edge.addAccount("owner@home.test", true));
  await edge.addAlias(domain, "hook", [["webhook", receiver.url]]);
});
afterAll(async () => {
  await edge.close();
  await receiver.close();
});
beforeEach(() => {
  receiver.calls.length = 0;
  receiver.status = 200;
  receiver.headers = {};
});

const patient = { timeout: 30_000, interval: 200 };
const deliver = (raw = letter("ada@plain.test")) =>
  edge.deliver({ from: "ada@plain.test", to: ["hook@here.test"], raw });
const called = (n = 1) => expect.poll(() => receiver.calls.length, patient).toBe(n);
const spooled = async (): Promise<string[]> =>
  (await edge.env.SPOOL.list({ prefix: "edge/" })).objects.map((object) => object.key);
type Row = { status: number; ok: number; attempt: number; answer: string; next_at: number | null; message: string };
const log = (): Promise<Row[]> => edge.rows("select * from webhook_delivery order by id");
const endpoint = async () =>
  (
    await edge.rows<{ id: string; secrets: string; state: string; failing_since: number | null }>(
      "select * from webhook_endpoint",
    )
  )[0];

test("a message comes signed, parsed, raw byte for byte, with its verdicts, and is logged", async () => {
  const raw = letter("ada@plain.test", "Grüße");
  expect((await deliver(raw)).outcomes[0]?.kind).toBe("accepted");
  await called();
  const [secret = ""] = JSON.parse((await endpoint())?.secrets ?? "[]") as string[];
  const { headers, body } = receiver.calls[0] ?? { url: "", headers: {}, body: "" };
  const payload = payloadSchema.parse(new Webhook(secret).verify(body, headers));
  expect(payload.data.envelope).toMatchObject({ mailFrom: "ada@plain.test", recipient: "hook@here.test" });
  expect(payload.data.message.subject).toBe("Grüße");
  expect(payload.data.verdicts?.dmarc.result).toBe("none");
  if (payload.data.raw.kind !== "base64") throw new Error("raw is not in the body");
  expect(Buffer.from(payload.data.raw.content, "base64").toString()).toBe(raw);
  await expect.poll(spooled, patient).toEqual([]);
  expect(await log()).toMatchObject([{ status: 200, ok: 1, attempt: 1, answer: "thanks", message: payload.data.id }]);
  expect(() => new Webhook(secret).verify(`${body} `, headers)).toThrow();
});

test("$1 of a regular expression is filled in for the call, percent-encoded; the receiver stays one", async () => {
  await edge.addAlias(domain, "^re-(.+)$", [["webhook", `${receiver.url}?who=$1`]], { kind: "regex" });
  for (const who of ["ann", "a&b=c/%2e"])
    await edge.deliver({ from: "ada@plain.test", to: [`re-${who}@here.test`], raw: letter("ada@plain.test") });
  await called(2);
  const asked = receiver.calls.map(({ url }) => url.slice(url.indexOf("?"))).sort();
  expect(asked).toEqual(["?who=a%26b%3Dc%2F%252e", "?who=ann"]);
  expect(await edge.rows("select id from webhook_endpoint where url like '%$1%'")).toHaveLength(1);
  await edge.rows("delete from alias where kind = 'regex'");
});

test("while a key is rotated both verify; Ed25519 verifies with the public half alone", async () => {
  const old = JSON.parse((await endpoint())?.secrets ?? "[]") as string[];
  const seed = random(32);
  const fresh = [signingKeyText(seed, ed25519PublicOf(seed)), ...old];
  await edge.rows("update webhook_endpoint set secrets = ?", JSON.stringify(fresh));
  await deliver();
  await called();
  const { headers, body } = receiver.calls[0] ?? { url: "", headers: {}, body: "" };
  expect(() => new Webhook(old[0] ?? "").verify(body, headers)).not.toThrow();
  expect(isSigned(headers, body, publicKeyText(ed25519PublicOf(seed)))).toBe(true);
  await edge.rows("update webhook_endpoint set secrets = ?", JSON.stringify([newWebhookSecret(random)]));
});

/** An Ed25519 verifier that is none of ours. */
function isSigned(headers: Record<string, string>, body: string, publicKey: string): boolean {
  const der = Buffer.concat([
    Buffer.from("302a300506032b6570032100", "hex"),
    Buffer.from(publicKey.slice("whpk_".length), "base64"),
  ]);
  const key = createPublicKey({ key: der, format: "der", type: "spki" });
  const signature = /v1a,(\S+)/.exec(headers["webhook-signature"] ?? "")?.[1] ?? "";
  const text = Buffer.from(`${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`);
  return verify(null, text, key, Buffer.from(signature, "base64"));
}

test("a webhook in a TXT record, without any account, is signed with the key that the edge shows", async () => {
  const mail = { from: "ada@plain.test", to: ["in+tag@hooked.test"], raw: letter("ada@plain.test", "by DNS alone") };
  expect((await edge.deliver(mail)).outcomes[0]?.kind).toBe("accepted");
  await called();
  const { headers, body } = receiver.calls[0] ?? { url: "", headers: {}, body: "" };
  const shown = await (await fetch(new URL("/webhook-key", edge.url))).text();
  expect(await (await fetch(new URL("/dns-only", edge.url))).text()).toContain(shown);
  expect(isSigned(headers, body, shown)).toBe(true);
  expect(isSigned(headers, `${body} `, shown)).toBe(false);
  const { data } = payloadSchema.parse(JSON.parse(body));
  expect(data).toMatchObject({ envelope: { recipient: "in+tag@hooked.test" }, message: { subject: "by DNS alone" } });
  await expect.poll(spooled, patient).toEqual([]);

  // Nobody could switch it on again by hand: it rests for a day.
  await edge.rows(
    "update webhook_endpoint set state = 'disabled', disabled_at = ? where domain like 'dns:%'",
    Date.now(),
  );
  const later = { ...mail, raw: letter("ada@plain.test", "later") };
  expect((await edge.deliver(later)).outcomes[0]).toMatchObject({ kind: "deferred", enhanced: "4.2.1" });
  await edge.rows("update webhook_endpoint set disabled_at = 5 where domain like 'dns:%'");
  expect((await edge.deliver(later)).outcomes[0]?.kind).toBe("accepted");
  await called(2);
  await expect.poll(spooled, patient).toEqual([]);
  await edge.rows("delete from webhook_delivery");
  await edge.rows("delete from webhook_endpoint where domain like 'dns:%'");
});

test("only 2xx is success: tried again, redirects not followed, each try logged", async () => {
  await edge.rows("delete from webhook_delivery");
  receiver.status = 302;
  receiver.headers = { location: receiver.url };
  await deliver();
  await called();
  await expect.poll(async () => (await log()).length, patient).toBe(1);
  const [first] = await log();
  // The emulator shows a redirect that is not followed as an error of its own.
  expect(first).toMatchObject({ ok: 0, attempt: 1 });
  expect((first?.next_at ?? 0) - Date.now()).toBeLessThan(7000);
  expect(await spooled()).toHaveLength(1);
  expect((await endpoint())?.failing_since).not.toBeNull();
  receiver.status = 204;
  await called(2);
  await expect.poll(spooled, patient).toEqual([]);
  expect((await log()).at(-1)).toMatchObject({ status: 204, ok: 1, attempt: 2 });
  expect(receiver.calls[0]?.headers["webhook-id"]).toBe(receiver.calls[1]?.headers["webhook-id"]);
  expect((await endpoint())?.failing_since).toBeNull();
});

test("410 switches the webhook off, its owner is told, and the alias has no destination then", async () => {
  receiver.status = 410;
  await deliver();
  await called();
  await expect.poll(async () => (await endpoint())?.state, patient).toBe("disabled");
  expect((await deliver()).outcomes[0]).toMatchObject({ kind: "deferred", enhanced: "4.2.1" });
  await edge.node.next(({ path, manifest }) => path === "/handoff/relay" && manifest.id.startsWith("webhook-off"));
  await edge.rows("update webhook_endpoint set state = 'active'");
});

test("what is large goes as a short-lived link, and only a genuine one", async () => {
  const transit = { publicKey: "", keyId: "" };
  await edge.ask("/node/heartbeat", { ...beatFacts(), transit, mailboxes: [] });
  await expect.poll(() => edge.rows("select value from setting"), patient).toHaveLength(1);
  const raw = letter("ada@plain.test", "large") + `${"x".repeat(70)}\r\n`.repeat(20_000);
  await deliver(raw);
  // A late try of an earlier message may come in between.
  const links = (): string[] =>
    receiver.calls.flatMap(({ body }) => {
      const { raw: of } = payloadSchema.parse(JSON.parse(body)).data;
      return of.kind === "url" ? [of.url] : [];
    });
  await expect.poll(() => links().length, patient).toBe(1);
  const [url = ""] = links();
  expect(await (await fetch(url)).text()).toBe(raw);
  expect((await fetch(url.replace(/key=./, "key=0").replace(/until=\d/, "until=2"))).status).toBe(404);
  expect((await fetch(url.replace(/until=\d+/, "until=1"))).status).toBe(404);
});

function beatFacts() {
  return { node: edge.node.id, time: Date.now(), version: "test", relayWaiting: 0, diskFreeBytes: 1 };
}

test("no body of a webhook rests in clear, in R2 or D1", async () => {
  receiver.status = 500;
  await deliver(letter("ada@plain.test", "at rest"));
  await called();
  for (const { key } of (await edge.env.SPOOL.list()).objects) {
    const object = await edge.env.SPOOL.get(key);
    expect(Buffer.from((await object?.arrayBuffer()) ?? new ArrayBuffer(0)).includes("Marker text")).toBe(false);
  }
});
