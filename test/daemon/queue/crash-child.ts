/**
 * A node's relay queue in a process of its own, to be killed. argv: file, port of the sink, port of the "edge" (a plain HTTP
 * server that hears results). Says its transit key on stdout; then takes jobs, one a line: id and sealed bytes in base64.
 */
import { createInterface } from "node:readline";
import { guardedConnect, mailPorts } from "../../../src/daemon/net/connect.ts";
import { clock, nativePrimitives, nodeCrypto, random } from "../../../src/daemon/platform.ts";
import { relayQueue } from "../../../src/daemon/queue/queue.ts";
import { hosts, queueKey, srsSecret, tableResolver } from "./world.ts";

const [file = "", sinkPort = "0", edgePort = "0"] = process.argv.slice(2);
const queue = await relayQueue({
  file,
  key: queueKey(),
  srsSecrets: [srsSecret],
  name: "mx.node.test",
  port: Number(sinkPort),
  dns: tableResolver({ "dest.test": { MX: [{ priority: 10, exchange: "mx.dest.test" }] }, ...hosts }),
  connect: guardedConnect({ ownAddresses: [], ports: mailPorts, allowLoopback: true, timeoutMs: 2000 }),
  clock,
  random,
  primitives: nativePrimitives,
  crypto: nodeCrypto,
  report: async (results) => {
    const answer = await fetch(`http://127.0.0.1:${edgePort}/`, { method: "POST", body: JSON.stringify(results) });
    if (!answer.ok) throw new Error("the edge did not hear");
  },
  home: null,
  log: () => undefined,
});
process.stdout.write(`${JSON.stringify(queue.transit)}\n`);
for await (const line of createInterface({ input: process.stdin })) {
  const [id = "", sealed = ""] = line.split(" ");
  process.stdout.write(`${id} ${await queue.accept(id, Buffer.from(sealed, "base64"))}\n`);
}
