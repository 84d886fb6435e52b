import { execFileSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, it } from "vitest";
import { concat, toBase64, utf8 } from "../../../src/core/bytes.ts";
import { signDkim } from "../../../src/core/proof/dkim/sign.ts";
import { prove } from "../../../src/core/proof/prove.ts";
import { nodeCrypto } from "../../../src/daemon/platform.ts";
import { need } from "../../peers/need.ts";
import { openSink, type Sink } from "./sink.ts";
import { hosts, openQueue, type QueueWorld, relayJob, sealFor, tableResolver, type Zones } from "./world.ts";

const open: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

const author = generateKeyPairSync("rsa", { modulusLength: 2048 });
const text = utf8(
  "From: Ann <ann@author.test>\r\nTo: hello@demo.test\r\nSubject: it\r\n goes on\r\nDate: Tue, 24 Nov 2026 00:00:00 +0000\r\nMessage-ID: <1@author.test>\r\n\r\nHi \t there.\r\n.dot\r\n\r\n\r\n",
);

async function signedByAuthor(): Promise<Uint8Array> {
  const pkcs8 = new Uint8Array(author.privateKey.export({ format: "der", type: "pkcs8" }));
  const signer = {
    domain: "author.test",
    selector: "a",
    key: { type: "rsa" as const, pkcs8 },
    now: Date.UTC(2026, 10, 24),
  };
  return concat(utf8(await signDkim(text, signer, nodeCrypto)), text);
}

/** The zones in which both the author and whoever `publishes` our key are known. */
function zonesFor(world: QueueWorld | null, publishes: string[]): Zones {
  const zones: Zones = { "dest.test": { MX: [{ priority: 10, exchange: "mx.dest.test" }] }, ...hosts };
  const p = toBase64(author.publicKey.export({ format: "der", type: "spki" }));
  zones["a._domainkey.author.test"] = { TXT: [`v=DKIM1; k=rsa; p=${p}`] };
  const record = world?.queue.signingRecord;
  for (const domain of publishes) if (record) zones[`${record.selector}._domainkey.${domain}`] = { TXT: [record.txt] };
  return zones;
}

/** Relays one message with the key published by those domains; answers what arrives and the zones. */
async function relayed(
  publishes: string[],
  raw: Uint8Array,
  arcCv: "none" | "pass" | "fail" = "none",
): Promise<{ raw: Buffer; zones: Zones; world: QueueWorld; sink: Sink }> {
  const sink = await openSink();
  open.push(sink);
  const zones: Zones = {};
  const world = await openQueue({
    port: sink.port,
    dns: { resolve: (name, type) => tableResolver(zones).resolve(name, type) },
  });
  open.push({ close: () => world.queue.close(0) });
  Object.assign(zones, zonesFor(world, publishes));
  await relayMore(world, raw, arcCv);
  await expect.poll(() => sink.caught.length).toBe(1);
  return { raw: sink.caught[0]?.raw ?? Buffer.alloc(0), zones, world, sink };
}

async function relayMore(world: QueueWorld, raw: Uint8Array, arcCv: "none" | "pass" | "fail") {
  const job = relayJob(world.time.now, { arcCv });
  await world.queue.accept(job.id, sealFor(world.queue.transit, job, raw));
}

const check = (raw: Uint8Array, zones: Zones) =>
  prove(
    {
      raw,
      mailFrom: "",
      helo: null,
      ip: null,
      now: Date.UTC(2026, 10, 24),
      authservId: "mx.dest.test",
      trustedSealers: [],
    },
    { dns: tableResolver(zones), crypto: nodeCrypto },
  );

it("leaves the author's signature whole, adds the domain's own and an ARC set", async () => {
  const { raw, zones } = await relayed(["demo.test"], await signedByAuthor());
  const proof = await check(raw, zones);
  expect(proof.dkim.map(({ domain, result }) => `${domain} ${result}`).sort()).toEqual([
    "author.test pass",
    "demo.test pass",
  ]);
  expect(proof.arc).toMatchObject({ cv: "pass", instances: 1, sealer: "demo.test" });
  expect(raw.toString()).toContain(
    "ARC-Authentication-Results: i=1; mx.demo.test; spf=pass smtp.mailfrom=author.test\r\n",
  );
});

it("seals on top of a chain that passed, and over hops of its own", async () => {
  const first = await relayed(["demo.test"], await signedByAuthor());
  await relayMore(first.world, first.raw, "pass");
  await expect.poll(() => first.sink.caught.length).toBe(2);
  const twice = first.sink.caught[1]?.raw ?? Buffer.alloc(0);
  expect((await check(twice, first.zones)).arc).toMatchObject({ cv: "pass", instances: 2 });
});

it("signs in the node's name where the domain publishes nothing, and not at all where nobody does", async () => {
  const byNode = await relayed(["mx.node.test"], await signedByAuthor());
  expect((await check(byNode.raw, byNode.zones)).arc).toMatchObject({ cv: "pass", sealer: "mx.node.test" });
  const byNobody = await relayed([], await signedByAuthor());
  expect(byNobody.raw.toString()).not.toMatch(/^ARC-/m);
  expect((await check(byNobody.raw, byNobody.zones)).dkim).toMatchObject([{ domain: "author.test", result: "pass" }]);
});

const dkimpy = need(
  "python3-dkim",
  ["/usr/bin/python3", "-c", "import dkim"],
  "ARC sets and signatures are not held against an independent verifier",
);
it.skipIf(!dkimpy)("an independent verifier finds both signatures and the chain good", async () => {
  const first = await relayed(["demo.test"], await signedByAuthor());
  await relayMore(first.world, first.raw, "pass");
  await expect.poll(() => first.sink.caught.length).toBe(2);
  for (const [i, { raw }] of first.sink.caught.entries()) {
    const said = askDkimpy(raw, first.zones);
    expect(said).toEqual({ dkim: i === 0 ? [true, true] : [true, true, true], arc: "pass", instances: i + 1 });
  }
  const tampered = Buffer.from(first.raw.toString("latin1").replace("Hi ", "Ho "), "latin1");
  expect(askDkimpy(tampered, first.zones)).toMatchObject({ dkim: [false, false], arc: "fail" });
});

const script = `
import dkim, json, sys
raw = open(sys.argv[1], 'rb').read()
zones = json.load(open(sys.argv[2]))
def txt(name, timeout=5):
    records = zones.get(name.decode().rstrip('.'), {}).get('TXT', [])
    return records[0].encode() if records else None
def good(i):
    try:
        return dkim.DKIM(raw).verify(i, dnsfunc=txt)
    except dkim.ValidationError:
        return False
count = sum(1 for name, _ in dkim.DKIM(raw).headers if name.lower() == b'dkim-signature')
cv, results, _ = dkim.ARC(raw).verify(dnsfunc=txt)
print(json.dumps({'dkim': [good(i) for i in range(count)], 'arc': cv.decode(), 'instances': len(results)}))
`;

function askDkimpy(raw: Uint8Array, zones: Zones): unknown {
  const folder = mkdtempSync(join(tmpdir(), "dkimpy-"));
  const [mail, names] = [join(folder, "mail"), join(folder, "zones")];
  writeFileSync(mail, raw);
  writeFileSync(names, JSON.stringify(zones));
  return JSON.parse(execFileSync("/usr/bin/python3", ["-c", script, mail, names], { encoding: "utf8" }));
}
