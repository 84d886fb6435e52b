/**
 * A relay job as it goes out: reverse-path rewritten, our trace fields on top, ARC set and DKIM signature above them, and
 * below that the author's message untouched, so that the author's own signature still verifies (F7).
 */
import type { RelayJob } from "../../core/contract/handoff.ts";
import { loopMark } from "../../core/contract/trace.ts";
import type { Outgoing } from "./deliver.ts";
import type { Srs } from "./srs.ts";
import { Stack } from "./stack.ts";

export type ComposeDeps = {
  srs: Srs;
  /** This node, in Received. */
  name: string;
  /** Puts DKIM signature and ARC set on top; nothing where no key is published. */
  sign: Sign;
  now: number;
};

export type Sign = (message: Stack, job: RelayJob, now: number) => Promise<void>;

export async function compose(job: RelayJob, raw: Uint8Array, deps: ComposeDeps): Promise<Outgoing> {
  const { from, to } = pathsOf(job, deps.srs);
  const message = new Stack(raw);
  message.put(traceOf(job, deps));
  await deps.sign(message, job, deps.now);
  return { from, to, route: job.route, raw: message.bytes, smtputf8: job.smtputf8 };
}

/** The envelope that goes out. A bounce addressed to one of our SRS addresses goes to the author inside. */
export function pathsOf(job: RelayJob, srs: Srs): { from: string; to: string } {
  const author = srs.reverse(job.recipient);
  return {
    from: srs.forward(job.mailFrom, job.domain),
    to: author?.kind === "ours" ? author.address : job.recipient,
  };
}

// RFC 5321 §4.4: whoever takes responsibility for a message says so on top of it.
function traceOf(job: RelayJob, { name, now }: ComposeDeps): string {
  const received = `Received: by ${name} (Postern) with ${job.smtputf8 ? "UTF8SMTP" : "ESMTP"} id ${plain(job.id)}`;
  const why = job.forwardedFor === "" ? "" : `\r\n for <${plain(job.forwardedFor)}>`;
  const mark = job.forwardedFor === "" ? "" : loopMark(job.forwardedFor);
  return `${mark}${received}${why}; ${mailDate(now)}\r\n`;
}

/** `Tue, 24 Nov 2026 04:49:10 +0000`, RFC 5322 §3.3. */
export function mailDate(at: number): string {
  return new Date(at).toUTCString().replace("GMT", "+0000");
}

/** A foreign value inside a header field of ours: nothing that could end the line or the brackets around it. */
export function plain(text: string): string {
  return text.replace(/[\x00-\x20\x7f<>()]/g, "?").slice(0, 400);
}
