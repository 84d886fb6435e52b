/**
 * PROXY protocol version 2, as a balancer in front of a listener sends it. Only connections from trusted addresses are
 * asked for it: anyone else could claim any client address. Format: haproxy's proxy-protocol.txt §2.2.
 */
import { isIPv6, type Socket } from "node:net";

const signature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");
const FIXED = 16;
const LONGEST = 4096;

export type Proxied = { ip: string | null; length: number };

/** null: more bytes are needed. Throws on anything that is not a version 2 header. `ip` is null for LOCAL (health checks). */
export function readProxyHeader(bytes: Buffer): Proxied | null {
  const known = Math.min(bytes.length, signature.length);
  if (!bytes.subarray(0, known).equals(signature.subarray(0, known))) throw new Error("not a PROXY v2 header");
  if (bytes.length < FIXED) return null;
  const versionAndCommand = bytes.readUInt8(12);
  if (versionAndCommand >> 4 !== 2) throw new Error("not PROXY protocol version 2");
  const length = FIXED + bytes.readUInt16BE(14);
  if (length > LONGEST) throw new Error("PROXY header too long");
  if (bytes.length < length) return null;
  const isProxied = (versionAndCommand & 15) === 1;
  return { ip: isProxied ? sourceAddress(bytes.subarray(FIXED, length), bytes.readUInt8(13) >> 4) : null, length };
}

function sourceAddress(block: Buffer, family: number): string | null {
  if (family === 1 && block.length >= 12) return [...block.subarray(0, 4)].join(".");
  if (family === 2 && block.length >= 36) {
    return Array.from({ length: 8 }, (_, i) => block.readUInt16BE(i * 2).toString(16)).join(":");
  }
  return null;
}

/** Reads the header off the socket and gives the rest back to it; answers the client's address. */
export async function takeProxyHeader(socket: Socket, timeoutMs: number): Promise<string | null> {
  let held: Buffer = Buffer.alloc(0);
  const signal = AbortSignal.timeout(timeoutMs);
  for (;;) {
    const found = readProxyHeader(held);
    if (found) {
      if (held.length > found.length) socket.unshift(held.subarray(found.length));
      return found.ip;
    }
    held = Buffer.concat([held, await nextChunk(socket, signal)]);
  }
}

function nextChunk(socket: Socket, signal: AbortSignal): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (act: () => void): void => {
      socket.off("readable", read);
      socket.off("close", close);
      signal.removeEventListener("abort", close);
      act();
    };
    const read = (): void => {
      const chunk: Buffer | null = socket.read();
      if (chunk) done(() => resolve(chunk));
    };
    const close = (): void => done(() => reject(new Error("no PROXY header came")));
    socket.on("readable", read);
    socket.once("close", close);
    signal.addEventListener("abort", close, { once: true });
    read();
  });
}

/** `::ffff:192.0.2.1` → `192.0.2.1`, so that one client has one spelling. */
export function plainAddress(address: string | undefined): string {
  const text = address ?? "";
  return isIPv6(text) && text.toLowerCase().startsWith("::ffff:") && text.includes(".") ? text.slice(7) : text;
}
