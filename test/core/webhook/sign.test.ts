import { describe, expect, it } from "vitest";
import { toBase64, utf8 } from "../../../src/core/bytes.ts";
import { newWebhookSecret, parseWebhookKey, publicKeyText, signingKeyText } from "../../../src/core/webhook/keys.ts";
import { signWebhook, type WebhookHeaders } from "../../../src/core/webhook/sign.ts";
import { verifyWebhook } from "../../../src/core/webhook/verify.ts";
import { publicKeyOf, webCrypto } from "./crypto.ts";

const random = (n: number) => crypto.getRandomValues(new Uint8Array(n));
const body = utf8('{"type":"message.received"}');
const id = "01JD3TQZ8M";
const timestamp = 1_700_000_000;
const now = timestamp * 1000;
const seed = random(32);
const publicKey = await publicKeyOf(seed);
const [older, newer] = [newWebhookSecret(random), newWebhookSecret(random)];
const [whsk, whpk] = [signingKeyText(seed, publicKey), publicKeyText(publicKey)];

const sign = (secrets: string[], out = {}) => signWebhook({ id, timestamp, body, secrets, ...out }, webCrypto);
const verify = (headers: WebhookHeaders, keys: string[], more: { body?: Uint8Array; now?: number } = {}) =>
  verifyWebhook(
    { header: (name) => Object.entries(headers).find(([key]) => key === name)?.[1], body, now, keys, ...more },
    webCrypto,
  );

describe("webhook signatures", () => {
  it("match the specification's example", async () => {
    const headers = await signWebhook(
      {
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp: 1614265330,
        body: utf8('{"test": 2432232314}'),
        secrets: ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
      },
      webCrypto,
    );
    expect(headers["webhook-signature"]).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  it("verify under either of two live keys, and under both schemes", async () => {
    const headers = await sign([newer, older, whsk]);
    expect(headers["webhook-signature"].split(" ").map((one) => one.split(",")[0])).toEqual(["v1", "v1", "v1a"]);
    for (const key of [newer, older, whpk]) expect(await verify(headers, [key])).toEqual({ ok: true, id, timestamp });
    expect(await verify(headers, [newWebhookSecret(random)])).toEqual({ ok: false, why: "bad-signature" });
  });

  it("refuse another body, id, time and a signature cut short", async () => {
    for (const key of [older, whsk]) {
      const headers = await sign([key]);
      const verifying = [key === whsk ? whpk : key];
      const refuses = async (changed: Partial<WebhookHeaders>, more = {}) =>
        expect(await verify({ ...headers, ...changed }, verifying, more)).toEqual({ ok: false, why: "bad-signature" });
      await refuses({}, { body: utf8("{}") });
      await refuses({ "webhook-id": "another" });
      await refuses({ "webhook-timestamp": String(timestamp + 1) });
      await refuses({ "webhook-signature": headers["webhook-signature"].slice(0, -4) });
      await refuses({ "webhook-signature": headers["webhook-signature"].replace(/^v1a?,/, "v2,") });
    }
  });

  it("refuse what is five minutes old or early", async () => {
    const headers = await sign([older]);
    for (const offset of [-301_000, 301_000])
      expect(await verify(headers, [older], { now: now + offset })).toEqual({ ok: false, why: "stale" });
    for (const offset of [-299_000, 299_000])
      expect((await verify(headers, [older], { now: now + offset })).ok).toBe(true);
  });

  it("refuse missing and malformed headers before any key is used", async () => {
    const headers = await sign([older]);
    expect(await verify({ ...headers, "webhook-id": "" }, [older])).toEqual({ ok: false, why: "missing-header" });
    expect(await verify({ ...headers, "webhook-id": "a.b" }, [older])).toEqual({ ok: false, why: "bad-header" });
    expect(await verify({ ...headers, "webhook-timestamp": "1e9" }, [older])).toEqual({ ok: false, why: "bad-header" });
    expect(await verify(headers, [whsk])).toEqual({ ok: false, why: "bad-key" });
    expect(await verify(headers, [])).toEqual({ ok: false, why: "bad-key" });
  });

  it("are found behind junk, but not behind sixteen others", async () => {
    const headers = await sign([older]);
    const behind = (n: number) => ({
      ...headers,
      "webhook-signature": `${"v1,AAAA ".repeat(n)}${headers["webhook-signature"]}`,
    });
    expect((await verify(behind(15), [older])).ok).toBe(true);
    expect((await verify(behind(16), [older])).ok).toBe(false);
  });

  it("are not made with an id that holds a dot, nor with no key or a verifying one", async () => {
    await expect(sign([older], { id: "a.1" })).rejects.toThrow(RangeError);
    for (const secrets of [[], [whpk], ["whsec_"], Array(5).fill(older)])
      await expect(sign(secrets)).rejects.toThrow(RangeError);
  });
});

describe("webhook keys", () => {
  it("are read only in their exact spelling and length", () => {
    expect(parseWebhookKey(older)).toMatchObject({ scheme: "v1" });
    expect(parseWebhookKey(whsk)).toEqual({ scheme: "v1a", seed });
    expect(parseWebhookKey(`whsk_${toBase64(seed)}`)).toEqual({ scheme: "v1a", seed });
    expect(parseWebhookKey(whpk)).toEqual({ scheme: "v1a-public", publicKey });
    const short = `whsec_${toBase64(random(23))}`;
    for (const bad of ["", "whsec_", older.slice(6), `${older} `, short, "whpk_AAAA", `whxx_${toBase64(seed)}`])
      expect(parseWebhookKey(bad)).toBeNull();
  });
});
