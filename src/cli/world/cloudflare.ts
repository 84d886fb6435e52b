/**
 * Cloudflare's API as far as the wizard speaks to it, over HTTP on loopback: the envelope, permissions and records as
 * documented. It holds one zone; `changed` hears of its records, so that a DNS server can answer with them.
 */
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Zones, ZoneValue } from "./dns.ts";

export type ZoneRecord = { id: string; type: string; name: string; content: string; priority?: number; data?: Srv };
type Srv = { priority: number; weight: number; port: number; target: string };
type Body = Record<string, unknown>;

export class LoopbackCloudflare {
  readonly zone: { id: string; name: string; permissions: string[] };
  readonly token: string;
  records: ZoneRecord[] = [];
  mayRoute = true;
  routing = false;
  catchAll: unknown = null;
  calls: string[] = [];
  url = "";
  readonly #changed: (records: readonly ZoneRecord[]) => void;
  #server = createServer((request, response) => void this.#serve(request, response));

  constructor(name: string, token: string, changed: (records: readonly ZoneRecord[]) => void = () => undefined) {
    this.zone = { id: "z1", name, permissions: ["#dns_records:edit", "#dns_records:read"] };
    this.token = token;
    this.#changed = changed;
  }

  async start(): Promise<void> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/client/v4`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const text = Buffer.concat(parts).toString();
    const url = new URL(request.url ?? "/", "http://loopback");
    const path = url.pathname.replace("/client/v4", "");
    this.calls.push(`${request.method} ${path}`);
    const known = request.headers.authorization === `Bearer ${this.token}`;
    const [status, result] = known
      ? this.#answer(request.method ?? "", path, url, text === "" ? {} : (JSON.parse(text) as Body))
      : [401, null];
    const ok = status === 200;
    const errors = ok ? [] : [{ code: 10000, message: "Authentication error" }];
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ success: ok, errors, messages: [], result }));
  }

  #answer(method: string, path: string, url: URL, body: Body): [number, unknown] {
    const { id } = this.zone;
    if (path === "/zones") return [200, url.searchParams.get("name") === this.zone.name ? [this.zone] : []];
    if (path === `/zones/${id}/email/routing`) return [200, { enabled: this.routing }];
    if (path === `/zones/${id}/email/routing/dns`) {
      this.routing = true;
      return [200, { enabled: true }];
    }
    if (path === `/zones/${id}/email/routing/rules/catch_all`) return this.#rule(method, body);
    if (path === `/zones/${id}/dns_records` && method === "GET") return [200, this.records];
    const record = recordIn(body as ZoneRecord);
    if (path === `/zones/${id}/dns_records`) {
      this.keep([...this.records, { ...record, id: randomUUID() }]);
      return [200, record];
    }
    const which = path.split("/").at(-1);
    if (!this.records.some((one) => one.id === which)) return [404, null];
    this.keep(
      method === "DELETE"
        ? this.records.filter((one) => one.id !== which)
        : this.records.map((one) => (one.id === which ? { ...one, ...record, id: one.id } : one)),
    );
    return [200, {}];
  }

  /** Replaces the zone's records. */
  keep(records: ZoneRecord[]): void {
    this.records = records;
    this.#changed(records);
  }

  #rule(method: string, body: Body): [number, unknown] {
    if (!this.mayRoute) return [403, null];
    if (method === "PUT") this.catchAll = body;
    return [200, this.catchAll];
  }
}

/** Some types are sent as their parts, and read as both. */
function recordIn(sent: ZoneRecord): ZoneRecord {
  const { data } = sent;
  if (data === undefined) return { ...sent };
  return { ...sent, priority: data.priority, content: `${data.weight} ${data.port} ${data.target}` };
}

/** The records of a zone, for a DNS server: name → type → values. */
export function zonesOf(records: readonly ZoneRecord[]): Zones {
  const byName = Map.groupBy(records, ({ name }) => name);
  return Object.fromEntries([...byName].map(([name, here]) => [name, answers(here)]));
}

function answers(records: readonly ZoneRecord[]): Record<string, ZoneValue[] | string> {
  const byType = Map.groupBy(records, ({ type }) => type);
  const spelled = ({ type, content, priority, data }: ZoneRecord): ZoneValue =>
    data !== undefined
      ? data
      : type === "MX"
        ? { priority: priority ?? 10, exchange: content }
        : content.replace(/^"|"$/g, "");
  return Object.fromEntries(
    [...byType].map(([type, here]) => [type, type === "CNAME" ? (here[0]?.content ?? "") : here.map(spelled)]),
  );
}
