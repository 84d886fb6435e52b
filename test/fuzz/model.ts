/**
 * Two sessions on one folder, as two careful clients keep it: each applies what it is told to its own list of messages. After a
 * NOOP each list must be what the store holds, however commands, deliveries and expunges were mixed.
 */

import { Client } from "../transcripts/client.ts";
import type { Chance } from "./random.ts";

export type ModelTarget = { port: number; user: string; password: string };

type Known = { uid: number | null; flags: string | null };

export async function runModel(target: ModelTarget, chance: Chance, steps: number): Promise<void> {
  const sessions = [
    await Mirror.start(target, ""),
    await Mirror.start(target, chance.pick(["", "QRESYNC", "IMAP4rev2"])),
  ];
  const judge = await Mirror.start(target, "");
  try {
    for (let step = 0; step < steps; step++) {
      const session = chance.pick(sessions);
      await session.act(chance);
      if (chance.oneIn(5)) await compare(sessions, judge);
    }
    await compare(sessions, judge);
  } finally {
    for (const session of [...sessions, judge]) session.close();
  }
}

async function compare(sessions: readonly Mirror[], judge: Mirror): Promise<void> {
  await judge.ask("NOOP");
  const truth = await judge.read();
  for (const session of sessions) {
    await session.ask("NOOP");
    const before = session.shown();
    const after = await session.read();
    if (after !== truth) throw new Error(`${session.history()}\nshows ${after}\nthe store has ${truth}`);
    session.mustHaveKnown(before);
  }
}

class Mirror {
  readonly #client: Client;
  #messages: Known[] = [];
  #tags = 0;
  #log: string[] = [];

  private constructor(client: Client) {
    this.#client = client;
  }

  static async start({ port, user, password }: ModelTarget, mode: string): Promise<Mirror> {
    const client = await Client.connect(port, "whole");
    await client.response();
    const mirror = new Mirror(client);
    await mirror.ask(`LOGIN "${user}" "${password}"`);
    if (mode !== "") await mirror.ask(`ENABLE ${mode}`);
    await mirror.ask("SELECT INBOX");
    await mirror.read();
    return mirror;
  }

  close(): void {
    this.#client.close();
  }

  history(): string {
    return this.#log.slice(-60).join("\n");
  }

  async act(chance: Chance): Promise<void> {
    const count = this.#messages.length;
    const one = (): number => 1 + chance.below(Math.max(count, 1));
    const range = (): string => (chance.oneIn(3) ? `${one()}:${one()}` : String(one()));
    const flag = chance.pick(["\\Seen", "\\Deleted", "\\Flagged", "kw", "\\Deleted"]);
    const silent = chance.oneIn(2) ? ".SILENT" : "";
    const fill = `APPEND INBOX (${chance.pick(["", "\\Seen", "\\Deleted"])}) {8+}\r\na: b\r\n\r\n`;
    const acts = [
      fill,
      ...(count < 3 ? [fill, fill] : []),
      ...(count === 0
        ? []
        : [
            `STORE ${range()} ${chance.pick(["+", "-", ""])}FLAGS${silent} (${flag})`,
            `STORE ${range()} ${chance.pick(["+", "-", ""])}FLAGS (${flag})`,
            `FETCH ${range()} (UID FLAGS)`,
            `FETCH ${range()} (UID BODY[TEXT])`,
            `COPY ${range()} INBOX`,
            `MOVE ${one()} Trash`,
            `MOVE ${one()} INBOX`,
            "EXPUNGE",
            `UID EXPUNGE ${one()}:*`,
            `SEARCH ${range()} SEEN`,
            "UID SEARCH ALL",
            "NOOP",
          ]),
    ];
    await this.ask(chance.pick(acts));
  }

