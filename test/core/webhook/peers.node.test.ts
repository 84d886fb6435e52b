// Receivers that are not ours: the `standardwebhooks` package checks v1, node:crypto checks v1a.
import { createPublicKey, generateKeyPairSync, randomBytes, verify } from "node:crypto";
import { Webhook } from "standardwebhooks";
import { expect, it } from "vitest";
import { utf8 } from "../../../src/core/bytes.ts";
import { newWebhookSecret, publicKeyText, signingKeyText } from "../../../src/core/webhook/keys.ts";
import { signWebhook } from "../../../src/core/webhook/sign.ts";
import { verifyWebhook } from "../../../src/core/webhook/verify.ts";
import { nodeCrypto } from "../../../src/daemon/platform.ts";

const body = utf8(JSON.stringify({ type: "message.received", subject: "Grüße – 你好" }));
const seconds = () => Math.floor(Date.now() / 1000);

it("the standardwebhooks package accepts v1 under the old and the new secret, and nothing tampered", async () => {
  const secrets = [newWebhookSecret(randomBytes), newWebhookSecret(randomBytes)];
  const headers = await signWebhook({ id: "01ABC", timestamp: seconds(), body, secrets }, nodeCrypto);
  for (const secret of secrets)
    expect(new Webhook(secret).verify(Buffer.from(body), headers)).toMatchObject({ subject: "Grüße – 你好" });
  const stranger = new Webhook(newWebhookSecret(randomBytes));
  expect(() => stranger.verify(Buffer.from(body), headers)).toThrow("No matching signature");
  expect(() => new Webhook(secrets[0] ?? "").verify("{}", headers)).toThrow("No matching signature");
});

it("our verifier accepts what the standardwebhooks package signs", async () => {
  const secret = newWebhookSecret(randomBytes);
  const at = seconds();
  const signature = new Webhook(secret).sign("01ABC", new Date(at * 1000), Buffer.from(body));
  const headers = new Map([
    ["webhook-id", "01ABC"],
    ["webhook-timestamp", String(at)],
    ["webhook-signature", signature],
  ]);
  const incoming = { header: (name: string) => headers.get(name), body, keys: [secret], now: at * 1000 };
  expect(await verifyWebhook(incoming, nodeCrypto)).toEqual({ ok: true, id: "01ABC", timestamp: at });
});

it("node:crypto accepts v1a with the public key alone", async () => {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  const { d, x } = privateKey.export({ format: "jwk" });
  const [seed, point] = [Buffer.from(d ?? "", "base64url"), Buffer.from(x ?? "", "base64url")];
  const secrets = [signingKeyText(seed, point)];
  const headers = await signWebhook({ id: "01ABC", timestamp: 1_700_000_000, body, secrets }, nodeCrypto);
  const [scheme, signature] = headers["webhook-signature"].split(",");
  expect(scheme).toBe("v1a");
  const text = Buffer.concat([Buffer.from("01ABC.1700000000."), body]);
  expect(verify(null, text, publicKey, Buffer.from(signature ?? "", "base64"))).toBe(true);
  const raw = Buffer.from(publicKeyText(point).slice(5), "base64");
  const again = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: raw.toString("base64url") }, format: "jwk" });
  expect(verify(null, text.subarray(1), again, Buffer.from(signature ?? "", "base64"))).toBe(false);
});
