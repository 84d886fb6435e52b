/**
 * Ports of the local run: the usual one where it is free, else the next free one above. Never two the same in one run. Two runs that
 * begin at the same time could choose the same one before either listens: POSTERN_PORT_OFFSET keeps them apart.
 */
import { once } from "node:events";
import { createServer } from "node:net";

const taken = new Set<number>();

export async function freePort(usual: number): Promise<number> {
  const from = usual + Number(process.env["POSTERN_PORT_OFFSET"] ?? 0);
  for (let port = from; port < from + 200 && port < 65536; port++) {
    if (taken.has(port) || !(await isFree(port))) continue;
    taken.add(port);
    return port;
  }
  throw new Error(`no free port between ${from} and ${from + 199}`);
}

async function isFree(port: number): Promise<boolean> {
  for (const host of ["127.0.0.1", "::1", "0.0.0.0"]) {
    const server = createServer();
    try {
      server.listen({ port, host, exclusive: true });
      await once(server, "listening");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "EADDRINUSE") return false;
    } finally {
      server.close();
    }
  }
  return true;
}
