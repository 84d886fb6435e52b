/**
 * One POP3 client: authorization, then transaction on a locked maildrop, update at QUIT only. A connection that is lost, timed out or cut
 * off deletes nothing (RFC 1939 §6).
 */
import type { Channel } from "../net/channel.ts";
import { LineTooLong } from "../net/channel.ts";
import type { Connection } from "../net/listen.ts";
import { cause } from "../net/log.ts";
import { BaseSession } from "../net/session.ts";
import type { TlsSource } from "../net/tls.ts";
import { Absent, type Answer, Err, type State } from "./command.ts";
import { findCommand } from "./commands/index.ts";
import type { Server } from "./options.ts";
import type { Maildrop } from "./port.ts";

/** RFC 2449 §4: 255 bytes; SASL's initial response and UTF-8 names may need more. */
const MOST_LINE = 2048;

const endings = {
  revoked: "-ERR [AUTH] Your access was revoked\r\n",
  moving: "-ERR [SYS/TEMP] The mailbox is being moved to another server, try again later\r\n",
};

export class Session extends BaseSession {
  readonly server: Server;
  state: State = { at: "authorization", session: this, user: null };
  #badCommands = 0;
  #hasQuit = false;

  constructor(server: Server, channel: Channel, connection: Connection) {
    super(server, channel, connection);
    this.server = server;
  }

  get canStartTls(): boolean {
    return this.server.tls !== null && !this.secure;
  }

  get plainAllowed(): boolean {
    return this.secure || this.server.allowPlain;
  }

  protected greeting(): string {
    return `+OK ${this.server.hostname} ready\r\n`;
  }

  protected isLoggedIn(): boolean {
    return this.state.at === "transaction";
  }

  protected lastWords(why: "shutdown" | "idle"): string {
    return why === "idle" ? "-ERR Autologout; idle for too long\r\n" : "-ERR [SYS/TEMP] Server is shutting down\r\n";
  }

  protected farewell(error: unknown): string {
    if (error instanceof LineTooLong) return "-ERR Line too long\r\n";
    this.server.log("pop3.bug", { cause: cause(error) });
    return "-ERR [SYS/TEMP] Internal error\r\n";
  }

  protected async release(): Promise<void> {
    if (this.state.at === "transaction") await this.state.maildrop.release();
    this.state = { at: "authorization", session: this, user: null };
  }

  enter(maildrop: Maildrop): void {
    maildrop.onRevoked((why) => this.end(endings[why]));
    this.quietAfterLogin();
    this.state = { at: "transaction", session: this, maildrop, deleted: new Set() };
  }

  /** The session is over once this command is answered. */
  quit(): void {
    this.#hasQuit = true;
  }

  override async startTls(source: TlsSource, timeoutMs: number): Promise<void> {
    await super.startTls(source, timeoutMs);
    this.state = { at: "authorization", session: this, user: null };
  }

  protected async turn(): Promise<boolean> {
    const line = this.channel.lineNow(MOST_LINE) ?? (await this.channel.line(MOST_LINE));
    if (line === null || this.isEnding()) return false;
    this.isBusy = true;
    this.channel.write(await this.#answer(line));
    await this.replied();
    const slow = this.channel.drained();
    if (slow) await slow;
    this.isBusy = false;
    return !this.#hasQuit && !this.channel.ended && !this.isEnding();
  }

  async #answer(line: Buffer): Promise<string> {
    const space = line.indexOf(0x20);
    const name = line.toString("latin1", 0, space < 0 ? line.length : Math.min(space, 16)).toUpperCase();
    try {
      const command = findCommand(name);
      if (!command) throw new Err("Unknown command");
      const answer = await command.begin(this.state, space < 0 ? line.subarray(line.length) : line.subarray(space + 1));
      this.#badCommands = 0;
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
    if (error instanceof LineTooLong) throw error;
    if (!(error instanceof Err)) {
      this.server.log("pop3.bug", { cause: cause(error) });
      return "-ERR [SYS/TEMP] Internal error\r\n";
    }
    if (error.isFinal) this.quit();
    const isMisuse = error.code === null && !(error instanceof Absent);
    if (isMisuse && ++this.#badCommands >= this.server.limits.badCommands) this.quit();
    return `-ERR ${error.code === null ? "" : `[${error.code}] `}${error.message}\r\n`;
  }
}
