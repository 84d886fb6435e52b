/** Profiles signed in the Worker, checked by OpenSSL; and the pace at which one address may ask. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { certificatePair } from "../fakes/certificate.ts";
import { need } from "../peers/need.ts";
import { type Edge, startEdge } from "./world.ts";

const openssl = need("openssl", ["openssl", "version"], "signed profiles are not verified by another program");

const open: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function edgeWith(vars: Record<string, string>): Promise<Edge> {
  const edge = await startEdge({}, vars);
  open.push(() => edge.close());
  await edge.addNode();
  const account = await edge.addAccount("owner@home.test");
  await edge.addMailbox(await edge.addDomain("here.test", account), "box@here.test");
  return edge;
}

const profile = (edge: Edge): Promise<Response> =>
  fetch(new URL("/apple/mobileconfig?email=box@here.test", edge.url), { headers: { "cf-connecting-ip": "192.0.2.1" } });

/** An RSA certificate, as many authorities still give. */
function rsaPair(folder: string): { ca: string; cert: string; key: string } {
  const [key, cert] = [join(folder, "rsa.key"), join(folder, "rsa.pem")];
  const made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=profiles.test", "-days", "2"];
  expect(spawnSync("openssl", [...made, "-keyout", key, "-out", cert]).status).toBe(0);
  const read = (file: string): string => spawnSync("cat", [file], { encoding: "utf8" }).stdout;
  return { ca: read(cert), cert: read(cert), key: read(key) };
}

/** What OpenSSL says is in it, once its signature and chain hold. */
function verified(folder: string, signed: Uint8Array, ca: string): { status: number | null; content: string } {
  writeFileSync(join(folder, "profile"), signed);
  writeFileSync(join(folder, "ca.pem"), ca);
  const args = ["-inform", "DER", "-in", join(folder, "profile"), "-CAfile", join(folder, "ca.pem"), "-purpose", "any"];
  const { status, stdout } = spawnSync("openssl", ["cms", "-verify", ...args, "-binary"], { encoding: "utf8" });
  return { status, content: stdout };
}

describe.skipIf(!openssl)("a signed profile", () => {
  test.each([
    ["P-256", () => certificatePair("profiles.test")],
    ["RSA", async (folder: string) => rsaPair(folder)],
  ] as const)("holds for OpenSSL, with %s", { timeout: 60_000 }, async (_, pair) => {
    const folder = mkdtempSync(join(tmpdir(), "postern-cms-"));
    open.push(() => rmSync(folder, { recursive: true }));
    const { ca, cert, key } = await pair(folder);
    const edge = await edgeWith({ PROFILE_CERT: cert, PROFILE_KEY: key });
    const response = await profile(edge);
    expect(response.headers.get("content-type")).toBe("application/x-apple-aspen-config");
    const signed = new Uint8Array(await response.arrayBuffer());
    const { status, content } = verified(folder, signed, ca);
    expect([status, content.slice(0, 5), content.includes("<string>box@here.test</string>")]).toEqual([
      0,
      "<?xml",
      true,
    ]);
    // One bit of the profile, and it holds no longer.
    const forged = Buffer.from(signed);
    forged.write("c", forged.indexOf("box@here.test"));
    expect(verified(folder, forged, ca).status).not.toBe(0);
  });
});

test("a certificate without its key is refused, not left out", { timeout: 60_000 }, async () => {
  const edge = await edgeWith({ PROFILE_CERT: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" });
  expect((await profile(edge)).status).toBe(500);
});

test("one address that asks on and on is told to wait, and no other is", { timeout: 60_000 }, async () => {
  const edge = await edgeWith({});
  const ask = (ip: string): Promise<Response> =>
    fetch(new URL("/mail/config-v1.1.xml?emailaddress=box@here.test", edge.url), {
      headers: { "cf-connecting-ip": ip },
    });
  const answers = await Promise.all(Array.from({ length: 70 }, () => ask("198.51.100.7")));
  const late = answers.filter(({ status }) => status === 429);
  expect(late.length).toBe(10);
  expect(late[0]?.headers.get("retry-after")).toBe("60");
  expect((await ask("198.51.100.8")).status).toBe(200);
});
