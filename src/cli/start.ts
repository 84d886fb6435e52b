/**
 * `npm start`: the whole service on this machine. The edge runs under `wrangler dev` with local D1, R2 and Queues, the node is
 * the real daemon, DNS and "the outside world" are servers on loopback. Everything lives in one ignored folder.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../daemon/config.ts";
import { makeMailbox } from "./mailbox.ts";
import { certificates } from "./world/certificates.ts";
import { startDns } from "./world/dns.ts";
import { startEdge } from "./world/edge.ts";
import { startNode } from "./world/node.ts";
import { type StartOptions, startOptions, usage } from "./world/options.ts";
import { openPlace, type Place, secrets } from "./world/place.ts";
import { freePort } from "./world/ports.ts";
import { describe, describeNodeOnly } from "./world/print.ts";
import { seed } from "./world/seed.ts";
import { startSink } from "./world/sink.ts";
import { demoZones } from "./world/zones.ts";

const hostname = "mx.demo.test";
const loopback = "127.0.0.1";
const sweepMs = 60_000;

export async function run(args: string[]): Promise<number> {
  let options: StartOptions;
  try {
    options = startOptions(args);
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n${usage}`);
    return 2;
  }
  const closers: (() => Promise<void> | void)[] = [];
  const ended = untilStopped();
  try {
    const place = openPlace(options.folder, options.fresh);
    closers.push(place.release);
    const start = options.nodeOnly ? startNodeOnly : startWhole;
    const up = start(place, options, (close) => closers.push(close)).then((text) => process.stdout.write(text));
    await Promise.race([up, ended]);
    await ended;
    return 0;
  } catch (error) {
    process.stderr.write(`postern: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    for (const close of closers.reverse()) await close();
  }
}

type OnClose = (close: () => Promise<void> | void) => void;
const say = (text: string): void => void process.stderr.write(`${text}\n`);

async function startWhole(place: Place, options: StartOptions, onClose: OnClose): Promise<string> {
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
  const config = await nodeConfig(place, {
    nodeId: known.nodeId,
    edge: { origin: `http://${loopback}:${edgePort}`, publicKey: known.edge.publicKey },
    tls,
  });
  config.dns = { servers: [`${loopback}:${dns.udpPort}`] };
  config.delivery = { port: sink.port };
  const [edge, node] = await Promise.all([
    startEdge(place, known, { port: edgePort, ca: tls.ca, dohUrl: dns.dohUrl, hostname, say }).then(
      (edge) => (onClose(() => edge.child.stop()), edge),
    ),
    startNode(place, known, config, say).then((node) => (onClose(() => node.child.stop()), node)),
  ]);
  const demo = await seed(place, known, {
    origin: edge.origin,
    nodeOrigin: `https://localhost:${node.ports["handoff"]}`,
    mxHost: hostname,
  });
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

async function startNodeOnly(place: Place, options: StartOptions, onClose: OnClose): Promise<string> {
  const known = secrets(place);
  const tls = await certificates(place.tls, ["localhost", hostname]);
  const mailboxes = standaloneMailboxes(place, options);
  const config = await nodeConfig(place, { nodeId: known.nodeId, edge: null, tls });
  delete config.listen.door;
  delete config.listen.handoff;
  config.standalone = place.standalone;
  config.testing = { insecurePlain: options.insecurePlain, loopbackDestinations: false };
  const node = await startNode(place, known, config, say);
  onClose(() => node.child.stop());
  const at = (name: string) => ({ host: "localhost", port: node.ports[name] ?? 0 });
  const first = mailboxes[0];
  const endpoints = {
    imaps: at("imaps"),
    imap: at("imap"),
    pop3s: at("pop3s"),
    pop3: at("pop3"),
    ca: tls.ca,
    data: place.folder,
    mailbox: first,
    mailboxes,
    pids: { node: node.child.pid },
  };
  writeFileSync(place.endpoints, JSON.stringify(endpoints), { mode: 0o600 });
  return options.json ? `${JSON.stringify(endpoints)}\n` : describeNodeOnly(endpoints);
}

type Ready = { address: string; password: string };

/** Mailboxes of a node without an edge: made once, kept as records; the passwords are kept beside them for the next start. */
function standaloneMailboxes(place: Place, options: StartOptions): Ready[] {
  const passwordFile = join(place.folder, "passwords.json");
  const read = <T>(file: string): T[] => (existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : []);
  const records = read<ReturnType<typeof makeMailbox>["record"]>(place.standalone);
  const passwords = read<Ready>(passwordFile);
  for (const { user, password } of options.mailboxes) {
    const address = user.toLowerCase();
    const had = passwords.findIndex((each) => each.address === address);
    if (had >= 0 && (password === null || passwords[had]?.password === password)) continue;
    if (had >= 0) throw new Error(`mailbox ${user} exists with another password: use --fresh`);
    const made = makeMailbox(address, password === null ? {} : { testPassword: password });
    records.push(made.record);
    passwords.push({ address, password: password ?? made.appPassword });
  }
  writeFileSync(place.standalone, JSON.stringify(records), { mode: 0o600 });
  writeFileSync(passwordFile, JSON.stringify(passwords), { mode: 0o600 });
  const asked = new Set(options.mailboxes.map(({ user }) => user.toLowerCase()));
  return passwords.filter(({ address }) => asked.has(address));
}

type NodeFacts = { nodeId: string; edge: Config["edge"]; tls: { cert: string; key: string } };

async function nodeConfig(place: Place, facts: NodeFacts): Promise<Config> {
  const on = async (port: number) => ({ host: loopback, port: await freePort(port) });
  return {
    node: { id: facts.nodeId, hostname },
    data: place.node,
    identity: place.identity,
    edge: facts.edge,
    tls: { cert: facts.tls.cert, key: facts.tls.key },
    listen: {
      imaps: await on(8993),
      imap: await on(8143),
      pop3s: await on(8995),
      pop3: await on(8110),
      door: await on(8025),
      handoff: await on(8443),
    },
    dns: { servers: [] },
    delivery: { port: 25 },
    testing: { insecurePlain: false, loopbackDestinations: true },
  };
}

/** `wrangler dev` runs no cron by itself: the sweep that production does every five minutes is asked for here. */
function keepSweeping(origin: string): () => void {
  const timer = setInterval(() => {
    fetch(`${origin}/cdn-cgi/handler/scheduled`).then(
      (response) => response.body?.cancel(),
      () => undefined,
    );
  }, sweepMs);
  return () => clearInterval(timer);
}

/** Ctrl-C, SIGTERM, or the parent's death. */
function untilStopped(): Promise<void> {
  const parent = process.ppid;
  return new Promise((done) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => done());
    setInterval(() => process.ppid !== parent && done(), 500).unref();
  });
}
