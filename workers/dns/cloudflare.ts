/**
 * The little of Cloudflare's API that the wizard uses (developers.cloudflare.com/api): token, zone, DNS records, Email
 * Routing. The base URL comes from configuration. A token is used for the call it came with and kept nowhere.
 */
import { z } from "zod";
import { Problem } from "../directory/problem.ts";

const envelope = z.object({
  success: z.boolean(),
  errors: z.array(z.object({ code: z.number(), message: z.string() })).default([]),
  result: z.unknown(),
});
const zoneShape = z.object({ id: z.string(), name: z.string(), permissions: z.array(z.string()).default([]) });
const recordShape = z.object({
  id: z.string(),
  type: z.string(),
  name: z.string(),
  content: z.string(),
  priority: z.number().optional(),
  data: z.object({ port: z.number().optional(), target: z.string().optional() }).optional(),
});
const routingShape = z.object({ enabled: z.boolean() });

export type Zone = z.output<typeof zoneShape>;
export type ZoneRecord = z.output<typeof recordShape>;
/** What the API takes an SRV record as, in place of its content. */
export type Srv = { priority: number; weight: number; port: number; target: string };
export type NewRecord = { type: string; name: string; content: string; priority?: number; data?: Srv };

const timeoutMs = 15_000;

export class Cloudflare {
  readonly #base: string;
  readonly #token: string;

  constructor(base: string, token: string) {
    this.#base = base.replace(/\/$/, "");
    this.#token = token;
  }

  /** Null when the token does not see the zone. */
  async zone(name: string): Promise<Zone | null> {
    const found = z.array(zoneShape).parse(await this.#call("GET", `/zones?name=${encodeURIComponent(name)}`));
    return found.find((zone) => zone.name === name) ?? null;
  }

  async records(zone: string): Promise<ZoneRecord[]> {
    return z.array(recordShape).parse(await this.#call("GET", `/zones/${zone}/dns_records?per_page=5000`));
  }

  async addRecord(zone: string, record: NewRecord): Promise<void> {
    await this.#call("POST", `/zones/${zone}/dns_records`, { ...sent(record), ttl: 1 });
  }

  async changeRecord(zone: string, id: string, record: NewRecord): Promise<void> {
    await this.#call("PATCH", `/zones/${zone}/dns_records/${id}`, sent(record));
  }

  async removeRecord(zone: string, id: string): Promise<void> {
    await this.#call("DELETE", `/zones/${zone}/dns_records/${id}`);
  }

  async emailRouting(zone: string): Promise<{ enabled: boolean }> {
    return routingShape.parse(await this.#call("GET", `/zones/${zone}/email/routing`));
  }

  /** Sets Email Routing's own MX and SPF records, and switches it on. */
  async enableEmailRouting(zone: string): Promise<void> {
    await this.#call("POST", `/zones/${zone}/email/routing/dns`, {});
  }

  /** PUT takes the whole rule. */
  async sendAllTo(zone: string, worker: string): Promise<void> {
    await this.#call("PUT", `/zones/${zone}/email/routing/rules/catch_all`, {
      name: "Postern",
      enabled: true,
      matchers: [{ type: "all" }],
      actions: [{ type: "worker", value: [worker] }],
    });
  }

  /** Whether a read of this kind is allowed to the token: the API says 403 where it is not. */
  async may(path: string): Promise<boolean> {
    const { status } = await this.#fetch("GET", path);
    return status !== 403 && status !== 401;
  }

  async #call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await this.#fetch(method, path, body);
    const read = envelope.safeParse(await response.json().catch(() => null));
    if (read.success && read.data.success) return read.data.result;
    const [error] = read.success ? read.data.errors : [];
    throw new Problem(422, "cloudflare", wordsFor(response.status, error?.message), { field: "cf" });
  }

  async #fetch(method: string, path: string, body?: unknown): Promise<Response> {
    try {
      return await fetch(`${this.#base}${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#token}`, "content-type": "application/json" },
        redirect: "manual",
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch {
      throw new Problem(503, "cloudflare-away", "Cloudflare's API can't be reached right now. Please try again.");
    }
  }
}

function sent({ data, ...record }: NewRecord): object {
  return data === undefined ? record : { type: record.type, name: record.name, data };
}

function wordsFor(status: number, message: string | undefined): string {
  if (status === 401) return "Cloudflare does not know this token. Copy it again, whole.";
  if (status === 403) return "Cloudflare does not allow the token to do that. Give it the permissions listed.";
  return `Cloudflare says: ${(message ?? `status ${status}`).slice(0, 200)}`;
}
