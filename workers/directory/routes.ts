/**
 * The hot path's one question: where does mail for these recipients go? All that may matter is fetched in a single batch,
 * one round trip however many aliases a domain has; `core/rules` then decides. Statements are prepared SQL, since drizzle's
 * builder costs more here than the look-up.
 */
import type { Reason } from "../../src/core/reply.ts";
import { type Address, addressText, foldAddress, splitTag } from "../../src/core/rules/address.ts";
import type { Candidates } from "../../src/core/rules/aliases.ts";
import type { Alias, AliasKind, Destination, HostPort, MailboxRef } from "../../src/core/rules/route.ts";
import type { SenderRule } from "../../src/core/rules/senders.ts";
import type { Standings } from "../../src/core/rules/standing.ts";
import type { Vacation } from "../../src/core/rules/vacation.ts";

/** A node that takes relay jobs, and the transit key they are sealed to. */
export type Relay = { node: string; publicKey: string; keyId: string };
export type DomainRef = {
  id: string;
  name: string;
  node: string | null;
  /** Address and id of its owner's account; null for a domain served by TXT records alone. */
  owner: string | null;
  ownerId: string | null;
  /** TXT rules count behind the directory's. */
  txtRules: boolean;
  relay: Relay | null;
};
export type Found = {
  /** As the envelope had it. */
  recipient: string;
  address: Address;
  domain: DomainRef;
  candidates: Candidates;
  standings: Standings;
  /** Rules of the owner's lists that may speak of the sender; an alias's own name the alias in `of`. */
  senders: (SenderRule & { of: string })[];
  /** Automatic answers of the aliases that may match. */
  vacations: Vacation[];
};
/** `domain` is null where no active domain of ours is meant; `trouble` says that this may be otherwise later. */
export type LookedUp = Found | { recipient: string; address: Address | null; domain: null; trouble?: Reason };

/**
 * ?1 domain, ?2 local part, ?3 local part without tag. `reach` is every alias whose destinations can matter: those that may
 * match, and the exact ones that a destination of kind alias names. `cross join` holds SQLite to the order written: left to
 * itself it reads every destination there is.
 */
const reach = `
  with home as (select id, name from domain where name = ?1 and state = 'active'),
  candidate as (
    select a.* from home join alias a on a.domain = home.id and a.kind = 'exact' and a.pattern in (?2, ?3)
    union all
    select a.* from home join alias a on a.domain = home.id and a.kind in ('wildcard', 'regex', 'catch-all')
  ),
  nested as (
    select b.* from candidate c cross join destination t on t.alias = c.id and t.kind = 'alias'
    join home join alias b on b.domain = home.id and b.kind = 'exact' and b.pattern || '@' || home.name = t.target
      and b.pattern = substr(t.target, 1, instr(t.target, '@') - 1)
  ),
  reach as (select id from candidate union select id from nested),
  going as (select t.* from reach cross join destination t on t.alias = reach.id)`;

/** An address without its tag, in SQL: consent and suppression are of `me@x`, whatever the tag (`rules/standing.ts`). */
function untagged(address: string): string {
  return `case when instr(${address}, '+') between 2 and instr(${address}, '@')
    then substr(${address}, 1, instr(${address}, '+') - 1) || substr(${address}, instr(${address}, '@')) else ${address} end`;
}

/** A node that relays, ?1 preferred. */
export const relayFor = `select id as node, transit_key as publicKey, transit_key_id as keyId from node
  where state = 'active' and transit_key is not null order by id = ?1 desc, last_seen_at desc limit 1`;

