/** What an IMAP server is built from; the only thing `main.ts` needs to know of it besides `imapServer`. */

import { limits as core } from "../../core/limits.ts";
import type { Clock } from "../../core/ports.ts";
import type { Attempts } from "../net/attempts.ts";
import type { CrowdLimits } from "../net/crowd.ts";
import type { Log } from "../net/log.ts";
import type { TlsSource } from "../net/tls.ts";
import type { Mailboxes } from "./port.ts";

export type ImapLimits = {
  messageBytes: number;
  /** Messages that one command works on (RFC 9738). High: a client that does not know of the limit would take a part for the whole. */
  messages: number;
  /** Silence before login, then after it (RFC 9051 §5.4: at least 30 minutes), ms. */
  startMs: number;
  autologoutMs: number;
  /** Longest time that a session may take to log in at all. */
  loginMs: number;
  /** A command that runs for so long says so, again and again (RFC 9585). */
  progressMs: number;
  /** Commands that are no commands, in a row, before the session is cut off. */
  badCommands: number;
  /** Failed logins on one connection before BYE. */
  loginFailures: number;
  crowd: Partial<CrowdLimits>;
};

export const imapLimits: ImapLimits = {
  messageBytes: core.messageBytes,
  messages: 1_000_000,
  startMs: 60_000,
  autologoutMs: 35 * 60_000,
  loginMs: 180_000,
  progressMs: 10_000,
  badCommands: 20,
  loginFailures: 5,
  crowd: {},
};

export type ImapOptions = {
  mailboxes: Mailboxes;
  /** Asked at each handshake, so a renewed certificate needs no restart; null: no STARTTLS. */
  tls: TlsSource | null;
  /** Named in the greeting. */
  hostname: string;
  /** Passwords may come in clear: tests on loopback, never a public listener. */
  allowPlain?: boolean;
  /** Shared by all protocols of the node. */
  attempts?: Attempts;
  limits?: Partial<ImapLimits>;
  log?: Log;
  clock?: Clock;
};
