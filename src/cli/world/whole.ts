/** Both halves and their surroundings, seeded with the demo. Answers what is to be printed. */
import { readFileSync, writeFileSync } from "node:fs";
import { certificates } from "./certificates.ts";
import type { OnClose } from "./child.ts";
import { startDns } from "./dns.ts";
import { startEdge } from "./edge.ts";
import { nodeConfig, startNode } from "./node.ts";
import type { StartOptions } from "./options.ts";
import { type Place, secrets } from "./place.ts";
import { freePort } from "./ports.ts";
import { describe } from "./print.ts";
import { seed } from "./seed.ts";
import { startSink } from "./sink.ts";
import { demoZones } from "./zones.ts";

export const hostname = "mx.demo.test";
const loopback = "127.0.0.1";
const sweepMs = 60_000;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

export async function startWhole(place: Place, options: StartOptions, onClose: OnClose): Promise<string> {
  if (!options.json) say("Starting Postern: edge, node, DNS and a loopback outside world …");
  const known = secrets(place);
  const tls = await certificates(place.tls, ["localhost", hostname]);
  const pem = { key: readFileSync(tls.key, "utf8"), cert: readFileSync(tls.cert, "utf8") };
  const dns = await startDns(demoZones(hostname));
  onClose(dns.close);
  const sink = await startSink({
    folder: place.outside,
    port: await freePort(8026),
    httpPort: await freePort(8027),
    ...pem,
  });
  onClose(sink.close);
  const edgePort = await freePort(8787);
  const edgeFacts = { origin: `http://${loopback}:${edgePort}`, publicKey: known.edge.publicKey };
  const config = await nodeConfig(place, { nodeId: known.nodeId, hostname, edge: edgeFacts, tls });
  config.dns = { servers: [`${loopback}:${dns.udpPort}`] };
  config.delivery = { port: sink.port };
  const [edge, node] = await Promise.all([
    startEdge(place, known, { port: edgePort, ca: tls.ca, dohUrl: dns.dohUrl, hostname, say, onClose }),
    startNode(place, known, config, { say, onClose }),
  ]);
  const nodeOrigin = `https://localhost:${node.ports["handoff"]}`;
  const demo = await seed(place, known, { origin: edge.origin, nodeOrigin, mxHost: hostname });
  onClose(keepSweeping(edge.origin));
  const at = (name: string) => ({ host: "localhost", port: node.ports[name] ?? 0 });
  const endpoints = {
    dashboard: `${edge.origin}/`,
    edge: edge.origin,
    imaps: at("imaps"),
    imap: at("imap"),
    pop3s: at("pop3s"),
    pop3: at("pop3"),
    door: at("door"),
    handoff: at("handoff"),
    sink: { host: loopback, port: sink.port, list: sink.url, folder: place.outside },
    dns: { doh: dns.dohUrl, udpPort: dns.udpPort },
    ca: tls.ca,
    data: place.folder,
    mailbox: { address: demo.mailbox.address, password: demo.mailbox.password },
    admin: known.admin,
    pids: { edge: edge.child.pid, node: node.child.pid },
  };
  writeFileSync(place.endpoints, JSON.stringify(endpoints), { mode: 0o600 });
  return options.json ? `${JSON.stringify(endpoints)}\n` : describe(endpoints, demo);
}

/** `wrangler dev` runs no cron by itself: the sweep that production does every five minutes is asked for here. */
function keepSweeping(origin: string): () => void {
  const timer = setInterval(() => {
    const asked = fetch(`${origin}/cdn-cgi/handler/scheduled`);
    asked.then(
      (response) => response.body?.cancel(),
      () => undefined,
    );
  }, sweepMs);
  return () => clearInterval(timer);
}
