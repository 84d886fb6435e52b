/**
 * Which node a domain's mail programs are sent to. The answer never tells whether a mailbox exists: a domain on one node has
 * one answer; on several, an address gets its mailbox's own node, and an address without a mailbox gets one by a keyed draw
 * that falls on each node as often as mailboxes do and stays the same when asked again.
 */
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { readU32be, utf8 } from "../../src/core/bytes.ts";
import { type MailSetup, servicesOf, usualPorts } from "../../src/core/client-setup/service.ts";
import { mailPortsSchema } from "../../src/core/contract/handoff.ts";

type Place = { id: string; host: string; ports: string | null; mailboxes: number };
type Known = { places: Place[]; until: number };

/** Strangers may ask as often as they like: counting a domain's mailboxes is done once a minute. */
const rememberMs = 60_000;
const remembered = 1000;
const known = new WeakMap<D1Database, Map<string, Known>>();

/** Null: not a domain of ours, or one whose mail is only passed on. `address` is folded, or null when only a domain is known. */
export async function mailSetup(env: Env, domain: string, address: string | null): Promise<MailSetup | null> {
  const places = await placesOf(env.DIRECTORY, domain);
  const [first] = places;
  if (first === undefined) return null;
  const own = address === null || places.length === 1 ? null : await nodeOf(env.DIRECTORY, address);
  const drawn = draw(places, env.DEDUPE_SECRET, address ?? domain);
  const place = places.find(({ id }) => id === own) ?? drawn ?? first;
  return { domain, services: servicesOf(place.host, portsOf(place)) };
}

async function placesOf(db: D1Database, domain: string): Promise<Place[]> {
  const now = Date.now();
  const memo = known.get(db) ?? new Map<string, Known>();
  known.set(db, memo);
  const hit = memo.get(domain);
  if (hit !== undefined && hit.until > now) return hit.places;
  const { results } = await db.prepare(question).bind(domain).all<Place>();
  if (memo.size >= remembered) memo.clear();
  // Only domains of ours are remembered: a stranger could fill it with others.
  if (results.length > 0) memo.set(domain, { places: results, until: now + rememberMs });
  return results;
}

/** The node that is the domain's own, and every one that holds a mailbox of it. */
const question = `
  select n.id, n.mx_host as host, n.facts ->> '$.ports' as ports, count(m.id) as mailboxes
  from domain d join node n on n.state <> 'gone'
    left join mailbox m on m.domain = d.id and m.node = n.id and m.state = 'active'
  where d.name = ?1 and d.state = 'active'
  group by n.id having mailboxes > 0 or n.id = d.node
  order by n.id = d.node desc, n.id`;

async function nodeOf(db: D1Database, address: string): Promise<string | null> {
  return db
    .prepare("select node from mailbox where address = ?1 and state = 'active'")
    .bind(address)
    .first<string>("node");
}

function draw(places: readonly Place[], secret: string, asked: string): Place | undefined {
  const mailboxes = places.reduce((sum, place) => sum + place.mailboxes, 0);
  const random = readU32be(hmac(sha256, utf8(secret), utf8(`client-setup\n${asked}`)), 0) / 2 ** 32;
  let left = random * mailboxes;
  for (const place of places) {
    left -= place.mailboxes;
    if (left < 0) return place;
  }
  return undefined;
}

/** What its heartbeat said last. */
function portsOf({ ports }: Place) {
  const said = mailPortsSchema.safeParse(ports === null ? null : JSON.parse(ports));
  return said.success ? said.data : usualPorts;
}
