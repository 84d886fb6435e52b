/** 10,000 aliases in a domain cost the directory no more than ten: the look-up stays one round trip over an index. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { edgePaths } from "../../src/core/contract/handoff.ts";
import { type Edge, startEdge } from "./world.ts";

let edge: Edge;
beforeAll(async () => {
  edge = await startEdge();
  await edge.addNode();
  const account = await edge.addAccount("owner@home.test", true);
  await fill(await edge.addDomain("small.test", account), 10);
  await fill(await edge.addDomain("large.test", account), 10_000);
});
afterAll(() => edge.close());

/** By SQL alone: ten thousand calls would take longer than they show. */
async function fill(domain: string, n: number): Promise<void> {
  await edge.rows(
    `insert into alias (id, domain, kind, pattern, created_at, updated_at)
     with recursive n(i) as (select 0 union all select i + 1 from n where i + 1 < ?2)
     select ?1 || i, ?1, 'exact', 'name' || i, 0, 0 from n`,
    domain,
    n,
  );
  await edge.rows(
    `insert into destination (id, alias, kind, target, created_at)
     select id || 'd', id, 'address', pattern || '@else.test', 0 from alias where domain = ?1`,
    domain,
  );
}

const asks = async (recipient: string): Promise<string> => {
  const response = await edge.ask(edgePaths.rcpt, { recipient, sender: "a@b.test", ip: "192.0.2.1" });
  return ((await response.json()) as { kind: string }).kind;
};

async function once(domain: string, i: number): Promise<number> {
  const started = performance.now();
  expect(await asks(`name${i % 10}@${domain}`)).toBe("ok");
  return performance.now() - started;
}

// Turn about, and the best of each: what else the machine does slows both alike and never makes one faster.
test("the large domain answers about as fast as the small one", async () => {
  const [small, large]: [number[], number[]] = [[], []];
  for (let i = 0; i < 40; i++) {
    small.push(await once("small.test", i));
    large.push(await once("large.test", i));
  }
  const [ten, tenThousand] = [Math.min(...small), Math.min(...large)];
  console.log(`an RCPT's answer: ${ten.toFixed(1)} ms with ten aliases, ${tenThousand.toFixed(1)} ms with 10,000`);
  expect(tenThousand).toBeLessThan(ten * 2 + 5);
  expect(await asks("name9999@large.test")).toBe("ok");
  expect(await asks("name10000@large.test")).toBe("refuse");
});
