/** ENVELOPE, rendered once at filing: RFC 9051 §7.5.2. One character per byte. */
import type { Header } from "../../../core/message/header.ts";
import { fieldOf } from "./entity.ts";
import { type Mailbox, readMailboxes } from "./mailboxes.ts";
import { nstring } from "./nstring.ts";

export function renderEnvelope(header: Header): string {
  const from = addresses(header, "from");
  // §7.5.2: the server must default Sender and Reply-To to From.
  const or = (name: string) => {
    const own = addresses(header, name);
    return own === "NIL" ? from : own;
  };
  const text = (name: string) => nstring(fieldOf(header, name));
  const parts = [
    text("date"),
    text("subject"),
    from,
    or("sender"),
    or("reply-to"),
    addresses(header, "to"),
    addresses(header, "cc"),
    addresses(header, "bcc"),
    text("in-reply-to"),
    text("message-id"),
  ];
  return `(${parts.join(" ")})`;
}

/** All fields of that name: senders repeat To: although they must not. */
export function mailboxesOf(header: Header, name: string): Mailbox[] {
  const list: Mailbox[] = [];
  for (const field of header.fields) {
    if (field.name !== name) continue;
    const one = fieldOf({ ...header, fields: [field] }, name);
    if (one) list.push(...readMailboxes(one));
  }
  return list;
}

function addresses(header: Header, name: string): string {
  const list = mailboxesOf(header, name);
  return list.length === 0 ? "NIL" : `(${list.map(render).join("")})`;
}

function render(mailbox: Mailbox): string {
  if (mailbox.kind === "end") return "(NIL NIL NIL NIL)";
  if (mailbox.kind === "group") return `(NIL NIL ${nstring(mailbox.name)} NIL)`;
  // A NIL host would mean a group: an address without one gets an empty host.
  return `(${nstring(mailbox.name)} NIL ${nstring(mailbox.local)} ${nstring(mailbox.host)})`;
}
