/**
 * One SMTP client session over a socket that the guarded connect opened; nodemailer's SMTPConnection speaks (RFC 5321), this
 * turns its ways into one answer. Bytes go out as they are, dot-stuffed; only CR or LF standing alone becomes CRLF, since
 * passing it on would make us the carrier of a smuggled message.
 */
import { isAscii, isUtf8 } from "node:buffer";
import type { Socket } from "node:net";
import type { ConnectionOptions } from "node:tls";
import SMTPConnection from "nodemailer/lib/smtp-connection";

export type Envelope = {
  from: string;
  to: readonly string[];
  /** The message came with SMTPUTF8: its header may be international on purpose. */
  smtputf8?: boolean;
};

export type Sent =
  /** The remote has taken responsibility for the recipients in `accepted`. */
  | { kind: "taken"; reply: string; accepted: string[]; refused: SmtpRefusal[] }
  | ({ kind: "refused" } & SmtpRefusal)
  /** The session broke before a final answer. `tls`: while TLS was being set up, so plain text may still do. */
  | { kind: "broken"; why: string; tls: boolean };

export type SmtpRefusal = {
  recipient: string | null;
  code: number;
  enhanced: string | null;
  text: string;
  stage: string;
};

export type ClientOptions = {
  /** Our own name in EHLO. */
  name: string;
  /** Host name of the other side, for SNI and, with `verify`, for its certificate. */
  host: string;
  /** `opportunistic`: STARTTLS where offered, any certificate. `none`: plain. `verify`: required and verified. */
  tls: "opportunistic" | "none" | "verify";
  /** TLS from the first byte (port 465, RFC 8314) instead of STARTTLS. */
  implicitTls?: boolean;
  /** Trusted authorities, PEM, beside the system's; with `verify`. */
  ca?: string;
  /** For one reply, ms: RFC 5321 §4.5.3.2 wants ten minutes after the final dot. */
  timeoutMs: number;
};

export async function sendOver(
  socket: Socket,
  options: ClientOptions,
  envelope: Envelope,
  raw: Uint8Array,
): Promise<Sent> {
  const client = new SMTPConnection(settings(socket, options));
  try {
    await opened(client);
    // The last thing said in opening is the answer to EHLO.
    const offered = /[ -]SMTPUTF8\b/i.test(client.lastServerResponse || "");
    const wish = utf8Wish(envelope, raw);
    if (wish === "needed" && !offered) return notForThisHost;
    if (offered && wish !== "none") sayUtf8(client);
    return await sent(client, envelope, raw);
  } catch (error) {
    return answerFor(error, client.upgrading === true);
  } finally {
    client.quit();
    client.close();
  }
}

/** nodemailer (pinned) says SMTPUTF8 for addresses only; RFC 6531 §3.4 wants it for an international header too. */
function sayUtf8(client: SMTPConnection): void {
  const speaker = client as unknown as { _sendCommand(command: string): void };
  const say = speaker._sendCommand.bind(client);
  speaker._sendCommand = (command) => {
    const missing = /^MAIL FROM:/.test(command) && !/ SMTPUTF8\b/.test(command);
    say(missing ? `${command} SMTPUTF8` : command);
  };
}

/**
 * Does the message need SMTPUTF8 (RFC 6531 §3.2)? Yes for addresses that are not ASCII, and for an international header of a
 * message that came by SMTPUTF8. A header of 8-bit text that came without is an old habit, older than any standard: it is
 * sent with the keyword where that is offered and it is UTF-8, and as it came elsewhere, which is how it got here.
 */
function utf8Wish({ from, to, smtputf8 = false }: Envelope, raw: Uint8Array): "needed" | "welcome" | "none" {
  if ([from, ...to].some((address) => /[^\x00-\x7f]/.test(address))) return "needed";
  const header = headerOf(raw);
  if (isAscii(header) || !isUtf8(header)) return "none";
  return smtputf8 ? "needed" : "welcome";
}

function headerOf(raw: Uint8Array): Buffer {
  const message = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const end = message.indexOf("\r\n\r\n");
  return end < 0 ? message : message.subarray(0, end);
}

function settings(connection: Socket, { name, host, tls, ca, timeoutMs, implicitTls = false }: ClientOptions) {
  const security: ConnectionOptions = {
    minVersion: "TLSv1.2",
    rejectUnauthorized: tls === "verify",
    ...(ca === undefined ? {} : { ca }),
  };
  return {
    connection,
    host,
    name,
    tls: security,
    secure: implicitTls,
    requireTLS: tls === "verify",
    ignoreTLS: tls === "none",
    opportunisticTLS: tls === "opportunistic",
    greetingTimeout: Math.min(timeoutMs, 5 * 60_000),
    socketTimeout: timeoutMs,
    connectionTimeout: timeoutMs,
    logger: false,
  };
}

function opened(client: SMTPConnection): Promise<void> {
  return new Promise((done, fail) => {
    client.on("error", fail);
    client.connect((error) => (error ? fail(error) : done()));
  });
}

function sent(client: SMTPConnection, envelope: Envelope, raw: Uint8Array): Promise<Sent> {
  const message = Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
  const use8BitMime = !isAscii(message);
  const smtp = { from: envelope.from, to: [...envelope.to], size: message.length, use8BitMime };
  return new Promise((done, fail) => {
    client.on("error", fail);
    client.send(smtp, message, (error, info) => {
      if (error || info === undefined) return fail(error ?? new Error("no answer"));
      const refused = (info.rejectedErrors ?? []).map(refusalOf);
      done({ kind: "taken", reply: info.response, accepted: info.accepted, refused });
    });
  });
}

type SmtpError = Error & {
  code?: string | undefined;
  response?: unknown;
  responseCode?: unknown;
  command?: unknown;
  recipient?: unknown;
};

function answerFor(cause: unknown, inHandshake: boolean): Sent {
  const error: SmtpError = cause instanceof Error ? cause : new Error("unknown");
  const refusal = refusalOf(error);
  if (refusal.code >= 400) return { kind: "refused", ...refusal };
  if (error.code === "EMESSAGE" && refusal.stage === "MAIL FROM") return tooLarge;
  return { kind: "broken", why: reasonFor(error.code), tls: inHandshake || error.code === "ETLS" };
}

function refusalOf(error: SmtpError): SmtpRefusal {
  const response = typeof error.response === "string" ? error.response : "";
  const enhanced = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(response)?.[1] ?? null;
  return {
    recipient: typeof error.recipient === "string" ? error.recipient : null,
    code: typeof error.responseCode === "number" ? error.responseCode : 0,
    enhanced,
    text: oneLine(response),
    stage: typeof error.command === "string" ? error.command : "",
  };
}

function reasonFor(code: string | undefined): string {
  if (code === "ETIMEDOUT") return "the other side went silent";
  if (code === "ETLS") return "TLS could not be set up";
  return "the connection broke";
}

/** Foreign words on one safe line. */
export function oneLine(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, " ")
    .trim()
    .slice(0, 400);
}

const local = { kind: "refused", recipient: null, stage: "MAIL FROM" } as const;
// RFC 6531 §3.2, RFC 1870 §6.1: what this host said at EHLO rules the message out.
const notForThisHost: Sent = {
  ...local,
  code: 553,
  enhanced: "5.6.7",
  text: "The host does not take internationalized addresses and headers",
};
const tooLarge: Sent = { ...local, code: 552, enhanced: "5.3.4", text: "The message is larger than the host takes" };
