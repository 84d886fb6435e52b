/**
 * DATA: reads one message and hands it on. 250 is said only when every part has been taken durably by someone else: the
 * edge for its recipients, the relay queue for bounces and for the notification about refused ones.
 */
import type { IngestAnswer, IngestEnvelope } from "../../core/contract/handoff.ts";
import { limits } from "../../core/limits.ts";
import { type Reply, replyFor } from "../../core/reply.ts";
import { DataReader, type Fault } from "./data.ts";
import { accepted, dataVerdict, type Outcome } from "./outcome.ts";
import type { Answer, Session, Transaction } from "./session.ts";

const faults: Record<Fault, Reply> = {
  "bare-newline": {
    code: 554,
    enhanced: "5.6.0",
    text: "Bare CR or LF in the message: lines end with CR LF, and only so",
  },
  "line-too-long": { code: 554, enhanced: "5.6.0", text: `A line is longer than ${limits.smtpLineBytes} bytes` },
  "too-big": replyFor("too-big"),
  "no-room": { code: 452, enhanced: "4.3.1", text: "Too much mail at once, please try again" },
};

export async function receive(session: Session): Promise<Answer> {
  const { mail } = session;
  session.mail = null;
  if (mail === null) return { reply: replyFor("edge-trouble") };
  await session.say(["354 End with CR LF . CR LF"]);
  const reader = new DataReader(
    { messageBytes: limits.messageBytes, lineBytes: limits.smtpLineBytes },
    session.door.room,
  );
  try {
    const complete = await readAll(session, reader);
    if (complete === "gone") return { reply: replyFor("edge-trouble"), next: "close" };
    if (complete === "endless") return { reply: faults["too-big"], next: "close" };
    return { reply: reader.fault !== null ? faults[reader.fault] : await handOn(session, mail, reader.message()) };
  } finally {
    reader.free();
  }
}

type Reading = "complete" | "gone" | "endless";

async function readAll(session: Session, reader: DataReader): Promise<Reading> {
  await session.flush();
  const deadline = session.door.clock() + session.door.rules.dataMs;
  for (;;) {
    const chunk = await session.input.bytes();
    if (chunk === null || session.door.clock() > deadline) return "gone";
    const rest = reader.feed(chunk);
    if (rest !== null) {
      session.input.unread(rest);
      return "complete";
    }
    // A sender told the limit who sends twice as much is not going to stop.
    if (reader.size > 2 * limits.messageBytes) return "endless";
  }
}

async function handOn(session: Session, mail: Transaction, raw: Buffer): Promise<Reply> {
  try {
    return await deliver(session, mail, raw);
  } catch (error) {
    session.door.log("door: message deferred", error);
    return replyFor("edge-trouble");
  }
}

async function deliver(session: Session, mail: Transaction, raw: Buffer): Promise<Reply> {
  const answer = await ingest(session, mail, raw);
  const verdict = answer === null ? null : dataVerdict(answer);
  if (verdict !== null && verdict.reply.code >= 400 && verdict.reply.code < 500) return verdict.reply;
  for (const recipient of mail.bounces)
    await session.door.bounces?.returnToAuthor({ recipient, raw, smtputf8: mail.smtputf8 });
  // A bounce that was taken makes the outcome mixed: a 5xx now would have it sent again.
  if (verdict === null || (verdict.reply.code >= 500 && mail.bounces.length > 0)) return accepted;
  if (verdict.notify.length > 0) await notify(session, mail, raw, verdict.notify);
  return verdict.reply;
}

async function ingest(session: Session, mail: Transaction, raw: Buffer): Promise<IngestAnswer | null> {
  if (mail.recipients.length === 0) return null;
  const answer = await session.door.edge.ingest(envelopeOf(session, mail), raw);
  const answered = answer.outcomes.map((outcome) => outcome.recipient);
  const complete = answered.length === mail.recipients.length && mail.recipients.every((to, i) => answered[i] === to);
  if (!complete) throw new Error("the edge answered for other recipients than were asked");
  return answer;
}

function envelopeOf(session: Session, mail: Transaction): IngestEnvelope {
  return {
    mailFrom: mail.mailFrom,
    recipients: mail.recipients,
    ip: session.ip,
    helo: session.helo ?? "",
    tls: session.tls,
    receivedAt: session.door.clock(),
    smtputf8: mail.smtputf8,
  };
}

// Never to the null reverse-path (RFC 5321 §4.5.5), and `dataVerdict` lists the refused only where the path is proven.
async function notify(session: Session, mail: Transaction, raw: Buffer, refused: Outcome[]): Promise<void> {
  if (mail.mailFrom === "") return;
  const failure = { author: mail.mailFrom, raw, receivedAt: session.door.clock(), smtputf8: mail.smtputf8, refused };
  await session.door.bounces?.notifyAuthor(failure);
}
