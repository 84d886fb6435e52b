/** What somebody should hear by mail when it happens to their account, in case it was not them. */
import { accountById } from "../directory/accounts.ts";
import type { Act, AuditRow } from "../directory/audit.ts";
import { openWorld } from "../directory/open.ts";
import { logTrouble, openEdge } from "../platform.ts";
import { mail, wayOut } from "./links.ts";

const told: Partial<Record<Act, string>> = {
  "password.changed": "Your password was changed, and your other sessions were ended.",
  "password.reset": "A new password was chosen by a mailed link, and all your sessions were ended.",
  "email.restored":
    "By a link that was mailed to your account's former address, that address is its own again; this one opens it no more.",
  "totp.off": "Codes from an app were switched off: the password alone signs in now.",
  "recovery-code.used": "Somebody signed in with one of your recovery codes.",
  "codes.guessed": "Somebody who knows your password gave too many wrong codes; none is taken for a while.",
  "passkey.added": "A passkey was added.",
  "passkey.removed": "A passkey was removed.",
  "key.made": "An API key was made.",
};

type Waiting = { waitUntil(work: Promise<unknown>): void };

/** For `World.heard`. A letter that can't be sent is no reason to undo what it tells of. */
export function noticesBy(env: Env, waiting: Waiting): (row: AuditRow) => void {
  return (row) => {
    const says = row.domain === null && Object.hasOwn(told, row.act) ? told[row.act as Act] : undefined;
    if (says !== undefined) waiting.waitUntil(tell(env, waiting, row, says).catch((e) => logTrouble("notice", e)));
  };
}

async function tell(env: Env, waiting: Waiting, row: AuditRow, says: string): Promise<void> {
  const edge = openEdge(env, waiting);
  const found = await accountById(openWorld(env.DIRECTORY), row.chain);
  const from = row.detail["from"];
  const to = row.act === "email.restored" && typeof from === "string" ? from : found?.email;
  const out = await wayOut(edge).catch(() => null);
  if (to === undefined || out === null) return;
  // An address that an account has no more has no say in it, so no page can help it.
  const ifNot =
    to === found?.email
      ? `If not, choose a new password at once: ${out.origin}/forgotten`
      : `If not, write at once to whoever runs ${out.origin}.`;
  await mail(edge, out, to, "About your account", [says, "", "If this was you, there is nothing to do.", ifNot]);
}