const questions = {
  domain: `select d.id, d.name, d.node, n.id as relayNode, n.transit_key as relayKey, n.transit_key_id as relayKeyId,
      d.txt_rules as txtRules, o.email as owner, o.id as ownerId
    from domain d left join account o on o.id = (select a.id from membership m join account a on a.id = m.account
      and a.state = 'active' where m.domain = d.id and m.role = 'owner' order by m.created_at limit 1)
    left join node n on n.id = (select id from node where state = 'active' and transit_key is not null
      order by id = d.node desc, last_seen_at desc limit 1)
    where d.name = ?1 and d.state = 'active'`,
  aliases: `${reach}
    select a.*, t.id as destination, t.kind as destination_kind, t.target, t.route, t.paused_at,
      a.id in (select id from candidate) as may_match
    from reach cross join alias a on a.id = reach.id left join destination t on t.alias = a.id order by a.id, t.position`,
  mailboxes: `${reach}
    select m.* from going cross join mailbox m on m.id = going.target where going.kind = 'mailbox' and m.state = 'active'
    union select m.* from home join mailbox m on m.address = ?3 || '@' || home.name where m.state = 'active'`,
  endpoints: `${reach}
    select e.url from home join webhook_endpoint e on e.domain = home.id where e.state = 'disabled'
      and e.url in (select target from going where kind = 'webhook')`,
  standings: `${reach},
    people as (select m.account from home join membership m on m.domain = home.id and m.role in ('owner', 'admin')),
    wanted as (select case kind when 'domain' then 'postmaster@' || target else ${untagged("target")} end as address,
      substr(target, instr(target, '@') + 1) as host from going where kind in ('address', 'domain')),
    ours as (select address from wanted union select ?3 || '@' || target from going where kind = 'domain')
    select 'verified' as what, v.address as value, v.cloudflare from people join verified_address v on v.account = people.account
      where v.verified_at is not null and v.refused_at is null and (v.address in (select address from ours)
        or substr(v.address, instr(v.address, '@') + 1) in (select host from wanted where address like '%$%'))
    union all select 'own', d.name, 0 from people join membership m on m.account = people.account
      join domain d on d.id = m.domain and d.state = 'active' where d.name in (select host from wanted)
    union all select 'suppressed', s.address, 0 from ours cross join suppression s on s.address = ours.address
    union all select 'suppressed', s.address, 0 from (select distinct host from wanted where address like '%$%') w
      cross join suppression s on substr(s.address, instr(s.address, '@') + 1) = w.host
    union all select 'trusted', a.id, 0 from people join account a on a.id = people.account and a.operator = 1`,
  senders: `${reach},
    scopes as (
      select 'domain' as scope, id from home
      union select 'account', m.account from home join membership m on m.domain = home.id and m.role = 'owner'
      union select 'alias', id from candidate)
    select scopes.scope, scopes.id, r.act, r.match, r.value, r.answer from scopes join sender_rule r on r.scope = scopes.id
      where r.match = 'cidr' or r.value in (select value from json_each(?4)) limit 1000`,
  vacations: `${reach}
    select v.alias, v.subject, v.text, v.starts_at as startsAt, v.ends_at as endsAt, v.every_days as everyDays
    from candidate join vacation v on v.alias = candidate.id where v.enabled = 1`,
};

type DomainRow = {
  id: string;
  name: string;
  node: string | null;
  owner: string | null;
  ownerId: string | null;
  txtRules: number;
  relayNode: string | null;
  relayKey: string | null;
  relayKeyId: string | null;
};
type AliasRow = {
  id: string;
  kind: AliasKind;
  pattern: string;
  state: "active" | "disabled";
  disabled_reply: number;
  created_at: number;
  destination: string | null;
  destination_kind: Destination["kind"];
  target: string;
  route: string | null;
  paused_at: number | null;
  may_match: number;
};
export type StandingRow = { what: "verified" | "own" | "suppressed" | "trusted"; value: string; cloudflare: number };
type SenderRow = SenderRule & { id: string };
type MailboxRow = {
  id: string;
  address: string;
  node: string;
  epoch: number;
  public_key: string;
  key_id: string;
  quota_bytes: number;
  used_bytes: number;
};

/** `sender` is what lists may name of it (`listable`). */
export async function lookUp(
  db: D1Database,
  recipients: readonly string[],
  sender: readonly string[],
): Promise<LookedUp[]> {
  const asked = recipients.map((recipient) => ({ recipient, address: foldAddress(recipient) }));
  const listed = JSON.stringify(sender);
  const statements = asked.flatMap(({ address }) => (address === null ? [] : ask(db, address, listed)));
  const answers = statements.length === 0 ? [] : await db.batch(statements);
  const rows = answers.map(({ results }) => results);
  return asked.map(({ recipient, address }) => {
    if (address === null) return { recipient, address, domain: null };
    return read(recipient, address, rows.splice(0, Object.keys(questions).length));
  });
}