  /** A command to its end, everything heard on the way applied. */
  async ask(command: string): Promise<void> {
    const tag = `m${++this.#tags}`;
    this.#log.push(`> ${command}`);
    await this.#client.send(`${tag} ${command}\r\n`);
    const silent = /^STORE (\S+) ([+-]?)FLAGS\.SILENT \(([^)]*)\)/.exec(command);
    for (;;) {
      const line = await this.#client.response();
      if (line === null) throw new Error(`${this.history()}\nclosed`);
      this.#log.push(`< ${line}`);
      if (line.startsWith(`${tag} `)) {
        if (!line.startsWith(`${tag} OK`) && !line.startsWith(`${tag} NO`)) throw new Error(`${this.history()}`);
        break;
      }
      this.#hear(line);
    }
    // A .SILENT store is not told: what it touched is not known until read again.
    if (silent) for (const known of this.#messages) known.flags = null;
  }

  #hear(line: string): void {
    const exists = /^\* (\d+) EXISTS$/.exec(line);
    if (exists) {
      if (Number(exists[1]) < this.#messages.length) throw new Error(`${this.history()}\nfewer without EXPUNGE`);
      while (this.#messages.length < Number(exists[1])) this.#messages.push({ uid: null, flags: null });
    }
    const expunged = /^\* (\d+) EXPUNGE$/.exec(line);
    if (expunged && this.#messages.splice(Number(expunged[1]) - 1, 1).length === 0) {
      throw new Error(`${this.history()}\nexpunged what is not there`);
    }
    const vanished = /^\* VANISHED ([\d:,]+)$/.exec(line);
    if (vanished) this.#vanish(vanished[1] ?? "");
    const fetched = /^\* (\d+) FETCH \((.*)\)$/s.exec(line);
    if (fetched) this.#fetched(Number(fetched[1]), fetched[2] ?? "");
  }

  #vanish(set: string): void {
    const ranges = set.split(",").map((one) => one.split(":").map(Number));
    const isGone = (uid: number): boolean => ranges.some(([a = 0, b = a]) => uid >= a && uid <= b);
    if (this.#messages.some(({ uid }) => uid === null)) {
      // Which places they had is not known: all that is left is the count.
      const gone = ranges.reduce((sum, [x = 0, y = x]) => sum + y - x + 1, 0);
      this.#messages = this.#messages.slice(gone).map(() => ({ uid: null, flags: null }));
      return;
    }
    this.#messages = this.#messages.filter(({ uid }) => uid !== null && !isGone(uid));
  }

  #fetched(seq: number, items: string): void {
    const known = this.#messages[seq - 1];
    if (!known) throw new Error(`${this.history()}\nFETCH of what is not there`);
    const uid = /\bUID (\d+)/.exec(items)?.[1];
    const flags = /FLAGS \(([^)]*)\)/.exec(items)?.[1];
    if (uid !== undefined) {
      if (known.uid !== null && known.uid !== Number(uid))
        throw new Error(`${this.history()}\nnumber ${seq} changed its message`);
      known.uid = Number(uid);
    }
    if (flags !== undefined) known.flags = plain(flags);
  }

  shown(): Known[] {
    return this.#messages.map((known) => ({ ...known }));
  }

  /** Whatever was believed of a message must have been right. */
  mustHaveKnown(before: readonly Known[]): void {
    for (const [i, { uid, flags }] of before.entries()) {
      const now = this.#messages[i];
      const isSame = (uid === null || uid === now?.uid) && (flags === null || flags === now?.flags);
      if (!isSame) throw new Error(`${this.history()}\nbelieved ${uid} (${flags}), is ${now?.uid} (${now?.flags})`);
    }
  }

  /** Everything, read anew; also as text. */
  async read(): Promise<string> {
    if (this.#messages.length > 0) await this.ask("FETCH 1:* (UID FLAGS)");
    return this.#messages.map(({ uid, flags }) => `${uid}(${flags})`).join(" ");
  }
}

/** \Recent is each session's own. */
function plain(flags: string): string {
  return flags
    .split(" ")
    .filter((flag) => flag !== "" && flag !== "\\Recent")
    .toSorted()
    .join(" ");
}
