/**
 * Another node in the same world, behind doors at which a test can stand: what it says to the edge, call by call, and what the first
 * node gives out, byte by byte.
 */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer as httpServer, type IncomingMessage, type ServerResponse } from "node:http";
import { request } from "node:https";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import type { KeptChild } from "../../src/cli/world/child.ts";
import { nodeConfig, startNode } from "../../src/cli/world/node.ts";
import { openPlace, secrets } from "../../src/cli/world/place.ts";
import { type Api, signIn, untilSeen } from "../../src/cli/world/seed.ts";
import { fromBase64 } from "../../src/core/bytes.ts";
import { signCall } from "../../src/core/contract/call.ts";
import { nodeCrypto } from "../../src/daemon/platform.ts";
import type { TestWorld } from "./world.ts";

/** What becomes of a call to the edge: passed on, passed on with its answer lost, or never sent. */
export type Fate = "pass" | "lose" | "drop";
export type Doors = {
  toEdge: (path: string, body: string) => Fate | Promise<Fate>;
  /** Told that the edge has answered a call whose answer will be lost. */
  onLost: () => void;
  /** Told how much the first node has answered on one connection; false ends that. */
  fromFirst: (bytes: number) => boolean;
};
export type SecondNode = {
  id: string;
  child: KeptChild;
  /** Its data folder. */
  dir: string;
  ports: Record<string, number>;
  /** The operator's. */
  api: Api;
  doors: Doors;
  close(): Promise<void>;
};

const openDoors: Doors = { toEdge: () => "pass", onLost: () => undefined, fromFirst: () => true };

export async function secondNode(world: TestWorld): Promise<SecondNode> {
  const closers: (() => Promise<void> | void)[] = [];
  const doors = { ...openDoors };
  const tls = join(world.folder, "tls");
  const place = { ...openPlace(join(world.folder, "second"), false), tls };
  const known = { ...secrets(place), nodeId: "second-node" };
  const edgeDoor = await listening(doorToEdge(world.endpoints.edge, doors), closers);
  const firstDoor = await listening(doorToFirst(world.endpoints.handoff.port, doors), closers);
  const config = await nodeConfig(place, {
    nodeId: known.nodeId,
    hostname: "mx2.demo.test",
    edge: { origin: `http://127.0.0.1:${edgeDoor}`, publicKey: world.secrets.edge.publicKey },
    tls: { cert: join(tls, "server.pem"), key: join(tls, "server.key") },
  });
  config.dns = { servers: [`127.0.0.1:${world.endpoints.dns.udpPort}`] };
  const onClose = (each: () => Promise<void> | void): void => void closers.push(each);
  const { child, ports } = await startNode(place, known, config, { say: () => undefined, onClose });
  const api = await signIn(world.endpoints.edge, world.secrets);
  const enrol = (id: string, port: number | undefined, publicKey: string): Promise<unknown> =>
    api("POST", "/api/nodes", { id, name: id, origin: `https://localhost:${port}`, mxHost: `${id}.test`, publicKey });
  await enrol(known.nodeId, ports["handoff"], known.node.publicKey);
  // From here on everybody reaches the first node by way of its door.
  await enrol(world.secrets.nodeId, firstDoor, world.secrets.node.publicKey);
  await untilSeen(api, known.nodeId);
  const close = async (): Promise<void> => {
    for (const each of closers.reverse()) await each();
  };
  return { id: known.nodeId, child, dir: place.node, ports, api, doors, close };
}

async function listening(server: Server, closers: (() => Promise<void> | void)[]): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(async () => {
    const over = once(server.close(), "close");
    for (const socket of sockets) socket.destroy();
    await over;
  });
  return (server.address() as AddressInfo).port;
}

function doorToEdge(edge: string, doors: Doors): Server {
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts);
    const path = request.url ?? "";
    const fate = await doors.toEdge(path, body.toString());
    if (fate === "drop") return void response.destroy();
    const signed = Object.entries(request.headersDistinct).filter(([name]) => /^(webhook|postern)-/.test(name));
    const headers = Object.fromEntries(signed.map(([name, values]) => [name, values?.[0] ?? ""]));
    const answer = await fetch(new URL(path, edge), { method: "POST", headers, body: new Uint8Array(body) });
    const bytes = Buffer.from(await answer.arrayBuffer());
    if (fate === "lose") {
      doors.onLost();
      return void response.destroy();
    }
    response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" }).end(bytes);
  };
  return httpServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
  });
}

function doorToFirst(port: number, doors: Doors): Server {
  return createServer((from) => {
    const to = connect(port, "127.0.0.1");
    let bytes = 0;
    from.pipe(to);
    to.on("data", (chunk) => {
      bytes += chunk.length;
      if (!doors.fromFirst(bytes)) {
        from.destroy();
        to.destroy();
        return;
      }
      if (!from.write(chunk)) {
        to.pause();
        from.once("drain", () => to.resume());
      }
    });
    for (const [one, other] of [
      [from, to],
      [to, from],
    ] as const) {
      one.on("error", () => other.destroy());
      one.on("close", () => other.end());
    }
  });
}

type Call = { path: string; id: string; body: Uint8Array<ArrayBuffer>; about?: { mailbox?: string; epoch?: number } };

/** A call of the edge to a node; answers status and body. */
export async function asEdge(world: TestWorld, to: { id: string; port: number }, call: Call): Promise<string> {
  const { path, id, body, about } = call;
  const manifest = { audience: to.id, method: "POST" as const, path, id, ...about };
  const identity = { name: "edge", seed: fromBase64(world.secrets.edge.seed) };
  const headers = await signCall(manifest, body, identity, Date.now(), nodeCrypto);
  const how = {
    ca: readFileSync(world.endpoints.ca),
    method: "POST",
    headers: { ...headers, "content-length": body.length },
  };
  return new Promise<string>((done, failed) => {
    const asking = request(`https://localhost:${to.port}${path}`, how, (answer) => {
      let said = `${answer.statusCode} `;
      answer.on("data", (chunk) => {
        said += String(chunk);
      });
      answer.on("end", () => done(said));
    });
    asking.on("error", failed);
    asking.end(body);
  });
}
