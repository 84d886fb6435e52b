/**
 * A protocol's server: takes connections over from any listener of net/listen, gives each a session while there is room, and ends
 * them all in order. What is spoken is the protocol's.
 */
import { Channel } from "./channel.ts";
import type { Crowd } from "./crowd.ts";
import type { Connection } from "./listen.ts";
import { cause, type Log } from "./log.ts";
import type { BaseSession } from "./session.ts";

export type ProtocolServer = {
  /** Takes a connection over; never throws. */
  serve: (connection: Connection) => void;
  /** Sessions connected. */
  readonly size: number;
  /** Last words to all, after the command in hand. */
  close(): Promise<void>;
};

type Parts = {
  crowd: Crowd;
  log: Log;
  /** Said to whom there is no room for. */
  full: string;
  session: (channel: Channel, connection: Connection) => BaseSession;
};

export function protocolServer({ crowd, log, full, session }: Parts): ProtocolServer {
  const serve = (connection: Connection): void => {
    const channel = new Channel(connection.socket);
    if (crowd.isFull(connection.ip)) {
      channel.write(full);
      channel.close();
      return;
    }
    const member = session(channel, connection);
    crowd.join(member, connection.ip);
    member
      .serve()
      .catch((error: unknown) => log("session.crash", { cause: cause(error) }))
      .finally(() => crowd.part(member, connection.ip));
  };
  return {
    serve,
    get size() {
      return crowd.size;
    },
    close: () => crowd.dismiss(),
  };
}
