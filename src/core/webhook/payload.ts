/**
 * What a webhook's receiver gets: Standard Webhooks' `{ type, timestamp, data }` with the envelope, our verdicts, the
 * message as read by postal-mime, and its raw bytes (base64, or a short-lived signed URL where it is large). The
 * envelope is the transaction's, never the headers'. A message that can't be parsed still comes, with the reason.
 */
import PostalMime, { type Address, type Attachment, type Email } from "postal-mime";
import { z } from "zod";
import { toBase64 } from "../bytes.ts";
import { limits } from "../limits.ts";
import type { Proof } from "../proof/types.ts";

/** Characters of each body form, and counts; the raw message always has everything. */
const bounds = { body: 1024 * 1024, headers: 500, value: 8192, attachments: 500, addresses: 500 } as const;

const mailboxSchema = z.strictObject({ name: z.string(), address: z.string() });
const messageSchema = z.strictObject({
  /** Null, or why the message could not be read; all else is then empty. */
  trouble: z.string().nullable(),
  messageId: z.string().nullable(),
  /** ISO 8601 where it could be read, else as written. */
  date: z.string().nullable(),
  subject: z.string(),
  from: mailboxSchema.nullable(),
  replyTo: z.array(mailboxSchema),
  to: z.array(mailboxSchema),
  cc: z.array(mailboxSchema),
  /** In their order, duplicates included; the first 500. */
  headers: z.array(z.strictObject({ name: z.string(), value: z.string() })),
  text: z.string().nullable(),
  html: z.string().nullable(),
  /** Text or HTML was cut at 1 MiB. */
  truncated: z.boolean(),
  attachments: z.array(
    z.strictObject({
      name: z.string().nullable(),
      type: z.string(),
      size: z.int().nonnegative(),
      inline: z.boolean(),
      contentId: z.string().nullable(),
    }),
  ),
});

export const payloadSchema = z.strictObject({
  type: z.literal("message.received"),
  /** When it was received, ISO 8601 UTC. */
  timestamp: z.iso.datetime(),
  data: z.strictObject({
    /** The delivery's id: the same for every attempt, and the `webhook-id` header. */
    id: z.string(),
    envelope: z.strictObject({
      /** Empty for a bounce. */
      mailFrom: z.string(),
      recipient: z.string(),
      ip: z.string().nullable(),
      helo: z.string().nullable(),
    }),
    verdicts: z
      .strictObject({
        spf: z.strictObject({ result: z.string(), domain: z.string() }),
        dkim: z.array(z.strictObject({ result: z.string(), domain: z.string(), selector: z.string() })),
        dmarc: z.strictObject({ result: z.string(), domain: z.string(), policy: z.string(), disposition: z.string() }),
        arc: z.strictObject({ result: z.string(), sealer: z.string().nullable() }),
      })
      .nullable(),
    message: messageSchema,
    raw: z.discriminatedUnion("kind", [
      z.strictObject({ kind: z.literal("base64"), size: z.int().nonnegative(), content: z.string() }),
      z.strictObject({
        kind: z.literal("url"),
        size: z.int().nonnegative(),
        url: z.url(),
        expiresAt: z.iso.datetime(),
      }),
    ]),
  }),
});
export type WebhookPayload = z.infer<typeof payloadSchema>;
type Message = z.infer<typeof messageSchema>;

export type PayloadInput = {
  id: string;
  /** UTC ms. */
  receivedAt: number;
  mailFrom: string;
  recipient: string;
  ip: string | null;
  helo: string | null;
  proof: Proof | null;
  raw: Uint8Array;
  /** Given: the raw message is fetched there and not put into the body. `expiresAt` in UTC ms. */
  rawAt?: { url: string; expiresAt: number };
};

