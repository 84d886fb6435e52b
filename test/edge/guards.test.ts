/** What every answer bears, whoever made it: pages, API, set-up files, keys, raw messages, static files; errors and redirects too. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { ApiClient } from "./api-client.ts";
import { type Edge, startEdge } from "./world.ts";

let edge: Edge;
let owner: ApiClient;
let domain = "";

beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  owner = await ApiClient.owner(edge.url);
  domain = await owner.domain("a.test", { node: edge.node.id, active: true });
});
afterAll(() => edge.close());

const open = [
  ["GET", "/"],
  ["GET", "/sign-in"],
  ["GET", "/nothing"],
  ["GET", "/%ff"],
  ["PUT", "/sign-in"],
  ["GET", "/api/nothing"],
  ["GET", "/api/client.ts"],
  ["GET", "/api/openapi.json"],
  ["GET", `/raw/${"0".repeat(40)}`],
  ["GET", "/raw/nothing"],
  ["GET", "/webhook-key"],
  ["GET", "/verify/nothing"],
  ["GET", "/mail/config-v1.1.xml?emailaddress=x@a.test"],
  ["GET", "/mail/config-v1.1.xml?emailaddress=x@none.test"],
  ["GET", "/autodiscover/autodiscover.xml"],
  ["POST", "/autodiscover/autodiscover.xml"],
  ["GET", "/autodiscover/autodiscover.json?email=x@a.test"],
  ["GET", "/autodiscover/nothing"],
  ["GET", "/apple/qr.svg?email=x@a.test"],
  ["GET", "/apple/mobileconfig?email=x@a.test"],
  ["GET", "/.well-known/mta-sts.txt"],
  ["GET", "/node/nothing"],
  ["POST", "/node/ingest"],
] as const;

// Regression: what neither the pages nor the API answer bore none of them.
test.each(open)("%s %s bears the guards", async (method, path) => {
  const init = { method, redirect: "manual" } as const;
  const { headers } = await fetch(new URL(path, edge.url), init);
  expect(headers.get("x-content-type-options")).toBe("nosniff");
  expect(headers.get("content-security-policy")).toMatch(/default-src 'none'.*frame-ancestors 'none'/);
  expect(headers.get("referrer-policy")).toMatch(/^(no-referrer|same-origin)$/);
  expect(headers.get("cross-origin-resource-policy")).toBe(
    headers.has("access-control-allow-origin") ? "cross-origin" : "same-origin",
  );
  expect(headers.get("cache-control")).toMatch(/no-store|max-age=\d+$/);
  expect(headers.get("strict-transport-security")).toBeNull();
  const secure = await edge.worker.fetch(`https://edge.example${path}`, init);
  expect(secure.headers.get("strict-transport-security")).toContain("max-age=");
});

test("the policy of mail transport may be kept for as long as it says", async () => {
  const answer = await edge.worker.fetch("https://mta-sts.a.test/.well-known/mta-sts.txt");
  expect([answer.status, answer.headers.get("cache-control")]).toEqual([200, "max-age=300"]);
});

test("a page's nonce is its own, stands on each of its scripts, and no script is without", async () => {
  const seen = new Set<string>();
  for (const path of ["/", "/security", `/domains/${domain}`, "/activity", "/", "/nothing"]) {
    const answer = await fetch(new URL(path, edge.url), { headers: { cookie: owner.cookie } });
    const nonce = /'nonce-([^']+)'/.exec(answer.headers.get("content-security-policy") ?? "")?.[1] ?? "";
    const html = await answer.text();
    const scripts = html.match(/<script\b[^>]*>/g) ?? [];
    expect(scripts.length, path).toBeGreaterThan(0);
    for (const script of scripts) expect(script, path).toContain(`nonce="${nonce}"`);
    expect(html, path).not.toMatch(/\son\w+=|javascript:|<style\b|\sstyle=/);
    seen.add(nonce);
  }
  expect(seen.size).toBe(6);
});

test("static files are of the type that they say", async () => {
  const html = await (await fetch(new URL("/sign-in", edge.url))).text();
  const files = [...html.matchAll(/(?:src|href)="(\/[^"]+\.(?:js|css|svg)[^"]*)"/g)].map(([, path]) => path ?? "");
  expect(files.length).toBeGreaterThan(2);
  for (const path of files) {
    const { status, headers } = await fetch(new URL(path, edge.url));
    expect([status, headers.get("x-content-type-options")], path).toEqual([200, "nosniff"]);
    expect(headers.get("cross-origin-resource-policy"), path).toBe("same-origin");
  }
});
