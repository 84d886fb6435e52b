/**
 * SMTP conversations over a socket that the guarded connect opened: one message after another, each with one answer.
 * nodemailer's SMTPConnection speaks (RFC 5321), this turns its ways into values. Bytes go out as they are, dot-stuffed; only
 * CR or LF standing alone becomes CRLF, since passing it on would make us the carrier of a smuggled message.
 */
import { isAscii, isUtf8 } from "node:buffer";
import type { Socket } from "node:net";
import { Readable } from "node:stream";
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
  /**
   * The session broke before a final answer. `tls`: while TLS was being set up, so plain text may still do. `begun`: the
   * other side had asked for the message itself, so it may have taken it.
   */
  | { kind: "broken"; why: string; tls: boolean; begun: boolean };

export type NotTaken = Exclude<Sent, { kind: "taken" }>;

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

/** One message in a conversation of its own. */
export async function sendOver(
  socket: Socket,
  options: ClientOptions,
  envelope: Envelope,
  raw: Uint8Array,
): Promise<Sent> {
  const opened = await openConversation(socket, options);
  if (opened.kind !== "open") return opened;
  const sent = await opened.conversation.send(envelope, raw);
  opened.conversation.close();
  return sent;
}

export type Opened = { kind: "open"; conversation: Conversation } | NotTaken;

/** Greeting, EHLO, STARTTLS. What does not come to be open is closed. */
export async function openConversation(socket: Socket, options: ClientOptions): Promise<Opened> {
  const client = new SMTPConnection(settings(socket, options));
  try {
    await opened(client);
    return { kind: "open", conversation: new Conversation(client) };
  } catch (error) {
    const answer = answerFor(error, client.upgrading === true, false);
    client.quit();
    client.close();
    return answer;
  }
}

/** Not for two messages at one time. After anything but `taken` it is spent. */
export class Conversation {
  /** Messages that it took. */
  taken = 0;
  readonly #client: SMTPConnection;
  readonly #offersUtf8: boolean;
  #sayUtf8 = false;

  constructor(client: SMTPConnection) {
    this.#client = client;
    // The last thing said in opening is the answer to EHLO.
    this.#offersUtf8 = /[ -]SMTPUTF8\b/i.test(client.lastServerResponse || "");
    // A send in flight hears of an error by its own callback; one that breaks an idle conversation is nobody's trouble.
    client.on("error", () => undefined);
    if (this.#offersUtf8) this.#hearCommands();
  }

  /** False once either side has ended it. */
  get isOpen(): boolean {
    return !this.#client.destroyed;
  }

  async send(envelope: Envelope, raw: Uint8Array): Promise<Sent> {
    const wish = utf8Wish(envelope, raw);
    if (wish === "needed" && !this.#offersUtf8) return notForThisHost;
    this.#sayUtf8 = this.#offersUtf8 && wish !== "none";
    const letter = new Letter(raw);
    try {
      const answer = await sent(this.#client, envelope, letter, raw);
      this.taken++;
      return answer;
    } catch (error) {
      return answerFor(error, false, letter.begun);
    }
  }

  close(): void {
    this.#client.quit();
    this.#client.close();
  }

  /** nodemailer (pinned) says SMTPUTF8 for addresses only; RFC 6531 §3.4 wants it for an international header too. */
  #hearCommands(): void {
    const speaker = this.#client as unknown as { _sendCommand(command: string): void };
    const say = speaker._sendCommand.bind(this.#client);
    speaker._sendCommand = (command) => {
      const missing = this.#sayUtf8 && /^MAIL FROM:/.test(command) && !/ SMTPUTF8\b/.test(command);
      say(missing ? `${command} SMTPUTF8` : command);
    };
  }
}

/** The message as a stream that tells whether anybody asked for it: nodemailer reads it once DATA is answered. */
class Letter extends Readable {
  begun = false;
  readonly #raw: Uint8Array;

  constructor(raw: Uint8Array) {
    super();
    this.#raw = raw;
  }

  override _read(): void {
    this.begun = true;
    this.push(bufferOf(this.#raw));
    this.push(null);
  }
}

function bufferOf(raw: Uint8Array): Buffer {
  return Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength);
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
  const message = bufferOf(raw);
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

function sent(client: SMTPConnection, envelope: Envelope, letter: Letter, raw: Uint8Array): Promise<Sent> {
  const use8BitMime = !isAscii(raw);
  const smtp = { from: envelope.from, to: [...envelope.to], size: raw.length, use8BitMime };
  return new Promise((done, fail) => {
    client.send(smtp, letter, (error, info) => {
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

function answerFor(cause: unknown, inHandshake: boolean, begun: boolean): NotTaken {
  const error: SmtpError = cause instanceof Error ? cause : new Error("unknown");
  const refusal = refusalOf(error);
  if (refusal.code >= 400) return { kind: "refused", ...refusal };
  if (error.code === "EMESSAGE" && refusal.stage === "MAIL FROM") return tooLarge;
  return { kind: "broken", why: reasonFor(error.code), tls: inHandshake || error.code === "ETLS", begun };
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
const notForThisHost: NotTaken = {
  ...local,
  code: 553,
  enhanced: "5.6.7",
  text: "The host does not take internationalized addresses and headers",
};
const tooLarge: NotTaken = {
  ...local,
  code: 552,
  enhanced: "5.3.4",
  text: "The message is larger than the host takes",
};
