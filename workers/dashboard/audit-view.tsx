/** Audit rows as sentences. */
import type { FC } from "hono/jsx";
import type { Act, AuditRow } from "../directory/audit.ts";
import { browserOf } from "./agent.ts";
import { Time } from "./parts.tsx";

const acts: Record<Act, string> = {
  "domain.added": "added the domain",
  "domain.proved": "proved to own",
  "domain.changed": "changed the settings of",
  "domain.removed": "removed the domain",
  "alias.added": "added the alias",
  "alias.changed": "changed the alias",
  "alias.removed": "deleted the alias",
  "alias.imported": "imported aliases:",
  "mailbox.added": "made the mailbox",
  "mailbox.removed": "deleted the mailbox",
  "mailbox.changed": "changed the mailbox",
  "mailbox.rotated": "changed the key of",
  "mailbox.moved": "moved to another node:",
  "move.asked": "asked for another node for",
  "move.cancelled": "cancelled the move of",
  "device.added": "added a device to",
  "device.revoked": "revoked a device of",
  "member.invited": "invited",
  "member.joined": "joined as",
  "member.changed": "changed the role of",
  "member.removed": "removed",
  "member.left": "left as",
  "invitation.removed": "took back the invitation of",
  "webhook.added": "added the webhook",
  "webhook.changed": "changed the webhook",
  "webhook.removed": "removed the webhook",
  "rule.added": "added the rule",
  "rule.removed": "removed the rule",
  "vacation.set": "set the automatic answer of",
  "vacation.removed": "removed the automatic answer of",
  "txt.on": "let TXT records count for",
  "txt.off": "let TXT records count no more for",
  "dns.applied": "set DNS records of",
  "signed-in": "signed in with",
  "password.changed": "changed the password of",
  "password.reset": "chose a new password, by a mailed link, for",
  "email.proved": "confirmed the address",
  "email.changed": "changed the address to",
  "email.restored": "put the address back to",
  "key.made": "made the API key",
  "key.removed": "deleted the API key",
  "totp.on": "switched codes on",
  "totp.off": "switched codes off",
  "recovery-codes.made": "made new recovery codes",
  "recovery-code.used": "signed in with a recovery code",
  "codes.guessed": "gave too many wrong codes",
  "passkey.added": "added the passkey",
  "passkey.removed": "removed the passkey",
  "session.revoked": "signed out a session",
};

/** Acts whose subject is only an id. */
const bare = new Set<string>([
  "totp.on",
  "totp.off",
  "recovery-codes.made",
  "recovery-code.used",
  "codes.guessed",
  "session.revoked",
]);

function wordsOf(act: string): string {
  return Object.hasOwn(acts, act) ? acts[act as Act] : act;
}

export const AuditTable: FC<{ rows: AuditRow[]; people: ReadonlyMap<string, string>; hashes?: boolean }> = (props) => (
  <table class="fold-table">
    <tbody>
      {props.rows.map((row) => (
        <tr>
          <td class="grow">
            <strong>
              {props.people.get(row.actor) ?? (row.actor === "system" ? "Postern" : "somebody who has left")}
            </strong>{" "}
            {wordsOf(row.act)}{" "}
            {!bare.has(row.act) && (
              <span class="audit-subject">{row.act === "signed-in" ? browserOf(row.subject) : row.subject}</span>
            )}
            {props.hashes && (
              <div class="soft small mono">
                {row.seq} · {row.hash.slice(0, 16)}
              </div>
            )}
          </td>
          <td class="soft nowrap right">
            <Time at={row.at} />
          </td>
        </tr>
      ))}
    </tbody>
  </table>
);
