/**
 * The trace header block that a filed message bears on top: Return-Path, Delivered-To, Received with our facts (RFC 5321
 * §4.4), Received-SPF (RFC 7208 §9.1) and our Authentication-Results (RFC 8601). It travels sealed beside the raw bytes.
 */
import { authenticationResults } from "../src/core/proof/results.ts";
import type { Proof } from "../src/core/proof/types.ts";
import type { Envelope } from "./mail.ts";

export function traceBlock(
  { envelope, recipient, proof, journal }: { envelope: Envelope; recipient: string; proof: Proof; journal: string },
  authservId: string,
): string {
  const lines = [
    `Return-Path: <${plain(envelope.mailFrom)}>`,
    `Delivered-To: ${plain(recipient)}`,
    received(envelope, recipient, journal, authservId),
    receivedSpf(envelope, proof, authservId),
  ];
  return `${lines.join("\r\n")}\r\n${authenticationResults(proof, authservId)}`;
}

function received(envelope: Envelope, recipient: string, journal: string, authservId: string): string {
  const { helo, ip, tls } = envelope;
  const from = `from ${plain(helo ?? "unknown")} (${ip === null ? "unknown" : addressLiteral(ip)})`;
  const protocol = `${envelope.smtputf8 ? "UTF8SMTP" : "ESMTP"}${tls === null ? "" : "S"}`; // RFC 3848, RFC 6531 §3.7.3
  const cipher = tls === null ? "" : ` (${plain(tls.version)} ${plain(tls.cipher)})`;
  return [
    `Received: ${from}`,
    ` by ${authservId} with ${protocol}${cipher} id ${journal}`,
    ` for <${plain(recipient)}>; ${mailDate(envelope.receivedAt)}`,
  ].join("\r\n");
}

function receivedSpf({ ip, helo, mailFrom }: Envelope, { spf }: Proof, authservId: string): string {
  const result = spf.result === "not-evaluated" ? "none" : spf.result;
  const facts = [
    `receiver=${authservId}`,
    `identity=${spf.identity === "helo" ? "helo" : "mailfrom"}`,
    ...(mailFrom === "" ? [] : [`envelope-from="${quoted(mailFrom)}"`]),
    ...(helo === null ? [] : [`helo=${quoted(helo)}`]),
    ...(ip === null ? [] : [`client-ip=${quoted(ip)}`]),
  ];
  return `Received-SPF: ${result} (${authservId}: ${commented(spf.reason)})\r\n ${facts.join("; ")}`;
}

/** `Tue, 24 Nov 2026 04:49:10 +0000`, RFC 5322 §3.3. */
export function mailDate(at: number): string {
  return new Date(at).toUTCString().replace("GMT", "+0000");
}

// RFC 5321 §4.1.3: an IPv6 literal says so.
function addressLiteral(ip: string): string {
  return ip.includes(":") ? `[IPv6:${plain(ip)}]` : `[${plain(ip)}]`;
}

// A CR, LF or angle bracket in a sender's HELO or address would write header fields of its own.
function plain(text: string): string {
  return text.replace(/[\x00-\x20\x7f<>()]/g, "?").slice(0, 320);
}

function quoted(text: string): string {
  return plain(text).replace(/["\\;]/g, "?");
}

function commented(text: string): string {
  return text.replace(/[\x00-\x1f\x7f()\\]/g, "?").slice(0, 200);
}
