/** Plays a scenario against a world: any server with a fresh user. */
import { expect } from "vitest";
import { samples } from "../contract/samples.ts";
import { type Chunking, Client } from "./client.ts";
import { type Captures, fits, type Scenario, type Step, spelled } from "./script.ts";

export type World = {
  imap: number;
  pop3: number;
  user: string;
  password: string;
  /** Files a message as a hand-off does; absent where there is none (peers). */
  deliver?: (raw: string) => Promise<void>;
  close(): Promise<void>;
};
export type Options = { messages?: number; limitBytes?: number; plain?: boolean; progressMs?: number };

/** What a scenario's givens ask of the server itself. */
export function optionsOf(scenario: Scenario): Options {
  const options: Options = {};
  for (const given of scenario.given) {
    const limit = /^at most (\d+) messages a command$/.exec(given);
    if (limit) options.messages = Number(limit[1]);
    const quota = /^a quota of (\d+) bytes$/.exec(given);
    if (quota) options.limitBytes = Number(quota[1]);
    if (given === "no TLS") options.plain = false;
    if (given === "signs of life at once") options.progressMs = 1;
  }
  return options;
}

const simple = (n: number): string =>
  `From: s${n}@example.org\r\nTo: u@example.net\r\nSubject: message ${n}\r\n` +
  `Date: Tue, ${13 + n} Nov 2023 10:00:00 +0000\r\nMessage-ID: <m${n}@example.org>\r\n\r\nbody ${n}\r\n`;

export class Play {
  readonly #world: World;
  readonly #chunking: Chunking;
  readonly #clients = new Map<string, Client>();
  readonly #captures: Captures = new Map();

  constructor(world: World, chunking: Chunking) {
    this.#world = world;
    this.#chunking = chunking;
    this.#captures.set("user", world.user);
    this.#captures.set("password", world.password);
    const plain = Buffer.from(`\0${world.user}\0${world.password}`).toString("base64");
    this.#captures.set("plain", plain);
  }

