/**
 * The DNS records that a domain needs, and why, in words for somebody who has never set one. One list feeds the wizard, the
 * zone file, the checks and what a Cloudflare token sets.
 */
import { setupRecords } from "../client-setup/dns-records.ts";
import { servicesOf } from "../client-setup/service.ts";
import { mailPortsSchema } from "../contract/handoff.ts";
import { policyFor, policyRecord } from "./sts-policy.ts";

export type RecordId =
  | "owner"
  | "mx"
  | "spf"
  | "dkim"
  | "dmarc"
  | "autoconfig"
  | "autodiscover"
  | ServiceId
  | "mta-sts"
  | "mta-sts-host"
  | "tls-rpt";
/** Services that mail programs look for, encrypted from the first byte (RFC 6186, RFC 8314 §5.1). */
type ServiceId = keyof typeof services;
export type Level = "required" | "recommended" | "optional";
export type WantedRecord = {
  id: RecordId;
  type: "TXT" | "MX" | "CNAME" | "SRV";
  /** Without final dot. */
  name: string;
  /** Of an SRV: weight, port and target, as RFC 2782 orders them. */
  value: string;
  /** Of an MX or SRV. */
  priority: number | null;
  level: Level;
  title: string;
  why: string;
};

export type Place = {
  /** The node whose door is the MX; null: Cloudflare's own MX receives. */
  node: { mxHost: string; facts: Record<string, unknown> | null } | null;
  /** Host that serves the dashboard and the set-up files for mail programs. */
  edgeHost: string;
};

/** A domain, as far as its records go. */
type Owned = { name: string; token: string };

/** Where the owner's proof is looked for, and what it must say. */
export function ownershipRecord(of: Owned): { name: string; value: string } {
  return { name: `_postern.${of.name}`, value: `postern-verify=${of.token}` };
}

export function wantedRecords(domain: Owned, { node, edgeHost }: Place): WantedRecord[] {
  const { name } = domain;
  const owner = ownershipRecord(domain);
  return [
    {
      ...txt("owner", owner.name, owner.value, "required"),
      title: "The domain is yours",
      why: "Nobody but you can set this, so it shows that you own the domain.",
    },
    ...(node === null ? [] : [mx(name, node.mxHost)]),
    {
      ...txt(
        "spf",
        name,
        node === null ? "v=spf1 include:_spf.mx.cloudflare.net ~all" : "v=spf1 mx ~all",
        "recommended",
      ),
      title: "Who may send for the domain (SPF)",
      why: "Forwarded mail leaves in the domain's name. Without this, the receiving side may take it for a forgery.",
    },
    ...dkimOf(name, node),
    {
      ...txt("dmarc", `_dmarc.${name}`, "v=DMARC1; p=quarantine", "recommended"),
      title: "What to do with forgeries (DMARC)",
      why: "Tells the world to put mail that only pretends to be from you into Junk.",
    },
    ...(node === null ? [] : setupNames(name, edgeHost)),
    ...(node === null ? [] : serviceRecords(name, node, edgeHost)),
    ...transport(name, { node, edgeHost }),
  ];
}

function txt(id: RecordId, name: string, value: string, level: Level) {
  return { id, type: "TXT" as const, name, value, priority: null, level };
}

function mx(name: string, host: string): WantedRecord {
  return {
    id: "mx",
    type: "MX",
    name,
    value: host,
    priority: 10,
    level: "required",
    title: "Where mail for the domain goes (MX)",
    why: "Every mail server in the world looks here to find out where to deliver. Remove other MX records, or some mail goes there.",
  };
}

/** A node that signs says under which selector, and with what key, in its heartbeat. */
function dkimOf(name: string, node: Place["node"]): WantedRecord[] {
  const said = node?.facts?.["signing"];
  if (typeof said !== "object" || said === null) return [];
  const { selector, txt: value } = said as { selector?: unknown; txt?: unknown };
  if (typeof selector !== "string" || typeof value !== "string") return [];
  return [
    {
      ...txt("dkim", `${selector}._domainkey.${name}`, value, "recommended"),
      title: "The key that signs your mail (DKIM)",
      why: "Mail that leaves in the domain's name is signed; with this key anybody can check that it is genuine.",
    },
  ];
}

