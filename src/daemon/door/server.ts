/**
 * The SMTP door: a listener with bounds, and what its sessions share. Own code and not the smtp-server package: that one
 * ends command lines at a bare LF, undoes dot-stuffing only of doubled dots and derives enhanced codes from reply codes,
 * where this door must be strict about CRLF, byte-exact, and pass on the edge's own codes.
 */
import type { Clock } from "../../core/ports.ts";
import type { Reply } from "../../core/reply.ts";
import { type Connection, listen } from "../net/listen.ts";
import { isLoopback } from "../net/origin.ts";
import type { TlsSource } from "../net/tls.ts";
import { type Room, room } from "./data.ts";
import type { BouncePort, EdgePort } from "./port.ts";
import { networkOf, type Recipients, recipientCheck, recipientRules } from "./recipients.ts";
import { Session } from "./session.ts";

export type DoorRules = {
  /** Connections at one time, in all and from one address (or IPv6 /64). */
  connections: number;
  connectionsPerClient: number;
  /** RFC 5321 §4.5.3.2 wants five minutes of patience. */
  idleMs: number;
  /** For one DATA, however it dribbles. */
  dataMs: number;
  /** Commands refused with 5xx before the door closes. */
  faults: number;
  /** Commands of one session: enough for a thousand messages. */
  commands: number;
  /** Memory for messages under way, all sessions together. */
  roomBytes: number;
};

export const doorRules: DoorRules = {
  connections: 500,
  connectionsPerClient: 20,
  idleMs: 5 * 60_000,
  dataMs: 30 * 60_000,
  faults: 20,
  commands: 5000,
  roomBytes: 512 * 1024 * 1024,
};

export type DoorOptions = {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** The name in the greeting and EHLO: the node's MX host. */
  name: string;
  edge: EdgePort;
  /** The relay queue; null where there is none, then SRS addresses are the edge's to judge. */
  bounces: BouncePort | null;
  /** null offers no STARTTLS. */
  tls: TlsSource | null;
  /** Balancers whose PROXY v2 header is required and believed. */
  proxies?: readonly string[];
  clock: Clock;
  rules?: Partial<DoorRules>;
  /** Gets no addresses and no message content. */
  log(what: string, error?: unknown): void;
};

/** What every session of one door shares. */
export type Door = Omit<DoorOptions, "rules" | "host" | "port" | "proxies"> & {
  rules: DoorRules;
  recipients: Recipients;
  room: Room;
};

export type RunningDoor = {
  port: number;
  /** Stops listening, lets messages under way finish for `graceMs`, then cuts. */
  close(graceMs?: number): Promise<void>;
};

export async function doorServer(options: DoorOptions): Promise<RunningDoor> {
  const rules = { ...doorRules, ...options.rules };
  const recipients = recipientCheck((question) => options.edge.rcpt(question), options.clock, recipientRules);
  const door: Door = { ...options, rules, recipients, room: room(rules.roomBytes) };
  const sessions: Sessions = new Map();
  const onConnection = (connection: Connection) => {
    const network = networkOf(connection.ip);
    const same = [...sessions.values()].filter((one) => one.network === network).length;
    const session = new Session(connection, door);
    const crowded = same >= rules.connectionsPerClient && !isLoopback(connection.ip);
    if (sessions.size >= rules.connections || crowded) return session.hangUp(full);
    sessions.set(session, { network, over: converse(session, door).finally(() => sessions.delete(session)) });
  };
  const { host, port, proxies = [] } = options;
  const listener = await listen({ host, port, proxies, tls: null, onConnection });
  return { port: listener.port, close: (graceMs = 5000) => closing(listener, sessions, graceMs) };
}

const full: Reply = { code: 421, enhanced: "4.7.0", text: "Too many connections, try again later" };
const goingDown: Reply = { code: 421, enhanced: "4.3.2", text: "Going down, come back soon" };

async function converse(session: Session, door: Door): Promise<void> {
  try {
    await session.run();
  } catch (error) {
    door.log("door: session failed", error);
    session.hangUp({ code: 421, enhanced: "4.3.0", text: "Trouble on our side" });
  }
}

type Sessions = Map<Session, { network: string; over: Promise<void> }>;

async function closing(listener: { close(): Promise<void> }, sessions: Sessions, graceMs: number): Promise<void> {
  await listener.close();
  for (const session of sessions.keys()) session.retire(goingDown);
  const timer = setTimeout(() => {
    for (const session of sessions.keys()) session.hangUp(goingDown);
  }, graceMs);
  await Promise.all([...sessions.values()].map((one) => one.over));
  clearTimeout(timer);
}
