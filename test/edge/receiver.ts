/** A webhook receiver over HTTPS on loopback: keeps what it is sent and answers as it is told. */
import { EventEmitter, once } from "node:events";
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificates } from "../../src/cli/world/certificates.ts";

export type Call = { url: string; headers: Record<string, string>; body: string };

export class Receiver extends EventEmitter<{ called: [Call] }> {
  readonly calls: Call[] = [];
  status = 200;
  answer = "thanks";
  headers: Record<string, string> = {};
  #server: Server;
  readonly ca: string;

  static async start(): Promise<Receiver> {
    const paths = await certificates(mkdtempSync(join(tmpdir(), "postern-receiver-")), ["localhost"]);
    const receiver = new Receiver(paths);
    receiver.#server.listen(0, "127.0.0.1");
    await once(receiver.#server, "listening");
    return receiver;
  }

  private constructor(paths: { ca: string; cert: string; key: string }) {
    super();
    this.ca = paths.ca;
    this.#server = createServer(
      { cert: readFileSync(paths.cert), key: readFileSync(paths.key) },
      (request, response) => {
        const parts: Buffer[] = [];
        request.on("data", (part: Buffer) => parts.push(part));
        request.on("end", () => {
          const headers = request.headers as Record<string, string>;
          const call = { url: request.url ?? "", headers, body: Buffer.concat(parts).toString() };
          response.writeHead(this.status, this.headers).end(this.answer);
          this.calls.push(call);
          this.emit("called", call);
        });
      },
    );
  }

  get url(): string {
    return `https://localhost:${(this.#server.address() as AddressInfo).port}/hook`;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await once(this.#server.close(), "close");
  }
}
