/** Records that a person adds to the local world's DNS, and those that the loopback Cloudflare keeps. */

import { Resolver } from "node:dns/promises";
import { EventEmitter, once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { zonesOf } from "../../src/cli/world/cloudflare.ts";
import { startDns } from "../../src/cli/world/dns.ts";
import { keepOwnZones } from "../../src/cli/world/own-zones.ts";

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function world() {
  const folder = mkdtempSync(join(tmpdir(), "postern-zones-"));
  closers.push(() => rmSync(folder, { recursive: true }));
  const dns = await startDns({ "built.test": { TXT: ["in"] } });
  closers.push(dns.close);
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${dns.udpPort}`]);
  const texts = (name: string): Promise<string[]> =>
    resolver.resolveTxt(name).then(
      (all) => all.map((parts) => parts.join("")),
      () => [],
    );
  return { file: join(folder, "zones.json"), dns, resolver, texts };
}

/** Each time the file was read, `lay` or `say` is called: that is the event to wait for. One that was waited for is forgotten. */
function heard() {
  const events = new EventEmitter();
  const past: string[] = [];
  return {
    hear(event: string): void {
      past.push(event);
      events.emit("heard");
    },
    async until(pattern: RegExp): Promise<void> {
      while (!past.some((event) => pattern.test(event))) await once(events, "heard");
      past.length = 0;
    },
  };
}

test("records of one's own are answered once the file is saved; a mistake in it is named and changes nothing", async () => {
  const { file, dns, texts } = await world();
  const { hear, until } = heard();
  const lay = (title: string, zones: Parameters<typeof dns.lay>[1]): void => {
    dns.lay(title, zones);
    hear(`laid ${JSON.stringify(zones)}`);
  };
  closers.push(keepOwnZones(file, { ...dns, lay }, hear));
  await until(/laid \{\}$/);
  expect(await texts("own.test")).toEqual([]);
  writeFileSync(file, JSON.stringify({ "Own.test.": { TXT: ["mine"] }, "built.test": { TXT: ["over"] } }));
  await until(/mine/);
  expect(await texts("own.test")).toEqual(["mine"]);
  expect(await texts("built.test")).toEqual(["over"]);
  writeFileSync(file, JSON.stringify({ "own.test": { TXT: 7 } }));
  await until(/zones\.json is not read[\s\S]*own\.test/);
  expect(await texts("own.test")).toEqual(["mine"]);
  writeFileSync(file, "{}");
  await until(/laid \{\}$/);
  expect(await texts("own.test")).toEqual([]);
  expect(await texts("built.test")).toEqual(["in"]);
});

test("a Cloudflare zone's records are answered as it keeps them", async () => {
  const { dns, resolver, texts } = await world();
  dns.lay(
    "cloudflare",
    zonesOf([
      { id: "1", type: "TXT", name: "cloud.test", content: '"v=spf1 mx -all"' },
      { id: "2", type: "TXT", name: "cloud.test", content: "keep" },
      { id: "3", type: "MX", name: "cloud.test", content: "mx.test", priority: 7 },
    ]),
  );
  expect((await texts("cloud.test")).sort()).toEqual(["keep", "v=spf1 mx -all"]);
  expect(await resolver.resolveMx("cloud.test")).toMatchObject([{ priority: 7, exchange: "mx.test" }]);
});
