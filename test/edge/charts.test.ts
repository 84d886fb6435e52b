/** What the charts and reports pages draw is what the journal and the reports hold, for the domains of whoever looks and nobody else's. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Edge, startEdge } from "./world.ts";

let edge: Edge;
let cookie = "";
let mine = "";
let other = "";

beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  const answer = await fetch(new URL("/api/setup", edge.url), {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "o@demo.test", password: "a long demo password", token: "a-setup-token-for-tests" }),
  });
  [cookie = ""] = (answer.headers.getSetCookie()[0] ?? "").split(";");
  const { id } = (await answer.json()) as { id: string };
  mine = await edge.addDomain("mine.test", id);
  other = await edge.addDomain("other.test", await edge.addAccount("x@other.test"));
});
afterAll(() => edge?.close());

type Proof = { spf: string; dkim: string[]; dmarc: string; disposition?: string };
async function journal(domain: string, outcome: string, reason: string, proof: Proof | null, tookMs: number[] = []) {
  const id = edge.newId();
  const at = Date.now() - 60_000;
  const written = proof && {
    spf: { result: proof.spf },
    dkim: proof.dkim.map((result) => ({ result })),
    dmarc: { result: proof.dmarc, disposition: proof.disposition ?? "none" },
  };
  await edge.insert("journal", {
    id,
    domain,
    at,
    entrance: "door",
    mail_from: "a@sender.test",
    author: "Ann@Sender.test",
    recipient: "r@mine.test",
    size: 1,
    proof: written && JSON.stringify(written),
    outcome,
    reason,
    reply: "",
    expires_at: at + 1e9,
  });
  for (const ms of tookMs) {
    const step = { journal: id, kind: "handed-off", target: "t", ok: 1, detail: "" };
    await edge.insert("journal_step", { id: edge.newId(), ...step, at: at + ms });
  }
}

async function shown(path: string): Promise<string> {
  const response = await fetch(new URL(path, edge.url), { headers: { cookie } });
  expect(response.status).toBe(200);
  return response.text();
}

/** The rows of the card with this title: name and figure. */
function shares(html: string, title: string): Record<string, string> {
  const card = html.split(`aria-label="${title}"`)[1]?.split("</section>")[0] ?? "";
  const rows = [...card.matchAll(/<span class="wrap">(.*?)<\/span><span class="soft">(.*?)<\/span>/g)];
  return Object.fromEntries(rows.map(([, name = "", n = ""]) => [name, n]));
}

test("charts", async () => {
  const good: Proof = { spf: "pass", dkim: ["fail", "pass"], dmarc: "pass" };
  for (const ms of [100, 200, 300, 9_000]) await journal(mine, "accepted", "ok", good, [ms]);
  await journal(mine, "accepted", "ok", { spf: "fail", dkim: ["fail"], dmarc: "fail", disposition: "quarantine" });
  await journal(mine, "accepted", "ok", { spf: "none", dkim: [], dmarc: "none" });
  await journal(mine, "refused", "dmarc-policy", { spf: "fail", dkim: [], dmarc: "fail", disposition: "reject" });
  await journal(mine, "refused", "no-such-address", null);
  await journal(mine, "deferred", "dns-trouble", { spf: "temperror", dkim: [], dmarc: "temperror" });
  await journal(other, "refused", "too-big", good, [1]);
  const html = await shown("/charts");
  expect(html).toContain('aria-label="6 accepted, 2 refused, 1 put off, from ');
  const [one, two, three, four] = ["1 message", "2 messages", "3 messages", "4 messages"];
  const rest = { "nothing to check by": one, "DNS did not answer": one, "not checked": one };
  expect(shares(html, "SPF")).toEqual({ passed: four, failed: two, ...rest });
  expect(shares(html, "DKIM")).toEqual({ passed: four, "nothing to check by": three, failed: one, "not checked": one });
  expect(shares(html, "DMARC")).toEqual({ passed: four, failed: two, ...rest });
  expect(shares(html, "Who writes most")).toEqual({ "sender.test": "9 messages" });
  const spam = shares(html, "Spam, forgeries and other refusals");
  expect(Object.values(spam)).toEqual([one, one, one, one]);
  expect(Object.keys(spam).join()).not.toContain("25 MiB");
  expect(html).toMatch(/Half of the copies within<\/dt><dd>300 ms/);
  expect(html).toMatch(/99 of 100 within<\/dt><dd>9.0 s/);
  for (const query of [`domain=${mine}&days=7`, `domain=${other}`, "domain=x&days=9"])
    expect(await shown(`/charts?${query}`), query).toContain('aria-label="6 accepted, 2 refused, 1 put off, from ');
  expect((await shown("/charts?days=7")).match(/data-says=/g)).toHaveLength(7);
});

async function report(domain: string, kind: string, org: string, good: number, bad: number, lines: unknown[]) {
  const at = Date.now() - 3_600_000;
  const times = { begins: at - 3_600_000, ends: at, created_at: at };
  const row = { id: edge.newId(), domain, kind, org, external_id: edge.newId(), good, bad, ...times };
  await edge.insert("report", { ...row, lines: JSON.stringify(lines) });
}

test("reports: an empty page says how they come; then who sent, what failed, and who says so", async () => {
  expect(await shown("/reports")).toContain("no report yet");
  const line = { kind: "dmarc", spf: "pass", dkim: "pass", disposition: "none" };
  const forged = { kind: "dmarc", source: "203.0.113.9", count: 3, spf: "fail", dkim: "fail", disposition: "reject" };
  await report(mine, "dmarc", "big.test", 7, 3, [{ ...line, source: "192.0.2.1", count: 7 }, forged]);
  await report(mine, "dmarc", "<b>small</b>", 2, 0, [{ ...line, source: "192.0.2.1", count: 2 }]);
  await report(mine, "tls", "big.test", 40, 2, [
    { kind: "tls", reason: "certificate-expired", server: "mx", count: 2 },
  ]);
  await report(other, "dmarc", "secret.test", 99, 99, []);
  const html = await shown("/reports");
  expect(html).toContain('aria-label="9 passed, 3 failed, from ');
  expect(html).toContain('aria-label="40 safe, 2 failed, from ');
  expect(html.indexOf("203.0.113.9")).toBeLessThan(html.indexOf("192.0.2.1"));
  expect(html).toContain("The certificate has run out");
  expect(html).toContain("&lt;b&gt;small&lt;/b&gt;");
  expect(html).not.toContain("secret.test");
});

test("the API says the same", async () => {
  const read = async (path: string): Promise<unknown> => JSON.parse(await shown(path));
  expect(await read("/api/stats")).toMatchObject({ junk: 1, verdicts: { dmarc: expect.any(Array) } });
  const first = (await read("/api/reports?limit=2")) as { items: { org: string }[]; next: string };
  const rest = (await read(`/api/reports?limit=2&after=${first.next}`)) as { items: { org: string }[]; next: null };
  expect([...first.items, ...rest.items].map(({ org }) => org)).toEqual(["big.test", "<b>small</b>", "big.test"]);
  expect(rest.next).toBeNull();
});
