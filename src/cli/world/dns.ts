/**
 * The DNS of the local world: one set of zones answered over UDP, TCP and DoH (RFC 1035, RFC 8484) on loopback. A zone file
 * maps name → type → values; `"TIMEOUT"`, `"SERVFAIL"` and `"NXDOMAIN"` may stand for a type's values or for a whole name.
 * Whatever is not listed does not exist: nothing is ever asked of the outside.
 */
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { createServer as createTcpServer, type Server as TcpServer } from "node:net";
import packet, { type Answer, type Packet, type RecordType } from "dns-packet";

export type ZoneTrouble = "TIMEOUT" | "SERVFAIL" | "NXDOMAIN";
export type ZoneValue = string | string[] | { priority: number; exchange: string } | Srv;
type Srv = { priority: number; weight: number; port: number; target: string };
export type Zones = Record<string, ZoneTrouble | Record<string, ZoneTrouble | string | ZoneValue[]>>;

export type LoopbackDns = {
  dohUrl: string;
  udpPort: number;
  /** Replaces or adds one name while running. */
  set(name: string, records: Zones[string]): void;
  /** Puts zones on top of what is there, in place of those laid before under the same title. */
  lay(title: string, zones: Zones): void;
  close(): Promise<void>;
};

const ttl = 60;
const rcodes = { SERVFAIL: 2, NXDOMAIN: 3 } as const;

export async function startDns(
  zones: Zones,
  options: { dohPort?: number; udpPort?: number } = {},
): Promise<LoopbackDns> {
  const names = new Names(zones);
  const { udp, tcp, udpPort } = await bindBoth(names, options.udpPort ?? 0);
  const http = dohServer(names);
  http.listen(options.dohPort ?? 0, "127.0.0.1");
  await once(http, "listening");
  const dohUrl = `http://127.0.0.1:${(http.address() as AddressInfo).port}/dns-query`;
  return {
    dohUrl,
    udpPort,
    set: (name, records) => names.set(name, records),
    lay: (title, over) => names.lay(title, over),
    close: () => closeAll(udp, tcp, http),
  };
}

type Table = Map<string, Zones[string]>;

/** What the world says, and on top, layer by layer, what was laid over it later. */
class Names {
  readonly #base: Table;
  readonly #layers = new Map<string, Table>();

  constructor(zones: Zones) {
    this.#base = folded(zones);
  }

  get(name: string): Zones[string] | undefined {
    const key = fold(name);
    return [...this.#layers.values()].find((layer) => layer.has(key))?.get(key) ?? this.#base.get(key);
  }

  set(name: string, records: Zones[string]): void {
    this.#base.set(fold(name), records);
  }

  lay(title: string, zones: Zones): void {
    this.#layers.set(title, folded(zones));
  }

  *all(): Iterable<string> {
    yield* this.#base.keys();
    for (const layer of this.#layers.values()) yield* layer.keys();
  }
}

function folded(zones: Zones): Table {
  return new Map(Object.entries(zones).map(([name, records]) => [fold(name), records]));
}

/** UDP and TCP on one port. A port that the system picked for UDP may be taken for TCP: then another is tried. */
async function bindBoth(names: Names, port: number): Promise<{ udp: Socket; tcp: TcpServer; udpPort: number }> {
  for (let tries = 1; ; tries++) {
    const udp = createSocket("udp4");
    udp.on("message", (query, from) => {
      const reply = respond(names, query);
      if (reply !== null) udp.send(reply.length > 1232 ? truncated(query) : reply, from.port, from.address);
    });
    udp.bind(port, "127.0.0.1");
    await once(udp, "listening");
    const udpPort = udp.address().port;
    const tcp = tcpServer(names);
    try {
      tcp.listen(udpPort, "127.0.0.1");
      await once(tcp, "listening");
      return { udp, tcp, udpPort };
    } catch (error) {
      udp.close();
      if (port !== 0 || tries === 20) throw error;
    }
  }
}

async function closeAll(udp: Socket, tcp: TcpServer, http: Server): Promise<void> {
  http.closeAllConnections();
  await Promise.all([once(udp.close(), "close"), once(tcp.close(), "close"), once(http.close(), "close")]);
}

function tcpServer(names: Names): TcpServer {
  return createTcpServer((socket) => {
    let held: Buffer = Buffer.alloc(0);
    socket.on("error", () => socket.destroy());
    socket.on("data", (bytes) => {
      held = Buffer.concat([held, bytes]);
      while (held.length >= 2 && held.length >= 2 + held.readUInt16BE(0)) {
        const length = held.readUInt16BE(0);
        const reply = respond(names, held.subarray(2, 2 + length));
        held = held.subarray(2 + length);
        if (reply === null) continue;
        const head = Buffer.alloc(2);
        head.writeUInt16BE(reply.length);
        socket.write(Buffer.concat([head, reply]));
      }
    });
  });
}

function dohServer(names: Names): Server {
  return createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const url = new URL(request.url ?? "/", "http://loopback");
      const inUrl = url.searchParams.get("dns");
      const query = request.method === "GET" && inUrl !== null ? Buffer.from(inUrl, "base64url") : Buffer.concat(parts);
      const reply = respond(names, query);
      if (reply === null) return; // TIMEOUT: leave the client waiting
      response.writeHead(200, { "content-type": "application/dns-message", "cache-control": `max-age=${ttl}` });
      response.end(reply);
    });
  });
}

