/** The door's commands, one row each (RFC 5321 §4.1.1; STARTTLS: RFC 3207). EHLO's list is what the rows honour. */
import { limits } from "../../core/limits.ts";
import { type Reply, replyFor } from "../../core/reply.ts";
import { needsUtf8, type Path, parsePath } from "./grammar.ts";
import { classed, printable } from "./outcome.ts";
import { receive } from "./receive.ts";
import type { Answer, Session } from "./session.ts";

type Row = {
  name: string;
  /** What must have been said before. */
  after: "any" | "helo" | "mail" | "rcpt";
  run(session: Session, argument: string): Promise<Answer> | Answer;
};

const ok: Reply = { code: 250, enhanced: "2.0.0", text: "OK" };
const badArgument: Reply = { code: 501, enhanced: "5.5.4", text: "Syntax error in the argument" };
const unknownParameter: Reply = { code: 555, enhanced: "5.5.4", text: "Parameter not known" };
// RFC 6531 §3.5
const notAscii: Reply = { code: 553, enhanced: "5.6.7", text: "A non-ASCII address needs SMTPUTF8 on MAIL" };

const ehlo: Row = { name: "EHLO", after: "any", run: (s, argument) => greet(s, argument, extensions(s)) };
const helo: Row = { name: "HELO", after: "any", run: (s, argument) => greet(s, argument, []) };

function greet(session: Session, argument: string, lines: string[]): Answer {
  // Kept as said, for SPF and the trace; odd ones are common and harmless, long or spaced ones are neither.
  if (!/^[\x21-\x7e]{1,255}$/.test(argument)) return { reply: badArgument };
  session.helo = argument;
  session.mail = null;
  const all = [session.door.name, ...lines];
  return { reply: all.map((line, i) => `250${i < all.length - 1 ? "-" : " "}${line}`) };
}

function extensions(session: Session): string[] {
  const always = ["PIPELINING", `SIZE ${limits.messageBytes}`, "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"];
  return session.door.tls !== null && session.tls === null ? [...always, "STARTTLS"] : always;
}

const starttls: Row = {
  name: "STARTTLS",
  after: "any",
  run(session, argument) {
    if (argument !== "") return { reply: badArgument };
    if (session.tls !== null) return { reply: { code: 503, enhanced: "5.5.1", text: "TLS is on already" } };
    if (session.door.tls === null) return { reply: { code: 502, enhanced: "5.5.1", text: "No TLS here" } };
    return { reply: { code: 220, enhanced: "2.0.0", text: "Ready for TLS" }, next: "tls" };
  },
};

const mail: Row = {
  name: "MAIL",
  after: "helo",
  run(session, argument) {
    if (session.mail !== null) return { reply: { code: 503, enhanced: "5.5.1", text: "MAIL was said already" } };
    const path = parsePath(argument, "FROM");
    if (path === null) return { reply: badArgument };
    const fault = mailFault(path);
    if (fault !== null) return { reply: fault };
    const smtputf8 = path.parameters.has("SMTPUTF8");
    session.mail = { mailFrom: path.address, smtputf8, recipients: [], bounces: [] };
    return { reply: { code: 250, enhanced: "2.1.0", text: "Sender OK" } };
  },
};

const mailParameters: Record<string, (value: string | null) => Reply | null> = {
  // RFC 1870 §6.1: refuse before the bytes travel.
  SIZE: (value) => {
    if (value === null || !/^\d{1,20}$/.test(value)) return badArgument;
    return Number(value) > limits.messageBytes ? replyFor("too-big") : null;
  },
  BODY: (value) => (value !== null && /^(?:7BIT|8BITMIME)$/i.test(value) ? null : badArgument),
  SMTPUTF8: (value) => (value === null ? null : badArgument),
};

function mailFault(path: Path): Reply | null {
  for (const [key, value] of path.parameters) {
    const check = Object.hasOwn(mailParameters, key) ? mailParameters[key] : undefined;
    const fault = check === undefined ? unknownParameter : check(value);
    if (fault !== null) return fault;
  }
  return needsUtf8(path.address) && !path.parameters.has("SMTPUTF8") ? notAscii : null;
}

