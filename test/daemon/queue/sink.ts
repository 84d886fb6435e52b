/** "The outside world": a strict little SMTP server that keeps what it takes, and can be told what to answer at each step. */
import { createServer, type Socket } from "node:net";
import type { SecureContext } from "node:tls";
import { TLSSocket } from "node:tls";
import { DataReader, room } from "../../../src/daemon/door/data.ts";
import { Input } from "../../../src/daemon/door/input.ts";

export type Step = "greeting" | "EHLO" | "MAIL" | "RCPT" | "DATA" | "end";
export type Caught = { from: string; to: string[]; mail: string; raw: Buffer; tls: boolean };

export type SinkOptions = {
  tls?: SecureContext;
  implicitTls?: SecureContext;
  brokenTls?: boolean;
  extensions?: string[];
};

export type Sink = {
  port: number;
  caught: Caught[];
  /** Every command line that came, oldest first. */
  said: string[];
  /** The reply at a step instead of the usual one; may wait. null closes the connection without a word. */
  answer: (step: Step, line: string) => string | null | undefined | Promise<string | null | undefined>;
  /** Called with each message that was taken, when its 250 is on its way. */
  onCaught: (one: Caught) => void;
  close(): Promise<void>;
};

export async function openSink(options: SinkOptions = {}): Promise<Sink> {
  const sockets = new Set<Socket>();
  const sink: Sink = {
    port: 0,
    caught: [],
    said: [],
    answer: () => undefined,
    onCaught: (one) => sink.caught.push(one),
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    const { implicitTls } = options;
    const spoken = implicitTls ? new TLSSocket(socket, { isServer: true, secureContext: implicitTls }) : socket;
    spoken.on("error", () => socket.destroy());
    converse(sink, spoken, options).catch(() => socket.destroy());
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  sink.port = typeof address === "object" && address !== null ? address.port : 0;
  return sink;
}

async function converse(sink: Sink, plain: Socket, options: SinkOptions) {
  let socket = plain;
  let input = new Input(socket);
  let mail = "";
  let to: string[] = [];
  const say = async (step: Step, line: string, usual: string): Promise<boolean> => {
    const reply = await sink.answer(step, line);
    if (reply === null) socket.destroy();
    else socket.write(`${reply ?? usual}\r\n`);
    return reply === undefined || reply === null ? reply === undefined : /^[23]/.test(reply);
  };
  if (!(await say("greeting", "", "220 sink.test ESMTP"))) return;
  for (;;) {
    const got = await input.line(4096);
    if (got.kind !== "line") return void socket.end();
    const line = got.bytes.toString("utf8");
    sink.said.push(line);
    const verb = line.slice(0, 4).toUpperCase();
    if (verb === "EHLO") {
      const offers = [...(options.extensions ?? ["8BITMIME", "PIPELINING", "SIZE 30000000"])];
      if ((options.tls || options.brokenTls) && socket === plain) offers.push("STARTTLS");
      await say("EHLO", line, `250-sink.test\r\n${offers.map((one) => `250-${one}\r\n`).join("")}250 HELP`);
    } else if (verb === "STAR") {
      socket.write("220 go\r\n");
      input.release();
      if (options.brokenTls) return void socket.end("this is no TLS\r\n");
      const secure = new TLSSocket(plain, { isServer: true, ...(options.tls ? { secureContext: options.tls } : {}) });
      secure.on("error", () => secure.destroy());
      socket = secure;
      input = new Input(secure);
    } else if (verb === "MAIL") {
      if (await say("MAIL", line, "250 2.1.0 ok")) mail = line;
    } else if (verb === "RCPT") {
      if (await say("RCPT", line, "250 2.1.5 ok")) to.push(/<(.*)>/.exec(line)?.[1] ?? "");
    } else if (verb === "DATA") {
      if (to.length === 0) socket.write("503 no recipients\r\n");
      else if (await say("DATA", line, "354 go")) {
        const raw = await message(input);
        if (raw === null) return;
        const one = { from: /<(.*?)>/.exec(mail)?.[1] ?? "", to, mail, raw, tls: socket instanceof TLSSocket };
        // Counted when the 250 is out, as a real host would.
        if (await say("end", "", "250 2.0.0 taken")) sink.onCaught(one);
        to = [];
      }
    } else if (verb === "QUIT") {
      return void socket.end("221 bye\r\n");
    } else if (verb === "RSET") {
      to = [];
      socket.write("250 ok\r\n");
    } else socket.write("500 what\r\n");
  }
}

async function message(input: Input): Promise<Buffer | null> {
  const reader = new DataReader({ messageBytes: 64 * 1024 * 1024, lineBytes: 1 << 20 }, room(128 * 1024 * 1024));
  for (;;) {
    const chunk = await input.bytes();
    if (chunk === null) return null;
    const rest = reader.feed(chunk);
    if (rest === null) continue;
    input.unread(rest);
    if (reader.fault !== null) throw new Error(reader.fault);
    return Buffer.from(reader.message());
  }
}
