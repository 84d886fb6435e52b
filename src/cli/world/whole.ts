/** Both halves and their surroundings, seeded with the demo. */
import { readFileSync, writeFileSync } from "node:fs";
import { certificates } from "./certificates.ts";
import type { KeptChild, OnClose } from "./child.ts";
import { LoopbackCloudflare, zonesOf } from "./cloudflare.ts";
import { type LoopbackDns, startDns } from "./dns.ts";
import { startEdge } from "./edge.ts";
import { nodeConfig, startNode } from "./node.ts";
import { keepOwnZones } from "./own-zones.ts";
import { type Place, type Secrets, secrets } from "./place.ts";
import { freePort } from "./ports.ts";
import { type Demo, seed } from "./seed.ts";
import { startSink } from "./sink.ts";
import { cloudRecords, cloudZone, demoZones } from "./zones.ts";

export const hostname = "mx.demo.test";
const loopback = "127.0.0.1";
const sweepMs = 60_000;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

export type World = {
  endpoints: Endpoints;
  demo: Demo;
  secrets: Secrets;
  edge: KeptChild;
  node: KeptChild;
  /** Sets a name of the world's DNS while it runs. */
  dns: Pick<LoopbackDns, "set">;
};

/** `vars`: the Worker's configuration where it is to differ; `edgeArgs`: more arguments for wrangler. */
export type WorldOptions = { vars?: Record<string, string>; edgeArgs?: readonly string[] };

type At = { host: string; port: number };
/** What a person or a script needs to drive the system; the line that `--json` prints. */
export type Endpoints = {
  dashboard: string;
  edge: string;
  imaps: At;
  imap: At;
  pop3s: At;
  pop3: At;
  door: At;
  handoff: At;
  /** Plain HTTP, `/metrics`. */
  metrics: At;
  /** `list` is a URL, `folder` holds the messages. */
  sink: At & { list: string; folder: string };
  /** `zones` is a file for records of one's own. */
  dns: { doh: string; udpPort: number; zones: string };
  /** A loopback Cloudflare API that holds one zone, for the wizard. */
  cloudflare: { zone: string; token: string };
  ca: string;
  data: string;
  mailbox: { address: string; password: string };
  admin: { email: string; password: string };
  pids: { start: number; edge: number | undefined; node: number | undefined };
};

export async function openWorld(place: Place, onClose: OnClose, options: WorldOptions = {}): Promise<World> {
  const known = secrets(place);
  const tls = await certificates(place.tls, ["localhost", hostname]);
  const pem = { key: readFileSync(tls.key, "utf8"), cert: readFileSync(tls.cert, "utf8") };
  const dns = await startDns(demoZones(hostname));
  onClose(dns.close);
  onClose(keepOwnZones(place.zones, dns, say));
  const cloudflare = await startCloudflare(known.cloudflareToken, dns, onClose);
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
    startEdge(place, known, {
      ...{ port: edgePort, ca: tls.ca, say, onClose },
      vars: { DOH_URLS: dns.dohUrl, AUTHSERV_ID: hostname, CLOUDFLARE_API: cloudflare.url, ...options.vars },
      ...(options.edgeArgs && { args: options.edgeArgs }),
    }),
    startNode(place, known, config, { say, onClose }),
  ]);
  // What a domain's owner would publish, so that relayed mail is signed in the domain's name.
  if (node.signing) dns.set(`${node.signing.selector}._domainkey.demo.test`, { TXT: [node.signing.txt] });
  const nodeOrigin = `https://localhost:${node.ports["handoff"]}`;
  const demo = await seed(place, known, { origin: edge.origin, nodeOrigin, mxHost: hostname });
  dns.set(demo.ownership.name, { TXT: [demo.ownership.value] });
  onClose(keepSweeping(edge.origin));
  const at = (name: string): At => ({ host: "localhost", port: node.ports[name] ?? 0 });
  const endpoints: Endpoints = {
    dashboard: `${edge.origin}/`,
    edge: edge.origin,
    imaps: at("imaps"),
    imap: at("imap"),
    pop3s: at("pop3s"),
    pop3: at("pop3"),
    door: at("door"),
    handoff: at("handoff"),
    metrics: at("metrics"),
    sink: { host: loopback, port: sink.port, list: sink.url, folder: place.outside },
    dns: { doh: dns.dohUrl, udpPort: dns.udpPort, zones: place.zones },
    cloudflare: { zone: cloudflare.zone.name, token: cloudflare.token },
    ca: tls.ca,
    data: place.folder,
    mailbox: { address: demo.mailbox.address, password: demo.mailbox.password },
    admin: known.admin,
    pids: { start: process.pid, edge: edge.child.pid, node: node.child.pid },
  };
  writeFileSync(place.endpoints, JSON.stringify(endpoints), { mode: 0o600 });
  return { endpoints, demo, secrets: known, edge: edge.child, node: node.child, dns };
}

async function startCloudflare(token: string, dns: LoopbackDns, onClose: OnClose): Promise<LoopbackCloudflare> {
  const api = new LoopbackCloudflare(cloudZone, token, (records) => dns.lay("cloudflare", zonesOf(records)));
  api.keep(cloudRecords);
  await api.start();
  onClose(() => api.close());
  return api;
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