  async run(scenario: Scenario): Promise<void> {
    try {
      for (const given of scenario.given) await this.#given(given);
      await this.#steps(scenario);
      for (const [who, client] of this.#clients)
        expect(client.unread, `${scenario.name}: unlisted for ${who}`).toBe("");
    } finally {
      for (const client of this.#clients.values()) client.close();
    }
  }

  async #steps({ steps, file }: Scenario): Promise<void> {
    for (let i = 0; i < steps.length; i++) {
      const step = steps[i] as Step;
      const where = `${file}:${step.line}`;
      const client = this.#client(step.who);
      if (step.kind === "send") await client.send(`${spelled(step.text, this.#captures)}\r\n`);
      else if (step.kind === "skip") await this.#skip(client, step.text);
      else if (step.kind === "closed") expect(await client.response(), where).toBeNull();
      else if (step.kind === "any") i += (await this.#unordered(steps, i)) - 1;
      else if (step.kind === "expect") {
        const actual = await client.response();
        if (actual === null || !fits(step.text, actual, this.#captures)) expect(actual, where).toBe(step.text);
      }
      // "never" needs no look: what comes unlisted fails the next expectation.
    }
  }

  async #unordered(steps: readonly Step[], from: number): Promise<number> {
    const first = steps[from] as Step;
    let end = from;
    while (steps[end]?.kind === "any" && steps[end]?.who === first.who) end++;
    const left = steps.slice(from, end).map((step) => step.text);
    const count = left.length;
    for (let n = 0; n < count; n++) {
      const actual = await this.#client(first.who).response();
      const at = actual === null ? -1 : left.findIndex((one) => fits(one, actual, this.#captures));
      if (at < 0) expect(actual, `line ${first.line}: one of these`).toBe(left.join("\n"));
      left.splice(at, 1);
    }
    return count;
  }

  async #skip(client: Client, tag: string): Promise<void> {
    for (;;) {
      const line = await client.response();
      if (line === null) throw new Error(`closed before ${tag}`);
      if (line.startsWith(`${tag} `)) return;
    }
  }

  #client(who: string): Client {
    const client = this.#clients.get(who);
    if (!client) throw new Error(`${who} is not connected: say so in a given`);
    return client;
  }

  // Givens.

  async #given(text: string): Promise<void> {
    for (const [pattern, act] of givens) {
      const match = pattern.exec(text);
      if (!match) continue;
      await act(this, match);
      return;
    }
    throw new Error(`unknown given: ${text}`);
  }

  async connect(who: string, protocol: "imap" | "pop3"): Promise<Client> {
    const client = await Client.connect(this.#world[protocol], this.#chunking);
    this.#clients.set(who, client);
    await client.response();
    return client;
  }

  async login(who: string): Promise<Client> {
    const client = this.#clients.get(who) ?? (await this.connect(who, "imap"));
    await this.#do(client, `LOGIN "${this.#world.user}" "${this.#world.password}"`);
    return client;
  }

  async command(who: string, line: string): Promise<void> {
    const client = this.#clients.get(who) ?? (await this.login(who));
    await this.#do(client, spelled(line, this.#captures));
  }

  async pop(who: string): Promise<void> {
    const client = await this.connect(who, "pop3");
    for (const line of [`USER ${this.#world.user}`, `PASS ${this.#world.password}`]) {
      await client.send(`${line}\r\n`);
      const reply = await client.response();
      if (!reply?.startsWith("+OK")) throw new Error(`given: ${reply}`);
    }
  }

  async deliver(count: number): Promise<void> {
    for (let n = 1; n <= count; n++) await this.#world.deliver?.(simple(n));
  }

  /** By a connection of its own, so that no scenario's client has heard of it. */
  async fill(folder: string, raws: readonly string[], flags: readonly string[]): Promise<void> {
    const client = await Client.connect(this.#world.imap, "whole");
    await client.response();
    await this.#do(client, `LOGIN "${this.#world.user}" "${this.#world.password}"`);
    if (folder !== "INBOX") await this.#do(client, `CREATE ${folder}`, true);
    for (const raw of raws) {
      const list = flags.length > 0 ? ` (${flags.join(" ")})` : "";
      await this.#do(client, `APPEND ${folder}${list} "20-Nov-2023 10:00:00 +0000" {${raw.length}+}\r\n${raw}`);
    }
    await this.#do(client, "LOGOUT");
    client.close();
  }

  async #do(client: Client, line: string, mayFail = false): Promise<void> {
    await client.send(`g1 ${line}\r\n`);
    for (;;) {
      const reply = await client.response();
      if (reply === null) throw new Error(`given: closed at ${line}`);
      if (!reply.startsWith("g1 ")) continue;
      if (!mayFail && !reply.startsWith("g1 OK")) throw new Error(`given ${line}: ${reply}`);
      return;
    }
  }
}

type Given = (play: Play, match: RegExpExecArray) => Promise<unknown>;
const all = async (names: string, act: (who: string) => Promise<unknown>): Promise<void> => {
  for (const who of names.split(/, | and /)) await act(who);
};

const givens: readonly (readonly [RegExp, Given])[] = [
  [/^(?:at most|a quota|no TLS|signs of life)/, async () => undefined],
  [
    /^(\S+) with (\d+) messages?(?: that are (.+))?$/,
    (play, [, folder = "", n = "", flags]) =>
      play.fill(
        folder,
        Array.from({ length: Number(n) }, (_, i) => simple(i + 1)),
        flags?.split(" ") ?? [],
      ),
  ],
  [/^(\S+) with the samples$/, (play, [, folder = ""]) => play.fill(folder, samples, [])],
  [/^(\d+) messages? delivered$/, (play, [, n = ""]) => play.deliver(Number(n))],
  [
    /^([A-Z](?:(?:, | and )[A-Z])*) connected$/,
    (play, [, names = ""]) => all(names, (who) => play.connect(who, "imap")),
  ],
  [
    /^([A-Z](?:(?:, | and )[A-Z])*) connected by POP3$/,
    (play, [, names = ""]) => all(names, (who) => play.connect(who, "pop3")),
  ],
  [/^([A-Z]) opened the maildrop$/, (play, [, who = ""]) => play.pop(who)],
  [/^([A-Z](?:(?:, | and )[A-Z])*) logged in$/, (play, [, names = ""]) => all(names, (who) => play.login(who))],
  [
    /^([A-Z](?:(?:, | and )[A-Z])*) (selected|examined) (\S+)$/,
    (play, [, names = "", how, folder]) =>
      all(names, (who) => play.command(who, `${how === "selected" ? "SELECT" : "EXAMINE"} ${folder}`)),
  ],
  [
    /^([A-Z](?:(?:, | and )[A-Z])*) enabled (.+)$/,
    (play, [, names = "", what]) => all(names, (who) => play.command(who, `ENABLE ${what}`)),
  ],
  [/^([A-Z]) did (.+)$/, (play, [, who = "", line = ""]) => play.command(who, line)],
];
