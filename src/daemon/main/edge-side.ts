/** Everything of a node that talks with the edge: hand-off listener, SMTP door, relay queue, heartbeat. */
import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fromBase64, utf8 } from "../../core/bytes.ts";
import { labels } from "../../core/seal/labels.ts";
import type { Config, NodeIdentity } from "../config.ts";
import { type DoorOptions, doorServer } from "../door/server.ts";
import { EdgeClient } from "../handoff/edge.ts";
import { startHeartbeat } from "../handoff/heartbeat.ts";
import { type HandoffDeps, handoffListener } from "../handoff/listener.ts";
import { MoveTalk } from "../handoff/moves.ts";
import { guardedConnect, mailPorts } from "../net/connect.ts";
import { nodeResolver } from "../net/dns.ts";
import { clock, nativePrimitives, nodeCrypto, random } from "../platform.ts";
import type { HomeMail } from "../queue/port.ts";
import { type RelayQueue, relayQueue } from "../queue/queue.ts";
import type { SigningRecord } from "../queue/signing.ts";
import { CopiesTold } from "../store/backed-up.ts";
import type { Store } from "../store/store.ts";
import type { Certificate } from "./certificate.ts";
import { logLine } from "./log.ts";
import { type EdgeTold, type Measured, serveMetrics } from "./metrics.ts";

const version = "0.1.0";
const connectTimeoutMs = 30_000;
/** A hand-off call of 28 MB over a slow line; longer is a stalled one. */
const requestMs = 5 * 60_000;
/** Longest that a stop waits for calls under way. */
const closeMs = 3000;

export type EdgeSide = { ports: Record<string, number>; signing: SigningRecord; close(): Promise<void> };
type Deps = {
  config: Config;
  identity: NodeIdentity;
  store: Store;
  certificate: Certificate;
  /** Listeners for mail programs, by name. */
  mailPorts: Record<string, number>;
};

export async function startEdgeSide(deps: Deps, edgeConfig: NonNullable<Config["edge"]>): Promise<EdgeSide> {
  const { config, identity, store } = deps;
  const name = { name: config.node.id, seed: fromBase64(identity.seed) };
  const edge = new EdgeClient({ origin: edgeConfig.origin, identity: name, crypto: nodeCrypto, clock, random });
  const queue = await openQueue(deps, edge);
  const handoffs = new Map<number, number>();
  const onAnswer = (status: number): void => void handoffs.set(status, (handoffs.get(status) ?? 0) + 1);
  const beatNow = (): void => void pulse.beatAnew();
  const ears = { onAnswer, onBeat: beatNow };
  const handoff = await openHandoff(deps, fromBase64(edgeConfig.publicKey), queue, ears);
  const door = await openDoor(deps, edge, queue);
  let told: EdgeTold = {};
  const copies = new CopiesTold(config.data, config.backup?.mark ?? null, clock, logLine);
  const pulse = startHeartbeat({
    node: config.node.id,
    version,
    edge,
    store,
    transit: () => queue.transit,
    relayWaiting: () => queue.waiting,
    signing: () => queue.signingRecord,
    ports: { ...deps.mailPorts },
    chain: () => deps.certificate.chain(),
    copies,
    moves: new MoveTalk({ edge, store, onServed: beatNow, log: logLine }),
    dir: config.data,
    clock,
    onAnswer: (answer) => {
      told = answer;
    },
    log: logLine,
  });
  const measure = (): Measured => {
    const [mailboxes, relayWaiting, heartbeatAt] = [store.stats(), queue.waiting, pulse.answeredAt];
    const backup = copies.said().backup ?? null;
    return { mailboxes, relayWaiting, heartbeatAt, told, backup, handoffs, now: clock() };
  };
  const metrics = config.listen.metrics && (await serveMetrics(config.listen.metrics, measure));
  const listening = Object.entries({ handoff, door, metrics }).flatMap(([name, one]) =>
    one ? [[name, one.port]] : [],
  );
  return {
    signing: queue.signingRecord,
    ports: Object.fromEntries(listening),
    close: async () => {
      pulse.stop();
      await Promise.all([door?.close(), handoff?.close(), metrics?.close()]);
      await queue.close();
    },
  };
}

function openQueue({ config, identity }: Deps, edge: EdgeClient): Promise<RelayQueue> {
  const nodeKey = fromBase64(identity.storeKey);
  const derive = (label: string) => nativePrimitives.hkdf(nodeKey, new Uint8Array(0), utf8(label), 32);
  const connect = guardedConnect({
    ownAddresses: [],
    ports: mailPorts,
    allowLoopback: config.testing.loopbackDestinations,
    timeoutMs: connectTimeoutMs,
  });
  return relayQueue({
    file: join(config.data, "queue.db"),
    key: derive(labels.queueDb),
    srsSecrets: [derive(labels.srsSecret)],
    name: config.node.hostname,
    port: config.delivery.port,
    dns: nodeResolver(config.dns),
    connect,
    clock,
    random,
    primitives: nativePrimitives,
    crypto: nodeCrypto,
    report: (results) => edge.results(results),
    home: (mail) => bringHome(edge, config.node.hostname, mail),
    log: logLine,
  });
}

/** Nobody's IP: no sending server stands between. */
async function bringHome(edge: EdgeClient, helo: string, { raw, recipient, ...mail }: HomeMail) {
  const envelope = { ...mail, recipients: [recipient], ip: "", helo, tls: null, receivedAt: clock() };
  const [outcome] = (await edge.ingest(envelope, raw)).outcomes;
  if (outcome === undefined) throw new Error("the edge said nothing of the recipient");
  return outcome;
}

async function openHandoff(
  { config, store, certificate }: Deps,
  edgeKey: Uint8Array,
  queue: RelayQueue,
  ears: Required<Pick<HandoffDeps, "onAnswer" | "onBeat">>,
) {
  const at = config.listen.handoff;
  if (at === undefined) return null;
  const listener = handoffListener({
    node: config.node.id,
    edgeKey,
    crypto: nodeCrypto,
    clock,
    store,
    ...ears,
    onRelay: async (manifest, sealed) => void (await queue.accept(manifest.id, sealed)),
    log: logLine,
  });
  const options = {
    ...certificate.pem(),
    minVersion: "TLSv1.2",
    requestTimeout: requestMs,
    maxHeaderSize: 16_384,
  } as const;
  const server = createServer(options, listener);
  server.maxConnections = 500;
  const renewing = setInterval(() => server.setSecureContext({ ...certificate.pem(), minVersion: "TLSv1.2" }), 60_000);
  renewing.unref();
  server.listen(at.port, at.host);
  await once(server, "listening");
  const close = async (): Promise<void> => {
    clearInterval(renewing);
    const closed = once(server.close(), "close");
    server.closeIdleConnections();
    // A mailbox that is being given to another node may take long, and is asked for again.
    setTimeout(() => server.closeAllConnections(), closeMs).unref();
    await closed;
  };
  return { port: (server.address() as AddressInfo).port, close };
}

async function openDoor({ config, certificate }: Deps, edge: DoorOptions["edge"], bounces: RelayQueue) {
  const at = config.listen.door;
  if (at === undefined) return null;
  return doorServer({ ...at, name: config.node.hostname, edge, bounces, tls: certificate.source, clock, log: logLine });
}