export async function buildPayload(input: PayloadInput): Promise<WebhookPayload> {
  const { id, mailFrom, recipient, ip, helo, proof, raw, rawAt } = input;
  return {
    type: "message.received",
    timestamp: new Date(input.receivedAt).toISOString(),
    data: {
      id,
      envelope: { mailFrom, recipient, ip, helo },
      verdicts: proof === null ? null : verdictsOf(proof),
      message: await readMessage(raw),
      raw: rawAt === undefined ? inBody(raw) : elsewhere(raw.length, rawAt),
    },
  };
}

function inBody(raw: Uint8Array): WebhookPayload["data"]["raw"] {
  return { kind: "base64", size: raw.length, content: toBase64(raw) };
}

function elsewhere(size: number, at: { url: string; expiresAt: number }): WebhookPayload["data"]["raw"] {
  return { kind: "url", size, url: at.url, expiresAt: new Date(at.expiresAt).toISOString() };
}

function verdictsOf(proof: Proof): WebhookPayload["data"]["verdicts"] {
  const { spf, dkim, dmarc, arc } = proof;
  return {
    spf: { result: spf.result, domain: spf.domain },
    dkim: dkim.map(({ result, domain, selector }) => ({ result, domain, selector })),
    dmarc: { result: dmarc.result, domain: dmarc.domain, policy: dmarc.policy, disposition: dmarc.disposition },
    arc: { result: arc.cv, sealer: arc.sealer },
  };
}

async function readMessage(raw: Uint8Array): Promise<Message> {
  try {
    const options = {
      maxNestingDepth: limits.mimeDepth,
      maxHeadersSize: limits.headerBytes,
      forceRfc822Attachments: true,
    };
    return messageOf(await PostalMime.parse(raw, options));
  } catch (cause) {
    // It refuses nesting and headers beyond its bounds by throwing; the reason is about the message, not about us.
    return { ...messageOf({ headers: [], headerLines: [], attachments: [] }), trouble: reasonOf(cause) };
  }
}

function reasonOf(cause: unknown): string {
  return (cause instanceof Error ? cause.message : "unreadable").slice(0, 200);
}

function messageOf(email: Email): Message {
  const [text, html] = [email.text ?? null, email.html ?? null];
  return {
    trouble: null,
    messageId: cut(email.messageId),
    date: cut(email.date),
    subject: cut(email.subject) ?? "",
    from: mailboxes(email.from ? [email.from] : [])[0] ?? null,
    replyTo: mailboxes(email.replyTo),
    to: mailboxes(email.to),
    cc: mailboxes(email.cc),
    headers: email.headers
      .slice(0, bounds.headers)
      .map((field) => ({ name: field.originalKey, value: cut(field.value) ?? "" })),
    text: text && wellFormed(text, bounds.body),
    html: html && wellFormed(html, bounds.body),
    truncated: [text, html].some((body) => body !== null && body.length > bounds.body),
    attachments: email.attachments.slice(0, bounds.attachments).map(attachmentOf),
  };
}

function attachmentOf(part: Attachment): Message["attachments"][number] {
  return {
    name: cut(part.filename),
    type: cut(part.mimeType) ?? "application/octet-stream",
    size: typeof part.content === "string" ? part.content.length : part.content.byteLength,
    inline: part.disposition === "inline" || part.related === true,
    contentId: cut(part.contentId?.replace(/^<|>$/g, "")),
  };
}

/** Groups are opened: a receiver wants people. */
function mailboxes(addresses: readonly Address[] | undefined): { name: string; address: string }[] {
  const flat = (addresses ?? []).flatMap((one) => (one.group === undefined ? [one] : one.group));
  const read = flat.slice(0, bounds.addresses);
  return read.map(({ name, address }) => ({ name: cut(name) ?? "", address: cut(address) ?? "" }));
}

function cut(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : wellFormed(text, bounds.value);
}

// A cut may part a surrogate pair: half of one is no text, and some JSON readers refuse it.
function wellFormed(text: string, length: number): string {
  return text.slice(0, length).toWellFormed();
}
