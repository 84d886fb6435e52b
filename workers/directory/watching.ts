/** Whether those who watch activity still may: their session or key, their account, and their place in each domain, as the directory has them now. */
import { idleMs } from "../sign-in/session.ts";

/** By what somebody came in: a session's id, or an API key's. */
export type Entry = { session: string } | { key: string };
export type Watch = { entry: Entry; domains: readonly string[] };

// A domain that asks for a second factor now is lost to whoever came in without one.
const stillMay = `select w.key as at from json_each(?1) w
  left join session s on s.id = w.value ->> '$.entry.session' and s.expires_at > ?2 and s.last_seen_at > ?3
  left join api_key k on k.id = w.value ->> '$.entry.key' and (k.expires_at is null or k.expires_at > ?2)
  join account a on a.id = coalesce(s.account, k.account) and a.state = 'active'
  where not exists (select 1 from json_each(w.value, '$.domains') d
    left join membership m on m.account = a.id and m.domain = d.value
    left join domain o on o.id = m.domain and (o.mfa = 0 or coalesce(s.strong, k.strong) = 1)
    where o.id is null)`;

/** How many are asked about in one statement, whose parameter is bounded. */
const atOnce = 50;

/** Those that may not any more. */
export async function lostRights<W extends Watch>(d1: D1Database, watches: readonly W[], now: number): Promise<W[]> {
  const lost: W[] = [];
  for (let from = 0; from < watches.length; from += atOnce) {
    const some = watches.slice(from, from + atOnce);
    const asked = JSON.stringify(some.map(({ entry, domains }) => ({ entry, domains })));
    const { results } = await d1
      .prepare(stillMay)
      .bind(asked, now, now - idleMs)
      .all<{ at: number }>();
    const may = new Set(results.map(({ at }) => at));
    lost.push(...some.filter((_, at) => !may.has(at)));
  }
  return lost;
}
