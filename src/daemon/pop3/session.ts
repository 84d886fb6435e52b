/**
 * One POP3 client: authorization, then transaction on a locked maildrop, update at QUIT only. A connection that is lost, timed out or cut
 * off deletes nothing (RFC 1939 §6).
 */
import type { Channel } from "../net/channel.ts";
import { LineTooLong } from "../net/channel.ts";
import type { Member } from "../net/crowd.ts";
import type { Connection } from "../net/listen.ts";
import { cause } from "../net/log.ts";
import { Pause } from "../net/pause.ts";
import type { TlsSource } from "../net/tls.ts";
import { type Answer, Err, type State } from "./command.ts";
import { findCommand } from "./commands/index.ts";
import type { Server } from "./options.ts";
import type { Maildrop } from "./port.ts";

/** RFC 2449 §4: 255 bytes; SASL's initial response and UTF-8 names may need more. */
const MOST_LINE = 2048;

export class Session implements Member {
  readonly server: Server;
  readonly channel: Channel;
  readonly ip: string;
  secure: boolean;
  state: State = { at: "authorization", session: this, user: null };
  loginFailures = 0;
  /** Before a failed login is answered. */
  readonly pause = new Pause();
  #badCommands = 0;
  #isBusy = false;
  #isLeaving: string | null = null;
  #isOver = false;
  #after: (() => Promise<void>) | null = null;
  #done: () => void = () => undefined;
  readonly #over = new Promise<void>((resolve) => {
    this.#done = resolve;
  });

  constructor(server: Server, channel: Channel, connection: Connection) {
    this.server = server;
    this.channel = channel;
    this.ip = connection.ip;
    this.secure = connection.secure;
  }

  get canStartTls(): boolean {
    return this.server.tls !== null && !this.secure;
  }

  get plainAllowed(): boolean {
    return this.secure || this.server.allowPlain;
  }

  async serve(): Promise<void> {
    const { limits, hostname } = this.server;
    this.channel.write(`+OK ${hostname} ready\r\n`);
    this.channel.quiet(limits.startMs, () => this.#end("Autologout; idle for too long"));
    const login = setTimeout(() => this.state.at === "authorization" && this.#end("Log in faster"), limits.loginMs);
    try {
      while (await this.#turn());
    } catch (error) {
      if (!(error instanceof LineTooLong)) this.server.log("pop3.bug", { cause: cause(error) });
      this.channel.write(
        error instanceof LineTooLong ? "-ERR Line too long\r\n" : "-ERR [SYS/TEMP] Internal error\r\n",
      );
    } finally {
      clearTimeout(login);
      this.channel.close();
      await this.#release();
      this.#done();
    }
  }

  /** Shutdown: the command in hand is finished first. */
  leave(): Promise<void> {
    this.#end("[SYS/TEMP] Server is shutting down");
    return this.#over;
  }

  enter(maildrop: Maildrop): void {
    maildrop.onRevoked(() => this.#end("[AUTH] Your access was revoked"));
    this.channel.quiet(this.server.limits.autologoutMs, () => this.#end("Autologout; idle for too long"));
    this.state = { at: "transaction", session: this, maildrop, deleted: new Set() };
  }

  /** The session is over once this command is answered. */
  quit(): void {
    this.#isOver = true;
  }

  afterReply(act: () => Promise<void>): void {
    this.#after = act;
  }

  async startTls(source: TlsSource, timeoutMs: number): Promise<void> {
    await this.channel.startTls(source, timeoutMs);
    this.secure = true;
    this.state = { at: "authorization", session: this, user: null };
  }

  async #turn(): Promise<boolean> {
    const line = this.channel.lineNow(MOST_LINE) ?? (await this.channel.line(MOST_LINE));
    if (line === null || this.#isLeaving !== null) return false;
    this.#isBusy = true;
    this.channel.write(await this.#answer(line));
    const after = this.#after;
    this.#after = null;
    await after?.();
    const slow = this.channel.drained();
    if (slow) await slow;
    this.#isBusy = false;
    if (this.#isLeaving !== null) this.channel.write(`-ERR ${this.#isLeaving}\r\n`);
    return !this.#isOver && this.#isLeaving === null && !this.channel.ended;
  }

  async #answer(line: Buffer): Promise<string> {
    const space = line.indexOf(0x20);
    const name = line.toString("latin1", 0, space < 0 ? line.length : Math.min(space, 16)).toUpperCase();
    try {
      const command = findCommand(name);
      if (!command) throw new Err("Unknown command");
      const answer = await command.begin(this.state, space < 0 ? line.subarray(line.length) : line.subarray(space + 1));
      return this.#spell(answer);
    } catch (error) {
      return this.#refuse(error);
    }
  }

  #spell({ text, body }: Answer): string {
    const first = text === "" ? "+OK\r\n" : `+OK ${text}\r\n`;
    if (body === undefined) return first;
    this.channel.write(first);
    this.channel.write(body);
    return ".\r\n";
  }

  #refuse(error: unknown): string {
    if (!(error instanceof Err)) {
      this.server.log("pop3.bug", { cause: cause(error) });
      return "-ERR [SYS/TEMP] Internal error\r\n";
    }
    if (error.isFinal) this.quit();
    if (error.code === null && ++this.#badCommands >= this.server.limits.badCommands) this.quit();
    return `-ERR ${error.code === null ? "" : `[${error.code}] `}${error.message}\r\n`;
  }

  #end(text: string): void {
    this.#isLeaving ??= text;
    this.pause.cut();
    if (this.#isBusy) return;
    this.channel.write(`-ERR ${text}\r\n`);
    this.channel.close();
  }

  async #release(): Promise<void> {
    if (this.state.at === "transaction") await this.state.maildrop.release();
    this.state = { at: "authorization", session: this, user: null };
  }
}
