/** The small envelope that travels inside a sealed message beside the raw bytes. Nothing of it is visible outside. */
import { z } from "zod";

export const innerEnvelopeSchema = z.strictObject({
  /** UTC ms when the entrance accepted the message: its INTERNALDATE. */
  receivedAt: z.int(),
  /** Reverse-path; empty for the null one. */
  mailFrom: z.string().max(400),
  /** The envelope recipient as it came. */
  recipient: z.string().max(400),
  /** Target folder; made at filing where it does not exist. */
  folder: z.string().min(1).max(200),
  /** System flags with backslash, and keywords. */
  flags: z.array(z.string().min(1).max(100)).max(50),
  /** Header block of whole CRLF lines that the node prepends to the raw bytes: Return-Path, Received, Authentication-Results. */
  trace: z.string().max(65_536),
  /** One line of verdicts, for people: `spf=pass dkim=pass dmarc=pass`. */
  proofSummary: z.string().max(1000),
});
export type InnerEnvelope = z.infer<typeof innerEnvelopeSchema>;