function ask(db: D1Database, address: Address, sender: string): D1PreparedStatement[] {
  const three = [address.domain, address.local, splitTag(address.local).base];
  const values: Partial<Record<string, string[]>> = { domain: [address.domain], senders: [...three, sender] };
  return Object.entries(questions).map(([name, sql]) => db.prepare(sql).bind(...(values[name] ?? three)));
}

function read(recipient: string, address: Address, answers: unknown[][]): LookedUp {
  const [domains, aliasRows, mailboxRows, endpoints, standings, senders, vacations] = answers as [
    DomainRow[],
    AliasRow[],
    MailboxRow[],
    { url: string }[],
    StandingRow[],
    SenderRow[],
    Vacation[],
  ];
  const [row] = domains;
  if (row === undefined) return { recipient, address, domain: null };
  const mailboxes = new Map(mailboxRows.map((mailbox) => [mailbox.id, mailboxOf(mailbox)]));
  const home = `${splitTag(address.local).base}@${address.domain}`;
  const { candidates, nested } = aliasesOf(aliasRows, address.domain);
  return {
    recipient,
    address,
    domain: domainOf(row),
    candidates: {
      aliases: candidates,
      nested,
      mailboxes,
      own: [...mailboxes.values()].find((mailbox) => mailbox.address === home) ?? null,
      endpointsOff: new Set(endpoints.map(({ url }) => url)),
      owner: row.owner,
    },
    standings: standingsOf(standings),
    senders: senders.map(({ id, ...rule }) => ({ ...rule, of: id })),
    vacations,
  };
}

export function standingsOf(rows: StandingRow[]): Standings {
  const values = (what: StandingRow["what"]): string[] =>
    rows.filter((row) => row.what === what).map(({ value }) => value);
  const verified = rows.filter((row) => row.what === "verified");
  return {
    verified: new Map(verified.map(({ value, cloudflare }) => [value, { cloudflare: cloudflare === 1 }])),
    ownDomains: new Set(values("own")),
    suppressed: new Set(values("suppressed")),
    trusted: values("trusted").length > 0,
  };
}

function domainOf(row: DomainRow): DomainRef {
  const { id, name, node, owner, ownerId, relayNode, relayKey, relayKeyId } = row;
  const relay =
    relayNode === null || relayKey === null || relayKeyId === null
      ? null
      : { node: relayNode, publicKey: relayKey, keyId: relayKeyId };
  return { id, name, node, owner, ownerId, txtRules: row.txtRules === 1, relay };
}

function mailboxOf(row: MailboxRow): MailboxRef {
  const { id, address, node, epoch } = row;
  const { public_key: publicKey, key_id: keyId, quota_bytes: quotaBytes, used_bytes: usedBytes } = row;
  return { id, address, node, epoch, publicKey, keyId, quotaBytes, usedBytes };
}

/** One row per destination becomes one alias with its destinations. */
function aliasesOf(rows: AliasRow[], domain: string): { candidates: Alias[]; nested: Map<string, Alias> } {
  const byId = new Map<string, Alias>();
  const candidates: Alias[] = [];
  const nested = new Map<string, Alias>();
  for (const row of rows) {
    let alias = byId.get(row.id);
    if (alias === undefined) {
      alias = aliasOf(row);
      byId.set(row.id, alias);
      if (row.may_match === 1) candidates.push(alias);
      if (row.kind === "exact") nested.set(addressText({ local: row.pattern, domain }), alias);
    }
    if (row.destination !== null) alias.destinations.push(destinationOf(row, row.destination));
  }
  return { candidates, nested };
}

function aliasOf(row: AliasRow): Alias {
  const { id, kind, pattern, state, disabled_reply: disabledReply, created_at: createdAt } = row;
  return { id, kind, pattern, state, disabledReply, createdAt, destinations: [] };
}

function destinationOf(row: AliasRow, id: string): Destination {
  const { destination_kind: kind, target, route, paused_at: pausedAt } = row;
  return { id, kind, target, route: hostPortOf(route), paused: pausedAt !== null };
}

function hostPortOf(text: string | null): HostPort | null {
  const found = text === null ? null : /^(.*):(\d{1,5})$/.exec(text);
  return found === null ? null : { host: found[1] || null, port: Number(found[2]) };
}