function truncated(query: Buffer): Buffer {
  const { id, questions } = packet.decode(query);
  return packet.encode({
    type: "response",
    ...(id === undefined ? {} : { id }),
    flags: packet.TRUNCATED_RESPONSE,
    questions: questions ?? [],
  });
}

/** The encoded reply, or null where the zone says TIMEOUT. */
function respond(names: Names, query: Buffer): Buffer | null {
  let asked: Packet;
  try {
    asked = packet.decode(query);
  } catch {
    return null;
  }
  const question = asked.questions?.[0];
  if (question === undefined) return null;
  const found = lookUp(names, question.name, question.type);
  if (found === "TIMEOUT") return null;
  const rcode = typeof found === "string" ? rcodes[found] : 0;
  return packet.encode({
    type: "response",
    ...(asked.id === undefined ? {} : { id: asked.id }),
    flags:
      packet.RECURSION_DESIRED | packet.RECURSION_AVAILABLE | (isSigned(names, question.name) ? authentic : 0) | rcode,
    questions: [question],
    answers: typeof found === "string" ? [] : found,
  });
}

/** AD, RFC 4035 §3.2.3. Names are signed here at and below one that has a DS record. */
const authentic = 0x20;
function isSigned(names: Names, name: string): boolean {
  const labels = name.split(".");
  return labels.some((_, at) => {
    const records = names.get(labels.slice(at).join("."));
    return typeof records === "object" && records["DS"] !== undefined;
  });
}

function lookUp(names: Names, name: string, type: RecordType, depth = 0): ZoneTrouble | Answer[] {
  const records = names.get(name);
  if (records === undefined) return hasChildren(names, name) ? [] : "NXDOMAIN";
  if (typeof records === "string") return records;
  const alias = records["CNAME"];
  if (typeof alias === "string" && type !== "CNAME" && depth < 8) {
    const rest = lookUp(names, alias, type, depth + 1);
    return typeof rest === "string" ? rest : [{ type: "CNAME", name, ttl, data: alias }, ...rest];
  }
  const values = records[type];
  if (values === undefined) return [];
  if (values === "TIMEOUT" || values === "SERVFAIL" || values === "NXDOMAIN") return values;
  return (typeof values === "string" ? [values] : values).map((value) => answer(name, type, value));
}

// An empty non-terminal exists (RFC 8020): `b.test` is no NXDOMAIN when `a.b.test` is there.
function hasChildren(names: Names, name: string): boolean {
  const suffix = `.${fold(name)}`;
  for (const known of names.all()) if (known.endsWith(suffix)) return true;
  return false;
}

function answer(name: string, type: RecordType, value: ZoneValue): Answer {
  if (type === "TXT") {
    const strings = (Array.isArray(value) ? value : split255(String(value))).map((part) => Buffer.from(part, "latin1"));
    return { type: "TXT", name, ttl, data: strings };
  }
  if (typeof value === "object" && "port" in value) {
    const { target, ...way } = value;
    return { type: "SRV", name, ttl, data: { ...way, target: target === "" ? "." : target } };
  }
  if (type === "MX" && typeof value === "object" && !Array.isArray(value)) {
    return { type: "MX", name, ttl, data: { preference: value.priority, exchange: value.exchange } };
  }
  if (type === "DS" || type === "TLSA") return { type, name, ttl, data: numbered(type, String(value)) } as Answer;
  return { type, name, ttl, data: String(value) } as Answer;
}

/** `12345 13 2 hex` and `3 1 1 hex`, as zone files write them. */
function numbered(type: "DS" | "TLSA", text: string): object {
  const [a = "0", b = "0", c = "0", hex = ""] = text.split(" ");
  const digest = Buffer.from(hex, "hex");
  return type === "DS"
    ? { keyTag: Number(a), algorithm: Number(b), digestType: Number(c), digest }
    : { usage: Number(a), selector: Number(b), matchingType: Number(c), certificate: digest };
}

function split255(text: string): string[] {
  return text.match(/[\s\S]{1,255}/g) ?? [""];
}

function fold(name: string): string {
  return name.replace(/\.$/, "").toLowerCase();
}
