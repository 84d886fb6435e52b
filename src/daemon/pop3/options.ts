/** What a POP3 server is built from. */
import type { Clock } from "../../core/ports.ts";
import type { Attempts } from "../net/attempts.ts";
import type { Crowd, CrowdLimits } from "../net/crowd.ts";
import type { Log } from "../net/log.ts";
import type { TlsSource } from "../net/tls.ts";
import type { Maildrops } from "./port.ts";

export type Pop3Limits = {
  /** Silence before login, then after it (RFC 1939 §3: at least 10 minutes), ms. */
  startMs: number;
  autologoutMs: number;
  /** Longest time that a session may take to log in at all. */
  loginMs: number;
  badCommands: number;
  loginFailures: number;
  crowd: Partial<CrowdLimits>;
};

export const pop3Limits: Pop3Limits = {
  startMs: 60_000,
  autologoutMs: 10 * 60_000,
  loginMs: 180_000,
  badCommands: 20,
  loginFailures: 5,
  crowd: {},
};

export type Pop3Options = {
  maildrops: Maildrops;
  /** Asked at each handshake; null: no STLS. */
  tls: TlsSource | null;
  hostname: string;
  /** Passwords may come in clear: tests on loopback, never a public listener. */
  allowPlain?: boolean;
  /** Shared by all protocols of the node. */
  attempts?: Attempts;
  limits?: Partial<Pop3Limits>;
  log?: Log;
  clock?: Clock;
};

export type Server = Omit<Required<Pop3Options>, "limits"> & { limits: Pop3Limits; crowd: Crowd };
