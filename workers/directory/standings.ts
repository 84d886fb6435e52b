/** What stands for or against addresses as destinations, where they did not come out of the directory's own aliases. */
import type { Standings } from "../../src/core/rules/standing.ts";
import { type StandingRow, standingsOf } from "./routes.ts";

/** ?1 a domain without an account, ?2 addresses as JSON. */
export const txtStandings = `
  select 'verified' as what, address as value, 0 as cloudflare from txt_destination
    where domain = ?1 and verified_at is not null and refused_at is null and address in (select value from json_each(?2))
  union all select 'suppressed', address, 0 from suppression where address in (select value from json_each(?2))`;

/** As `standings` of `routes.ts`: ?1 the domain's id, ?2 addresses as JSON. */
const accountStandings = `
  with people as (select account from membership where domain = ?1 and role in ('owner', 'admin')),
  wanted as (select value as address, substr(value, instr(value, '@') + 1) as host from json_each(?2))
  select 'verified' as what, v.address as value, v.cloudflare from people join verified_address v on v.account = people.account
    where v.verified_at is not null and v.refused_at is null and v.address in (select address from wanted)
  union all select 'own', d.name, 0 from people join membership m on m.account = people.account
    join domain d on d.id = m.domain and d.state = 'active' where d.name in (select host from wanted)
  union all select 'suppressed', address, 0 from suppression where address in (select address from wanted)
  union all select 'trusted', a.id, 0 from people join account a on a.id = people.account and a.operator = 1`;

export async function standingsFor(db: D1Database, domain: string, addresses: readonly string[]): Promise<Standings> {
  const { results } = await db.prepare(accountStandings).bind(domain, JSON.stringify(addresses)).all<StandingRow>();
  return standingsOf(results);
}
