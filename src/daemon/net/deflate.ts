/** Raw DEFLATE in both directions over a socket (RFC 4978). Every write is flushed, so that no reply waits in the compressor. */
import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import { constants, createDeflateRaw, createInflateRaw } from "node:zlib";

export function deflated(socket: Socket, held: Buffer): Duplex {
  // A small window: memory is per connection, and mail text gains little from a larger one.
  const writable = createDeflateRaw({ flush: constants.Z_SYNC_FLUSH, level: 5, windowBits: 13, memLevel: 6 });
  const readable = createInflateRaw({ flush: constants.Z_SYNC_FLUSH, finishFlush: constants.Z_SYNC_FLUSH });
  if (held.length > 0) readable.write(held);
  socket.pipe(readable);
  writable.pipe(socket);
  return Duplex.from({ readable, writable });
}