const rcpt: Row = {
  name: "RCPT",
  after: "mail",
  async run(session, argument) {
    const path = parsePath(argument, "TO");
    const { mail } = session;
    if (mail === null || path === null || path.address === "") return { reply: badArgument };
    if (path.parameters.size > 0) return { reply: unknownParameter };
    if (needsUtf8(path.address) && !mail.smtputf8) return { reply: notAscii };
    if (mail.recipients.length + mail.bounces.length >= limits.recipients)
      return { reply: replyFor("too-many-recipients") };
    // RFC 5321 §4.5.1: postmaster needs no domain; the edge knows the operator.
    const bounce = bounceAnswer(session, path.address, mail.mailFrom);
    return { reply: bounce ?? (await askEdge(session, path.address, mail)) };
  },
};

/** An address that we made by SRS takes bounces and nothing else; null: not such an address. */
function bounceAnswer(session: Session, recipient: string, mailFrom: string): Reply | null {
  const kind = session.door.bounces?.recognise(recipient) ?? null;
  if (kind === null) return null;
  if (kind === "expired") return { code: 550, enhanced: "5.1.6", text: "This return address has expired" };
  if (kind === "forged") return { code: 550, enhanced: "5.1.1", text: "This return address is not ours" };
  if (mailFrom !== "") return { code: 550, enhanced: "5.7.1", text: "This return address takes bounces only" };
  session.mail?.bounces.push(recipient);
  return recipientOk;
}

const recipientOk: Reply = { code: 250, enhanced: "2.1.5", text: "Recipient OK" };

async function askEdge(
  session: Session,
  recipient: string,
  mail: { mailFrom: string; recipients: string[] },
): Promise<Reply> {
  await session.flush();
  const answer = await session.door.recipients({ recipient, sender: mail.mailFrom, ip: session.ip });
  if (answer.kind !== "ok") {
    const digit = answer.kind === "defer" ? 4 : 5;
    // The edge decides what, the door keeps the code in the class of that decision: a 5xx for a deferral would lose mail.
    const code = Math.floor(answer.code / 100) === digit ? answer.code : digit * 100 + 50;
    return { code, enhanced: classed(digit, answer.enhanced), text: printable(answer.text) };
  }
  mail.recipients.push(recipient);
  return recipientOk;
}

const data: Row = {
  name: "DATA",
  after: "rcpt",
  run: (session, argument) => (argument === "" ? receive(session) : { reply: badArgument }),
};

const rset: Row = {
  name: "RSET",
  after: "any",
  run(session) {
    session.mail = null;
    return { reply: ok };
  },
};

const noop: Row = { name: "NOOP", after: "any", run: () => ({ reply: ok }) };
const help: Row = {
  name: "HELP",
  after: "any",
  run: () => ({ reply: { code: 214, enhanced: "2.0.0", text: "RFC 5321" } }),
};
// RFC 5321 §7.3: neither confirms nor denies.
const vrfy: Row = {
  name: "VRFY",
  after: "any",
  run: () => ({ reply: { code: 252, enhanced: "2.5.0", text: "Send the mail and see" } }),
};
const quit: Row = {
  name: "QUIT",
  after: "any",
  run: () => ({ reply: { code: 221, enhanced: "2.0.0", text: "Bye" }, next: "close" }),
};
// A browser tricked into posting to port 25 speaks HTTP first: nothing it says later may count as SMTP.
const web = (name: string): Row => ({
  name,
  after: "any",
  run: () => ({ reply: { code: 421, enhanced: "4.7.0", text: "This is SMTP" }, next: "close" }),
});

const rows = [
  ehlo,
  helo,
  starttls,
  mail,
  rcpt,
  data,
  rset,
  noop,
  help,
  vrfy,
  quit,
  web("GET"),
  web("POST"),
  web("PUT"),
];
export const commands: ReadonlyMap<string, Row> = new Map(rows.map((row) => [row.name, row]));
