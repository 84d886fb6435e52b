/**
 * Clients that send what the grammar makes, bent or not, in every state and any chunking, against a server: each command must be
 * answered once under its tag, every response be well formed, nothing be a bug, and a plain NOOP work afterwards.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Servers } from "../fakes/servers.ts";
import { randomCommand } from "./grammar.ts";
import type { Chance } from "./random.ts";

export type Target = { servers: Servers; user: string; password: string };

export class Desync extends Error {}

/** Runs commands from `clients` sessions in turn until `isOver`; answers how many. */
export async function fuzzImap(
  target: Target,
  chance: Chance,
  clients: number,
  isOver: (count: number) => boolean,
): Promise<number> {
  const sessions: Fuzzer[] = [];
  let count = 0;
  try {
    while (!isOver(count)) {
      if (sessions.length < clients) sessions.push(await Fuzzer.start(target, chance));
      const session = chance.pick(sessions);
      if (!(await session.turn())) sessions.splice(sessions.indexOf(session), 1);
      count++;
      if (target.servers.bugs.length > 0) throw new Error(`a bug after ${session.last}: ${target.servers.bugs[0]}`);
    }
  } finally {
    for (const session of sessions) session.close();
  }
  return count;
}

class Fuzzer {
  readonly #socket: Socket;
  readonly #chance: Chance;
  #held = "";
  #ended = false;
  #wake: () => void = () => undefined;
  #tags = 0;
  last = "";

