/**
 * What a sender is told. One place makes SMTP replies, so that the class digit of the enhanced code (RFC 3463 §2) always
 * agrees with the reply code and public text never carries a private cause.
 */
export type Reply = {
  /** SMTP reply code (RFC 5321 §4.2). */
  code: number;
  /** Enhanced status code, class digit included (RFC 3463). */
  enhanced: string;
  /** One line of printable ASCII. */
  text: string;
};

/** The named reasons that can end a message; the journal shows them, the dashboard explains them. */
export type Reason = keyof typeof replies;

const replies = {
  "no-such-address": [550, "1.1", "No such address here"],
  "address-disabled": [550, "2.1", "This address is switched off"],
  "address-disabled-for-now": [421, "2.1", "This address is switched off for now, try again later"],
  "no-destination": [450, "2.1", "This address can not take mail right now, please try again later"],
  "domain-not-here": [550, "1.2", "This host does not receive mail for that domain"],
  "dmarc-policy": [550, "7.1", "The author domain's DMARC policy rejects this message"],
  "too-big": [552, "3.4", "Message exceeds the size limit of 25 MiB"],
  "too-many-recipients": [452, "5.3", "Too many recipients in one transaction"],
  "mail-loop": [554, "4.6", "Too many hops: this message is going round in circles"],
  "not-authenticated": [550, "7.26", "Mail for this domain has to pass SPF or DKIM"],
  malformed: [554, "6.0", "The message is not well formed"],
  "mailbox-full": [452, "2.2", "Mailbox is full"],
  "store-trouble": [451, "3.0", "Storage trouble on our side, please try again"],
  "dns-trouble": [451, "4.3", "DNS trouble while checking the sender, please try again"],
  "edge-trouble": [451, "4.1", "Temporary trouble on our side, please try again"],
  "rate-limited": [451, "7.1", "Too many messages, please slow down"],
  denied: [550, "7.1", "Not accepted from this sender"],
} as const satisfies Record<string, readonly [number, string, string]>;

/** The reply for a reason; `detail` (already safe to show) replaces the stock text. */
export function replyFor(reason: Reason, detail?: string): Reply {
  const [code, rest, text] = replies[reason];
  return { code, enhanced: `${Math.floor(code / 100)}.${rest}`, text: printable(detail ?? text) };
}

export function isTemporary(reply: Reply): boolean {
  return reply.code < 500;
}

/** `550 5.7.1 text`, one line. */
export function replyLine(reply: Reply): string {
  return `${reply.code} ${reply.enhanced} ${reply.text}`;
}

// A stray CR or LF in a reply text would let a sender's words be read as a second reply.
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 400);
}
