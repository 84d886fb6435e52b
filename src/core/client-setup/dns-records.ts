/**
 * The DNS records by which mail programs find a domain's servers: SRV (RFC 6186, RFC 8314 §5.1, RFC 2782) and the names at
 * which autoconfig and Autodiscover are asked. What is not offered is said too, with the target "." (RFC 6186 §3.4).
 */
import type { MailSetup, Service } from "./service.ts";

export type SetupRecord =
  | { name: string; type: "SRV"; priority: number; weight: number; port: number; target: string }
  | { name: string; type: "CNAME"; target: string };

/** In this order of preference; a lower priority is tried first, also across services (RFC 6186 §3.4). */
const labels = [
  { label: "_imaps", protocol: "imap", tls: "implicit", priority: 0 },
  { label: "_imap", protocol: "imap", tls: "starttls", priority: 10 },
  { label: "_pop3s", protocol: "pop3", tls: "implicit", priority: 20 },
  { label: "_pop3", protocol: "pop3", tls: "starttls", priority: 30 },
  { label: "_submissions", protocol: "smtp", tls: "implicit", priority: 0 },
  { label: "_submission", protocol: "smtp", tls: "starttls", priority: 10 },
] as const;

/** `edgeHost` serves the set-up files. Names and targets without final dot, but for the target ".". */
export function setupRecords(setup: MailSetup, edgeHost: string): SetupRecord[] {
  const { domain, services } = setup;
  return [
    ...labels.map((way) => srv(domain, way, services)),
    { name: `_autodiscover._tcp.${domain}`, type: "SRV", priority: 0, weight: 0, port: 443, target: edgeHost },
    { name: `autoconfig.${domain}`, type: "CNAME", target: edgeHost },
    { name: `autodiscover.${domain}`, type: "CNAME", target: edgeHost },
  ];
}

function srv(domain: string, way: (typeof labels)[number], services: readonly Service[]): SetupRecord {
  const name = `${way.label}._tcp.${domain}`;
  const service = services.find(({ protocol, tls }) => protocol === way.protocol && tls === way.tls);
  if (service === undefined) return { name, type: "SRV", priority: 0, weight: 0, port: 0, target: "." };
  return { name, type: "SRV", priority: way.priority, weight: 1, port: service.port, target: service.host };
}

/** As a zone file writes it. */
export function recordText(record: SetupRecord): string {
  const target = record.target === "." ? "." : `${record.target}.`;
  if (record.type === "CNAME") return `${record.name}. CNAME ${target}`;
  return `${record.name}. SRV ${record.priority} ${record.weight} ${record.port} ${target}`;
}
