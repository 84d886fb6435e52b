/**
 * What is known of a message's recipients: the directory's one batch, filled up from TXT records where those may speak. Both
 * entrances, the door's RCPT question and "explain" ask here. `<postmaster>` without a domain is the operator's.
 */
import { listable, type Sender } from "../src/core/rules/senders.ts";
import { type LookedUp, lookUp } from "./directory/routes.ts";
import type { Edge } from "./platform.ts";
import { withTxt } from "./txt.ts";

/** `speaker` as in `routeOf`. Answers in the order asked, each under the name that it was asked by. */
export async function whereTo(
  edge: Edge,
  recipients: readonly string[],
  sender: Sender,
  speaker: string | null,
): Promise<LookedUp[]> {
  const named = recipients.some(isBare) ? await operatorsPostmaster(edge, speaker) : null;
  const asked = recipients.map((recipient) => (named !== null && isBare(recipient) ? named : recipient));
  const known = await lookUp(edge.env.DIRECTORY, asked, listable(sender));
  const found = await withTxt(edge, known, speaker);
  return found.map((one, i) => ({ ...one, recipient: recipients[i] ?? one.recipient }));
}

/** RFC 5321 §4.5.1: the one address that needs no domain. */
function isBare(recipient: string): boolean {
  return /^postmaster$/i.test(recipient);
}

const operatorsDomain = `select d.name from domain d join membership m on m.domain = d.id and m.role = 'owner'
  join account a on a.id = m.account and a.operator = 1 and a.state = 'active'
  where d.state = 'active' and d.node is ?1 order by d.created_at, d.id limit 1`;

/** That of the operator's oldest domain at this entrance; null where there is none. */
async function operatorsPostmaster(edge: Edge, speaker: string | null): Promise<string | null> {
  const row = await edge.env.DIRECTORY.prepare(operatorsDomain).bind(speaker).first<{ name: string }>();
  return row === null ? null : `postmaster@${row.name}`;
}
