/**
 * Delivery status notifications (RFC 3464, 3462; RFC 6533 for internationalized addresses). They name the address that
 * the author wrote to and the status, never the hidden destination behind an alias nor the words of its server, and go out
 * with the null reverse-path. Whether one may be sent at all is the caller's question.
 */
import { concat, latin1, utf8 } from "../../core/bytes.ts";
import { mailDate, plain } from "./compose.ts";

export type FailedRecipient = { recipient: string; enhanced: string; code: number | null; text: string };

export type Notification = {
  author: string;
  /** This node: Reporting-MTA and MAILER-DAEMON's domain. */
  name: string;
  /** Unique, for Message-ID and boundary. */
  id: string;
  now: number;
  receivedAt: number;
  original: Uint8Array;
  failed: readonly FailedRecipient[];
};

export function notification(facts: Notification): Uint8Array {
  const { name, id, now, author } = facts;
  const boundary = `=_${plain(id)}`;
  const head = [
    `From: Mail Delivery System <MAILER-DAEMON@${name}>`,
    `To: <${plain(author)}>`,
    "Subject: Undelivered mail",
    `Date: ${mailDate(now)}`,
    `Message-ID: <${plain(id)}@${name}>`,
    // RFC 3834 §5.2: no vacation program answers this.
    "Auto-Submitted: auto-replied",
    "MIME-Version: 1.0",
    `Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="${boundary}"`,
  ];
  const international = [author, ...facts.failed.map(({ recipient }) => recipient)].some(isInternational);
  const parts = [words(facts), status(facts, international), originalHeader(facts.original)];
  const open = utf8(`${head.join("\r\n")}\r\n\r\n`);
  const between = parts.flatMap((part) => [utf8(`--${boundary}\r\n`), part]);
  return concat(open, ...between, utf8(`--${boundary}--\r\n`));
}

function words({ failed, name }: Notification): Uint8Array {
  const lines = failed.map(
    ({ recipient, enhanced, text }) => `  ${plain(recipient)}\r\n    ${enhanced} ${sentence(text)}`,
  );
  return utf8(
    [
      "Content-Type: text/plain; charset=utf-8",
      "Content-Transfer-Encoding: 8bit",
      "",
      `This is the mail system at ${name}.`,
      "",
      "Your message could not be delivered to:",
      "",
      ...lines,
      "",
      "It will not be tried again. The header of your message is attached.",
      "",
      "",
    ].join("\r\n"),
  );
}

function status({ failed, name, receivedAt }: Notification, international: boolean): Uint8Array {
  const groups = failed.map(({ recipient, enhanced, code }) =>
    [
      `Final-Recipient: ${isInternational(recipient) ? "utf-8" : "rfc822"};${plain(recipient)}`,
      "Action: failed",
      `Status: ${enhanced}`,
      ...(code === null ? [] : [`Diagnostic-Code: smtp;${code} ${enhanced}`]),
    ].join("\r\n"),
  );
  const message = [`Reporting-MTA: dns;${name}\r\nArrival-Date: ${mailDate(receivedAt)}`, ...groups].join("\r\n\r\n");
  const type = international ? "message/global-delivery-status" : "message/delivery-status";
  const encoding = international ? "\r\nContent-Transfer-Encoding: 8bit" : "";
  return utf8(`Content-Type: ${type}${encoding}\r\n\r\n${message}\r\n\r\n`);
}

/** At most this much of the original's header comes back: a bounce must not be an amplifier. */
const headerMost = 32 * 1024;

function originalHeader(original: Uint8Array): Uint8Array {
  const text = latin1(original.subarray(0, headerMost));
  const end = text.indexOf("\r\n\r\n");
  const whole = end >= 0 ? end : text.lastIndexOf("\r\n");
  const header = original.subarray(0, Math.max(0, whole));
  // RFC 6533 §3: 8-bit header fields come under their own type.
  const type = header.some((byte) => byte > 0x7f) ? "message/global-headers" : "text/rfc822-headers";
  const encoding = type === "message/global-headers" ? "Content-Transfer-Encoding: 8bit\r\n" : "";
  return concat(utf8(`Content-Type: ${type}\r\n${encoding}\r\n`), header, utf8("\r\n\r\n"));
}

function isInternational(address: string): boolean {
  return /[^\x00-\x7f]/.test(address);
}

function sentence(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, " ")
    .trim()
    .slice(0, 300);
}
