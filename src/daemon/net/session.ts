/**
 * What one client's session is in every protocol: greeting, one command after another, last words, and the clocks that end it. A
 * command in hand is finished before a shutdown or a revocation ends the session; a client that stopped reading is not waited for.
 */
import type { Channel } from "./channel.ts";
import type { Member } from "./crowd.ts";
import type { Connection } from "./listen.ts";
import { cause, type Log } from "./log.ts";
import { Pause } from "./pause.ts";
import type { TlsSource } from "./tls.ts";

export type SessionLimits = {
  /** Silence before login, then after it, ms. */
  startMs: number;
  autologoutMs: number;
  /** Longest time that a session may take to log in at all. */
  loginMs: number;
};

export abstract class BaseSession implements Member {
  readonly channel: Channel;
  readonly ip: string;
  secure: boolean;
  loginFailures = 0;
  /** Before a failed login is answered. */
  readonly pause = new Pause();
  /** A command is in hand. */
  isBusy = false;
  /** The command in hand waits for the client and may be ended at any time (IDLE). */
  isWaiting = false;
  readonly #limits: SessionLimits;
  readonly #log: Log;
  #lastWords: string | null = null;
  #after: (() => Promise<void>) | null = null;
  readonly #over: Promise<void>;
  #isOver: () => void = () => undefined;

  constructor(server: { limits: SessionLimits; log: Log }, channel: Channel, connection: Connection) {
    this.#limits = server.limits;
    this.#log = server.log;
    this.channel = channel;
    this.ip = connection.ip;
    this.secure = connection.secure;
    this.#over = new Promise((resolve) => {
      this.#isOver = resolve;
    });
  }

  protected abstract greeting(): string;
  protected abstract isLoggedIn(): boolean;
  /** Reads and answers one command; false when there is to be no other. */
  protected abstract turn(): Promise<boolean>;
  /** A line for the client, whole. */
  protected abstract lastWords(why: "shutdown" | "idle"): string;
  /** What is said when a command threw; bugs are to be logged. */
  protected abstract farewell(error: unknown): string;
  /** Gives back what the session holds. */
  protected abstract release(): Promise<void>;

  async serve(): Promise<void> {
    this.channel.write(this.greeting());
    this.quietBeforeLogin();
    const login = setTimeout(() => !this.isLoggedIn() && this.#timeOut(), this.#limits.loginMs);
    try {
      while (await this.turn());
    } catch (error) {
      this.channel.write(this.farewell(error));
    } finally {
      clearTimeout(login);
      this.channel.close();
      await this.release().catch((error: unknown) => this.#log("session.bug", { cause: cause(error) }));
      this.#isOver();
    }
  }

  /** Shutdown; resolves when the session is over. */
  leave(): Promise<void> {
    this.end(this.lastWords("shutdown"));
    return this.#over;
  }

  /** The session ends with these words: now, or after the command in hand. */
  end(lastWords: string): void {
    this.#lastWords ??= lastWords;
    this.pause.cut();
    if (!this.isBusy || this.isWaiting) this.isEnding();
  }

  /** Runs once the reply of the command in hand is written (STARTTLS, COMPRESS). */
  afterReply(act: () => Promise<void>): void {
    this.#after = act;
  }

  async startTls(source: TlsSource, timeoutMs: number): Promise<void> {
    await this.channel.startTls(source, timeoutMs);
    this.secure = true;
  }

  protected quietBeforeLogin(): void {
    this.channel.quiet(this.#limits.startMs, () => this.#timeOut());
  }

  protected quietAfterLogin(): void {
    this.channel.quiet(this.#limits.autologoutMs, () => this.#timeOut());
  }

  protected async replied(): Promise<void> {
    const after = this.#after;
    this.#after = null;
    await after?.();
  }

  /** True when the session was told to end; its last words are said then. */
  protected isEnding(): boolean {
    if (this.#lastWords === null) return false;
    this.channel.write(this.#lastWords);
    this.channel.close();
    return true;
  }

  #timeOut(): void {
    // In the middle of a command only a client that stopped reading is silent for so long: no last words for it.
    if (this.isBusy && !this.isWaiting) this.channel.destroy();
    else this.end(this.lastWords("idle"));
  }
}
