/**
 * One SMTP conversation (RFC 5321): what has been said so far, and the loop that reads a command, finds its row and answers.
 * Replies are gathered while pipelined commands wait (RFC 2920) and written when the client has to be heard again.
 */
import type { Socket } from "node:net";
import { limits } from "../../core/limits.ts";
import { type Reply, replyLine } from "../../core/reply.ts";
import type { Connection } from "../net/listen.ts";
import { handshake } from "../net/tls.ts";
import { commands } from "./commands.ts";
import { parseCommand } from "./grammar.ts";
import { Input } from "./input.ts";
import type { Door } from "./server.ts";

export type TlsFacts = { version: string; cipher: string };
export type Transaction = { mailFrom: string; smtputf8: boolean; recipients: string[]; bounces: string[] };

/** What a command answers; `next` is done after the reply has been written. */
export type Answer = { reply: Reply | string[]; next?: "tls" | "close" };

export class Session {
  helo: string | null = null;
  mail: Transaction | null = null;
  tls: TlsFacts | null = null;
  readonly door: Door;
  readonly ip: string;
  input: Input;
  #socket: Socket;
  #faults = 0;
  #commands = 0;
  #out = "";
  #busy = false;
  #retired: Reply | null = null;

  constructor({ socket, ip }: Pick<Connection, "socket" | "ip">, door: Door) {
    this.#socket = socket;
    this.door = door;
    this.ip = ip;
    this.input = new Input(socket);
    this.#idleBound(socket);
  }

  async run(): Promise<void> {
    await this.say([`220 ${this.door.name} ESMTP Postern`]);
    while (await this.#step()) await this.#breathe();
    await this.flush();
    part(this.#socket);
  }

  /** Queues a reply; it leaves at once unless more commands wait already. */
  async say(reply: Reply | string[]): Promise<void> {
    this.#out += (Array.isArray(reply) ? reply : [replyLine(reply)]).map((line) => `${line}\r\n`).join("");
    if (!this.input.waiting || this.#out.length > 4096) await this.flush();
  }

  async flush(): Promise<void> {
    const out = this.#out;
    this.#out = "";
    if (out === "" || this.#socket.destroyed || !this.#socket.writable) return;
    // A client that never reads its replies is not read from either.
    if (!this.#socket.write(out)) await drained(this.#socket);
  }

  /** Says goodbye to a client between messages at once, and to one inside a message when that has been answered. */
  retire(reply: Reply): void {
    this.#retired = reply;
    if (!this.#busy) this.hangUp(reply);
  }

  /** Ends the conversation from our side, at any time. */
  hangUp(reply: Reply): void {
    if (this.#socket.writable) this.#socket.write(`${replyLine(reply)}\r\n`);
    part(this.#socket);
  }

  async #step(): Promise<boolean> {
    if (!this.input.waiting) await this.flush();
    const line = await this.input.line(limits.smtpCommandBytes);
    if (line.kind === "closed") return false;
    if (line.kind !== "line") {
      await this.say(lineFaults[line.kind]);
      return false;
    }
    this.#busy = true;
    const answer = await this.#answer(line.bytes);
    this.#busy = false;
    if (!Array.isArray(answer.reply) && answer.reply.code >= 500) this.#faults++;
    if (this.#faults > this.door.rules.faults) return this.#tooMany("errors");
    if (++this.#commands > this.door.rules.commands) return this.#tooMany("commands");
    await this.say(answer.reply);
    if (this.#retired !== null) await this.say(this.#retired);
    if (this.#retired !== null) return false;
    if (answer.next === "tls" && !(await this.#upgrade())) return false;
    return answer.next !== "close" && !this.#socket.destroyed;
  }

  async #answer(bytes: Buffer): Promise<Answer> {
    const command = parseCommand(bytes);
    if (command === null) return { reply: syntaxFault };
    const row = commands.get(command.verb);
    if (row === undefined) return { reply: unknownCommand };
    const wrong = row.after === "any" ? null : this.#tooEarly(row.after);
    return wrong === null ? row.run(this, command.argument) : { reply: wrong };
  }

  #tooEarly(after: "helo" | "mail" | "rcpt"): Reply | null {
    if (this.helo === null) return outOfOrder("EHLO or HELO first");
    if (after !== "helo" && this.mail === null) return outOfOrder("MAIL first");
    const none = this.mail?.recipients.length === 0 && this.mail.bounces.length === 0;
    return after === "rcpt" && none ? outOfOrder("RCPT first") : null;
  }

  async #tooMany(what: "errors" | "commands"): Promise<false> {
    await this.say({ code: 421, enhanced: "4.7.0", text: `Too many ${what}` });
    return false;
  }

  // RFC 3207 §4.2, §5: what was said in the clear, and what was sent ahead of the handshake, counts for nothing.
  async #upgrade(): Promise<boolean> {
    await this.flush();
    this.input.release();
    const plain = this.#socket;
    plain.setTimeout(0);
    const { tls } = this.door;
    if (tls === null) return false;
    // A handshake that fails is the client's trouble, and too common to log.
    const secure = await handshake(plain, tls, tlsMs).catch(() => null);
    if (secure === null) return false;
    this.#socket = secure;
    this.#idleBound(secure);
    secure.on("error", () => secure.destroy());
    this.input = new Input(secure);
    this.helo = null;
    this.mail = null;
    this.tls = { version: secure.getProtocol() ?? "", cipher: secure.getCipher().standardName ?? "" };
    return true;
  }

  #idleBound(socket: Socket): void {
    socket.setTimeout(this.door.rules.idleMs);
    // Silence while the edge is thinking is ours, not the client's.
    socket.on("timeout", () => {
      if (this.input.hungry) this.hangUp(idle);
    });
  }

  /** Lets other sessions on between pipelined commands. */
  #breathe(): Promise<void> | null {
    return this.input.waiting ? new Promise((next) => setImmediate(next)) : null;
  }
}

/** Closes after the last words; what the client still sends is read and dropped, since unread bytes would reset them away. */
function part(socket: Socket): void {
  socket.removeAllListeners("readable");
  socket.end();
  socket.resume();
  const timer = setTimeout(() => socket.destroy(), 5000);
  socket.once("close", () => clearTimeout(timer));
}

function drained(socket: Socket): Promise<void> {
  return new Promise((done) => {
    socket.once("drain", done);
    socket.once("close", () => done());
  });
}

/** For a TLS handshake, ms. */
const tlsMs = 30_000;

const syntaxFault: Reply = { code: 500, enhanced: "5.5.2", text: "Syntax error" };
const unknownCommand: Reply = { code: 500, enhanced: "5.5.1", text: "Command not known" };
const idle: Reply = { code: 421, enhanced: "4.4.2", text: "Idle too long, closing" };
const lineFaults: Record<"bare-newline" | "too-long", Reply> = {
  "bare-newline": { code: 500, enhanced: "5.5.2", text: "Lines end with CR LF, which stand only together" },
  "too-long": { code: 500, enhanced: "5.5.2", text: "Line too long" },
};

function outOfOrder(text: string): Reply {
  return { code: 503, enhanced: "5.5.1", text };
}
