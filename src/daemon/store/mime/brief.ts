/**
 * The brief of a message: the header fields that mail programs list messages by, cut out at filing. A FETCH of HEADER.FIELDS that
 * asks for no others reads a few hundred bytes a message, however long its trace and signatures are, and answers the same bytes.
 */
import type { Header } from "../../../core/message/header.ts";
import { FieldNames, selectFields } from "./select.ts";

/** What Thunderbird, mutt, K-9, Roundcube, mbsync, offlineimap and Apple Mail (but for its signature checks) list by. */
const listed = new Set(
  (
    "from sender reply-to to cc bcc subject date message-id in-reply-to references newsgroups lines mime-version content-type " +
    "content-transfer-encoding content-description list-id list-post list-subscribe list-unsubscribe mail-followup-to mail-reply-to " +
    "priority x-priority importance x-label x-tuid x-mailer x-original-to disposition-notification-to return-receipt-to " +
    "resent-message-id resent-from resent-to x-uniform-type-identifier x-universally-unique-identifier x-draft-info " +
    "x-k9mail-identity chat-version auto-submitted keywords"
  ).split(" "),
);
const names = new FieldNames([...listed]);

/** Longer ones are read from the header: a listing should not pay for one message's two thousand recipients. */
const mostBytes = 4096;

/** `raw`: the message, or its header. Null where the header itself must be read. */
export function briefOf(raw: Uint8Array, { bodyAt, defects }: Header): Uint8Array | null {
  // The last field then holds lines that would be fields of their own in a shorter header.
  if (defects.has("too-many-fields")) return null;
  const room = new Uint8Array(bodyAt + 2);
  const end = selectFields(raw, 0, bodyAt, names, true, room, 0) - 2;
  return end > mostBytes ? null : room.slice(0, end);
}

/** Does the brief have all that is to be had of these fields? */
export function isInBrief(fields: readonly string[]): boolean {
  return fields.every((field) => listed.has(field.toLowerCase()));
}
