/**
 * R10: one key per message and recipient, an HMAC over envelope and bytes. What an entrance itself put on top is left out, so
 * that a sender's retry has the same key. Hand-off ids derive from it, which makes every later step harmless to repeat.
 */
import { createHash, createHmac } from "node:crypto";

export type DedupeKeys = { keyFor(recipient: string): string; idFor(recipient: string, target: string): string };

/** `below` is the message under the entrance's own trusted header block. */
export function dedupeKeys(secret: string, mailFrom: string, below: Uint8Array): DedupeKeys {
  const body = createHash("sha256").update(below).digest();
  const keyFor = (recipient: string): string =>
    createHmac("sha256", secret).update(`message\0${mailFrom}\0${recipient}\0`).update(body).digest("hex");
  const idFor = (recipient: string, target: string): string =>
    createHmac("sha256", secret)
      .update(`copy\0${keyFor(recipient)}\0${target}`)
      .digest("hex")
      .slice(0, 40);
  return { keyFor, idFor };
}