  private constructor(socket: Socket, chance: Chance) {
    this.#socket = socket;
    this.#chance = chance;
    socket.on("data", (chunk: Buffer) => {
      this.#held += chunk.toString("latin1");
      this.#wake();
    });
    for (const event of ["end", "close", "error"]) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  /** Connected; mostly logged in, often with a folder selected, sometimes with modes on. */
  static async start({ servers, user, password }: Target, chance: Chance): Promise<Fuzzer> {
    const socket = connect({ port: servers.imap, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    const fuzzer = new Fuzzer(socket, chance);
    await fuzzer.#response();
    if (chance.oneIn(8)) return fuzzer;
    await fuzzer.#plain(`LOGIN "${user}" "${password}"`);
    if (chance.oneIn(3))
      await fuzzer.#plain(`ENABLE ${chance.pick(["QRESYNC", "IMAP4rev2", "CONDSTORE", "UTF8=ACCEPT", "UIDONLY"])}`);
    if (!chance.oneIn(4)) await fuzzer.#plain(chance.pick(["SELECT INBOX", "SELECT INBOX", "EXAMINE INBOX"]));
    return fuzzer;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** One command by chance, and a NOOP behind it; false when the server ended the session, as it may. */
  async turn(): Promise<boolean> {
    const tag = `f${++this.#tags}`;
    const [first = "", ...rest] = pieces(`${tag} ${randomCommand(this.#chance)}`);
    this.last = [first, ...rest].join("");
    this.#pending = rest;
    await this.#write(first);
    if (!(await this.#answered(tag))) return false;
    return await this.#answers("NOOP");
  }

  async #plain(command: string): Promise<void> {
    if (!(await this.#answers(command))) throw new Desync(`ended at ${command}`);
  }

  async #answers(command: string): Promise<boolean> {
    const tag = `p${++this.#tags}`;
    this.#socket.write(`${tag} ${command}\r\n`);
    return await this.#answered(tag);
  }

  /** Reads up to the tagged reply, and plays along where the server asks for more. */
  async #answered(tag: string): Promise<boolean> {
    let asked = 0;
    for (;;) {
      const line = await this.#response();
      if (line === null) return false;
      check(line, this.last);
      if (line.startsWith(`${tag} `)) return true;
      if (line.startsWith("* BYE")) return false;
      // A bent command can be one whose tag is none.
      if (line.startsWith("* BAD")) return true;
      if (line.startsWith("+")) await this.#goOn(asked++);
      else if (!line.startsWith("* "))
        throw new Desync(`${JSON.stringify(this.last)} answered by ${JSON.stringify(line)}`);
    }
  }

  /** The literals that the command has sent already came with it; what is asked for now is SASL or IDLE. */
  async #goOn(asked: number): Promise<void> {
    const pending = this.#pending.shift();
    if (pending !== undefined) await this.#write(pending);
    else this.#socket.write(asked > 3 ? "*\r\n" : this.#chance.pick(["DONE\r\n", "*\r\n", "AGEAYg==\r\n", "done\r\n"]));
  }

  /** What must wait for a "+": the text behind each synchronizing literal header. */
  #pending: string[] = [];

  async #write(text: string): Promise<void> {
    if (this.#chance.oneIn(2)) {
      this.#socket.write(Buffer.from(text, "latin1"));
      return;
    }
    const size = 1 + this.#chance.below(7);
    for (let at = 0; at < text.length; at += size) {
      this.#socket.write(Buffer.from(text.slice(at, at + size), "latin1"));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #response(): Promise<string | null> {
    for (;;) {
      const length = wholeLength(this.#held);
      if (length > 0) {
        const line = this.#held.slice(0, length);
        this.#held = this.#held.slice(length);
        return line;
      }
      if (this.#ended) return null;
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#wake = resolve;
      timer = setTimeout(
        () => reject(new Desync(`no answer to ${JSON.stringify(this.last)}, held ${JSON.stringify(this.#held)}`)),
        20_000,
      );
    });
    clearTimeout(timer);
  }
}

function wholeLength(held: string): number {
  for (let at = 0; ; ) {
    const end = held.indexOf("\r\n", at);
    if (end < 0) return 0;
    const literal = /\{(\d+)\}$/.exec(held.slice(at, end));
    if (!literal) return end + 2;
    at = end + 2 + Number(literal[1]);
    if (at > held.length) return 0;
  }
}

/**
 * The command with its last CRLF, cut where the client must wait for "+". Every line that ends in a literal header is followed by as many
 * bytes: else the client itself is out of step.
 */
function pieces(command: string): string[] {
  const done: string[] = [""];
  const say = (text: string): void => {
    done.push((done.pop() ?? "") + text);
  };
  for (let left = command; ; ) {
    const [line = ""] = left.split("\r\n", 1);
    left = left.slice(line.length + 2);
    // A bare LF would end the command as well.
    const text = line.replace(/[\r\n]/g, "?");
    const [, size, plus] = /\{(\d{1,10})(\+?)\}$/.exec(text) ?? [];
    if (size === undefined || Number(size) > 2000) {
      say(`${size === undefined ? text : `${text}?`}\r\n`);
      return done;
    }
    say(`${text}\r\n`);
    if (plus === "") done.push("");
    say(left.slice(0, Number(size)).padEnd(Number(size), "x"));
    left = left.slice(Number(size));
  }
}

const wellFormed = [
  /^\* (?:OK|NO|BAD|BYE|PREAUTH)(?: \[[A-Z0-9-]+[^\r\n]*\])? [\x20-\x7e]+\r\n$/,
  /^[A-Za-z0-9]+ (?:OK|NO|BAD)(?: \[[A-Z0-9-]+[^\r\n]*\])? [\x20-\x7e]+\r\n$/,
  /^\* \d+ (?:EXISTS|RECENT|EXPUNGE)\r\n$/,
  /^\* \d+ (?:FETCH|UIDFETCH) \(.*\)\r\n$/s,
  /^\* (?:VANISHED|SEARCH|SORT|THREAD|ENABLED|CAPABILITY|FLAGS)\b[\x20-\x7e]*\r\n$/,
  /^\* (?:LIST|LSUB|STATUS|ESEARCH|METADATA|QUOTA|QUOTAROOT|ID|NAMESPACE)\b.*\r\n$/s,
  /^\+ [\x20-\x7e]*\r\n$/,
];

function check(line: string, last: string): void {
  if (!wellFormed.some((form) => form.test(line)))
    throw new Desync(`malformed after ${JSON.stringify(last)}: ${JSON.stringify(line)}`);
}
