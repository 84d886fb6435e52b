/**
 * The DNS records that a domain needs, and why, in words for somebody who has never set one. One list feeds the wizard, the
 * zone file, the checks and what a Cloudflare token sets.
 */
import type { Domain } from "../directory/domains.ts";
import { ownershipRecord } from "../directory/domains.ts";
import type { Node } from "../directory/nodes.ts";

export type RecordId = "owner" | "mx" | "spf" | "dkim" | "dmarc" | "autoconfig" | "autodiscover";
export type Level = "required" | "recommended" | "optional";
export type WantedRecord = {
  id: RecordId;
  type: "TXT" | "MX" | "CNAME";
  /** Without final dot. */
  name: string;
  value: string;
  /** Of an MX. */
  priority: number | null;
  level: Level;
  title: string;
  why: string;
};

export type Place = {
  /** The node whose door is the MX; null: Cloudflare's own MX receives. */
  node: Pick<Node, "mxHost" | "facts"> | null;
  /** Host that serves the dashboard and the set-up files for mail programs. */
  edgeHost: string;
};

export function wantedRecords(domain: Pick<Domain, "name" | "token">, { node, edgeHost }: Place): WantedRecord[] {
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

/** RFC 1035 §5 text, for DNS providers that import a zone file. */
export function zoneFile(records: readonly WantedRecord[]): string {
  const lines = records.map(({ name, type, value, priority }) => {
    const data = type === "TXT" ? strings(value) : type === "MX" ? `${priority ?? 10} ${value}.` : `${value}.`;
    return `${name}. 3600 IN ${type} ${data}`;
  });
  return `; Records for Postern. Keep what else the zone has.\n${lines.join("\n")}\n`;
}

/** A character-string has at most 255 bytes (RFC 1035 §3.3): longer values are several, read as one. */
function strings(value: string): string {
  const parts = value.match(/.{1,255}/gs) ?? [""];
  return parts.map((part) => `"${part.replace(/[\\"]/g, "\\$&")}"`).join(" ");
}