function setupNames(name: string, edgeHost: string): WantedRecord[] {
  const about = { type: "CNAME" as const, value: edgeHost, priority: null, level: "optional" as const };
  const why = "Mail apps then find servers and ports from the address alone.";
  return [
    { id: "autoconfig", name: `autoconfig.${name}`, ...about, title: "Set-up by itself: Thunderbird and others", why },
    { id: "autodiscover", name: `autodiscover.${name}`, ...about, title: "Set-up by itself: Outlook", why },
  ];
}

const services = { imaps: "IMAP", pop3s: "POP3", submissions: "sending" } as const;

/** What the node says that it offers; of one that says nothing of it nothing is promised. */
function serviceRecords(name: string, node: NonNullable<Place["node"]>, edgeHost: string): WantedRecord[] {
  const ports = mailPortsSchema.safeParse(node.facts?.["ports"]);
  if (!ports.success) return [];
  const all = setupRecords({ domain: name, services: servicesOf(node.mxHost, ports.data) }, edgeHost);
  const ids = Object.keys(services) as ServiceId[];
  return ids.flatMap((id) =>
    all.flatMap((one) => {
      if (one.type !== "SRV" || one.name !== `_${id}._tcp.${name}` || one.target === ".") return [];
      return [
        {
          id,
          type: "SRV" as const,
          name: one.name,
          value: `${one.weight} ${one.port} ${one.target}`,
          priority: one.priority,
          level: "optional" as const,
          title: `Where mail apps find the server (SRV, ${services[id]})`,
          why: "Apps that ask DNS itself then find server and port from the address alone. The value is weight, port and server; some providers ask for each apart.",
        },
      ];
    }),
  );
}

/** Encryption that senders may insist on (RFC 8461), and reports of where it failed (RFC 8460). */
function transport(name: string, { node, edgeHost }: Place): WantedRecord[] {
  return [
    {
      ...txt("mta-sts", `_mta-sts.${name}`, policyRecord(policyFor(node?.mxHost ?? null)), "optional"),
      title: "Mail only over encrypted connections (MTA-STS)",
      why: "Without this, somebody on the line can make a sending server give up encryption. Set it once the mail server's certificate is one that the world trusts.",
    },
    {
      id: "mta-sts-host",
      type: "CNAME",
      name: `mta-sts.${name}`,
      value: edgeHost,
      priority: null,
      level: "optional",
      title: "Where that rule is read (MTA-STS)",
      why: "Sending servers fetch the rule from this name by HTTPS; Postern answers there.",
    },
    {
      ...txt("tls-rpt", `_smtp._tls.${name}`, `v=TLSRPTv1; rua=mailto:postmaster@${name}`, "optional"),
      title: "Reports of failed encryption (TLS-RPT)",
      why: "Large senders then write once a day whether they could reach the mail server safely.",
    },
  ];
}

/** RFC 1035 §5 text, for DNS providers that import a zone file. */
export function zoneFile(records: readonly WantedRecord[]): string {
  const lines = records.map(({ name, type, value, priority }) => {
    const data = type === "TXT" ? strings(value) : priority === null ? `${value}.` : `${priority} ${value}.`;
    return `${name}. 3600 IN ${type} ${data}`;
  });
  return `; Records for Postern. Keep what else the zone has.\n${lines.join("\n")}\n`;
}

/** A character-string has at most 255 bytes (RFC 1035 §3.3): longer values are several, read as one. */
function strings(value: string): string {
  const parts = value.match(/.{1,255}/gs) ?? [""];
  return parts.map((part) => `"${part.replace(/[\\"]/g, "\\$&")}"`).join(" ");
}
