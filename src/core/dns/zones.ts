/**
 * A resolver over a written-down zone: for tests, for `postern prove --dns` and for pasted evidence. Names compare
 * without case or final dot; a name that is not listed is NXDOMAIN; TIMEOUT, SERVFAIL and NXDOMAIN may stand for a whole name or
 * for one type.
 */
import { z } from "zod";
import { latin1, utf8 } from "../bytes.ts";
import type { DnsAnswer, DnsRecords, DnsType, Resolver } from "../ports.ts";
import { toName } from "./name.ts";

const trouble = z.enum(["TIMEOUT", "SERVFAIL", "NXDOMAIN"]);
const names = z.union([z.array(z.string()), z.string(), trouble]);
const service = z.object({ priority: z.number(), weight: z.number(), port: z.number(), target: z.string() });
const entry = z.object({
  TXT: z.union([z.array(z.union([z.string(), z.array(z.string())])), z.string()]).optional(),
  MX: z.union([z.array(z.object({ priority: z.number(), exchange: z.string() })), trouble]).optional(),
  A: names.optional(),
  AAAA: names.optional(),
  PTR: names.optional(),
  NS: names.optional(),
  CNAME: names.optional(),
  DS: names.optional(),
  SRV: z.union([z.array(service), trouble]).optional(),
  TLSA: names.optional(),
});

/** name → type → values. */
export const Zones = z.record(z.string(), z.union([entry, z.enum(["TIMEOUT", "SERVFAIL", "NXDOMAIN"])]));
export type Zones = z.infer<typeof Zones>;
type Entry = Zones[string];

/** CNAMEs followed for one question; a longer chain is a loop. */
const maxChain = 8;

export function zoneResolver(zones: Zones): Resolver {
  const table = new Map<string, Entry>();
  for (const [name, value] of Object.entries(zones)) table.set(key(name), value);
  return {
    async resolve<T extends DnsType>(name: string, type: T): Promise<DnsAnswer<DnsRecords[T]>> {
      return lookUp(table, key(name), type, 0);
    },
  };
}

function key(name: string): string {
  return toName(name) ?? name.toLowerCase().replace(/\.$/, "");
}

function lookUp<T extends DnsType>(
  table: Map<string, Entry>,
  name: string,
  type: T,
  depth: number,
): DnsAnswer<DnsRecords[T]> {
  const found = table.get(name);
  if (found === undefined || found === "NXDOMAIN") return { kind: "none", nxdomain: true };
  if (found === "TIMEOUT") return { kind: "trouble", reason: "timeout" };
  if (found === "SERVFAIL" || depth > maxChain) return { kind: "trouble", reason: "servfail" };
  const alias = found.CNAME;
  if (alias !== undefined && type !== "CNAME" && found[type] === undefined) {
    const target = Array.isArray(alias) ? alias[0] : alias;
    if (target === "TIMEOUT") return { kind: "trouble", reason: "timeout" };
    if (target === "SERVFAIL") return { kind: "trouble", reason: "servfail" };
    if (target !== undefined) return lookUp(table, key(target), type, depth + 1);
  }
  return answer(found[type], type);
}

function answer<T extends DnsType>(values: unknown, type: T): DnsAnswer<DnsRecords[T]> {
  if (values === "TIMEOUT") return { kind: "trouble", reason: "timeout" };
  if (values === "SERVFAIL") return { kind: "trouble", reason: "servfail" };
  if (values === "NXDOMAIN") return { kind: "none", nxdomain: true };
  if (values === undefined) return { kind: "none", nxdomain: false };
  const list: unknown[] = Array.isArray(values) ? values : [values];
  if (list.length === 0) return { kind: "none", nxdomain: false };
  return { kind: "found", records: list.map((value) => record(value, type)) as DnsRecords[T][] };
}

function record(value: unknown, type: DnsType): unknown {
  if (type === "TXT") return latin1(utf8(Array.isArray(value) ? value.join("") : String(value)));
  if (type === "MX") {
    const { priority, exchange } = value as { priority: number; exchange: string };
    return { priority, exchange: exchange.replace(/\.$/, "") };
  }
  if (type === "SRV") {
    const { target, ...way } = value as DnsRecords["SRV"];
    return { ...way, target: target.replace(/\.$/, "") };
  }
  return String(value).replace(/\.$/, "");
}
