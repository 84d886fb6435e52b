/**
 * One client, from greeting to BYE: reads a command, finds its row, runs it, writes what it yields under back-pressure, says
 * how it ended. Which state it is in, and what it has switched on, is all it remembers.
 */

import type { Attempts } from "../net/attempts.ts";
import type { Channel } from "../net/channel.ts";
import type { Crowd } from "../net/crowd.ts";
import type { Connection } from "../net/listen.ts";
import { cause } from "../net/log.ts";
import { BaseSession } from "../net/session.ts";
import { ReadAhead } from "./ahead.ts";
import { Bad, Bye, No, type Ok, ok, refusalOf } from "./answers.ts";
import { capabilities } from "./capability.ts";
import type { Command, Facts, Outcome, Replies, Selected, State } from "./command.ts";
import { findCommand } from "./commands/index.ts";
import { unsolicited } from "./commands/notify.ts";
import { Holding } from "./holding.ts";
import { type Modes, noModes } from "./modes.ts";
import type { ImapLimits, ImapOptions } from "./options.ts";
import type { Account, Change } from "./port.ts";
import { View } from "./view/view.ts";
import { Decoder } from "./wire/decoder.ts";
import { type Admit, type RawCommand, readCommand, skipTag } from "./wire/reader.ts";
import { plain } from "./wire/text.ts";

export type Server = Omit<Required<ImapOptions>, "limits" | "attempts"> & {
  limits: ImapLimits;
  attempts: Attempts;
  crowd: Crowd;
};

/** Literals outside messages: a mailbox name, a password, a search text. */
const START_LITERAL = 1024;
const OTHER_LITERAL = 65_536;
const MOST_TOGETHER = 16;

export class Session extends BaseSession {
  readonly server: Server;
  state: State = { at: "start", session: this };
  modes: Modes = noModes();
  /** The tag of the command in hand. */
  tag = "";
  /** How far the command in hand is, of how much; null: not known. */
  progress: { done: number; goal: number } | null = null;
  /** Messages of the command in hand. */
  readonly holding: Holding;
  /** Ends what NOTIFY SET began. */
  stopNotify: () => void = () => undefined;
  /** Untagged lines that wait for the end of the command in hand. */
  #postponed = "";
  readonly #listeners = new Set<(change: Change) => void>();
  #unwatch: () => void = () => undefined;
  #loggedOut = false;
  #badCommands = 0;

  constructor(server: Server, channel: Channel, connection: Connection) {
    super(server, channel, connection);
    this.server = server;
    this.holding = new Holding(server.crowd);
  }

  /** What CAPABILITY says now. Commands ask here: the rows that it is computed from can't import it. */
  get capabilities(): string {
    return capabilities(this.facts);
  }

  get facts(): Facts {
    return {
      at: this.state.at,
      secure: this.secure,
      canStartTls: this.server.tls !== null && !this.secure,
      plainAllowed: this.secure || this.server.allowPlain,
      compressed: this.modes.compressed,
      messageLimit: this.server.limits.messages,
    };
  }

  protected greeting(): string {
    return `* OK [CAPABILITY ${this.capabilities}] ${plain(this.server.hostname)} ready\r\n`;
  }

  protected isLoggedIn(): boolean {
    return this.state.at !== "start";
  }

  protected lastWords(why: "shutdown" | "idle"): string {
    return byeLine(
      why === "idle" ? new Bye("Autologout; idle for too long") : new Bye("Server is shutting down", "UNAVAILABLE"),
    );
  }

  protected farewell(error: unknown): string {
    if (error instanceof Bye) return byeLine(error);
    this.server.log("imap.bug", { cause: cause(error) });
    return "* BYE [SERVERBUG] Internal error\r\n";
  }

  protected async release(): Promise<void> {
    await this.exit();
  }

  /** LOGOUT: the session is over with the tagged reply. */
  logOut(): void {
    this.#loggedOut = true;
  }

  // The log-in of a session and its end.

  become(state: State): void {
    this.state = state;
  }

  /** Throws Bye where the mailbox has its fill of sessions. */
  enter(account: Account): void {
    if (!this.server.crowd.enter(account.mailboxId, this.ip)) {
      void account.logout();
      throw new Bye("Too many sessions for this mailbox", "LIMIT");
    }
    account.onRevoked((why) => this.end(byeLine(endings[why])));
    this.#unwatch = account.watch((change) => this.#hear(change));
    this.quietAfterLogin();
    this.become({ at: "authenticated", session: this, account });
  }

  /** Back to before login (UNAUTHENTICATE, RFC 8437), or the end. */
  async exit(): Promise<void> {
    const { state } = this;
    if (state.at === "start") return;
    await this.deselect();
    this.stopNotify();
    this.#unwatch();
    this.server.crowd.exit(state.account.mailboxId);
    this.become({ at: "start", session: this });
    this.modes = noModes(this.modes.compressed);
    this.quietBeforeLogin();
    await state.account.logout();
  }

  /** Leaves the selected folder without a word. */
  async deselect(): Promise<void> {
    const { state } = this;
    if (state.at !== "selected") return;
    this.become({ at: "authenticated", session: this, account: state.account });
    await state.box.close();
  }

  /** Opens a folder; its changes are heard from before the snapshot on. */
  async select(name: string, readOnly: boolean): Promise<{ s: Selected; snapshot: Snapshot }> {
    const { state } = this;
    if (state.at === "start") throw new Bad("Not authenticated");
    const { account } = state;
    await this.deselect();
    const box = await account.open(name, readOnly);
    const view = new View(account, this.modes, box.readOnly);
    view.onRecent = () => box.claimRecent();
    const s: Selected = { at: "selected", session: this, account, box, view, ahead: new ReadAhead(box, view) };
    this.become(s);
    const snapshot = await box.snapshot();
    view.start(snapshot);
    return { s, snapshot };
  }

  get account(): Account | null {
    return this.state.at === "start" ? null : this.state.account;
  }

  /** Says what the view has to say, now (NOTIFY). */
  tellNews(expunge: boolean): void {
    if (this.state.at === "selected") this.channel.write(this.state.view.tell(expunge));
  }

  /** Makes untagged lines and says them: now between commands, else at the end of the one in hand. */
  async later(make: () => Promise<string>): Promise<void> {
    const lines = await make().catch((error: unknown) => {
      this.server.log("imap.bug", { cause: cause(error) });
      return "";
    });
    if (this.isBusy && !this.isWaiting) this.#postponed += lines;
    else this.channel.write(lines);
  }

  /** Hears of changes after the view did; answers how to stop (IDLE, NOTIFY). */
  listen(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #hear(change: Change): void {
    if (this.state.at === "selected" && change.folder === this.state.box.folder.id) this.state.view.hear(change);
    for (const listener of this.#listeners) listener(change);
    const line = unsolicited(change, this);
    if (line !== "") void this.later(async () => line);
  }

  // One command.

  protected async turn(): Promise<boolean> {
    try {
      const raw = await readCommand(this.channel, this.#admit);
      if (raw === null || this.isEnding()) return false;
      this.isBusy = true;
      const goesOn = await this.#perform(raw);
      this.isBusy = false;
      return goesOn && !this.isEnding();
    } finally {
      this.holding.letGo();
    }
  }

  readonly #admit: Admit = async (literal, d) => {
    const { command } = nameOf(d);
    if (command?.admit && this.state.at !== "start") return command.admit(this.state, literal, d);
    const most = this.state.at === "start" ? START_LITERAL : OTHER_LITERAL;
    if (literal.size > most) throw new Bad("Literal too large");
    if (d.held().bytes + literal.size > most * MOST_TOGETHER) throw new Bad("Literals too large together");
  };

  async #perform(raw: RawCommand): Promise<boolean> {
    let line: string;
    try {
      line = await this.#complete(raw);
    } catch (error) {
      if (error instanceof Bye) throw error;
      line = `${raw.tag} ${this.#failure(error)}\r\n`;
    }
    this.channel.write(line);
    await this.replied();
    return !this.#loggedOut && !this.channel.ended;
  }

  async #complete(raw: RawCommand): Promise<string> {
    if (raw.refused) throw raw.refused;
    const d = new Decoder(raw.parts);
    this.tag = raw.tag;
    if (raw.tag === "*") throw new Bad("Expected a tag");
    skipTag(d);
    const { command, uid, name } = nameOf(d);
    if (!command) throw new Bad(`Unknown command ${plain(name).slice(0, 40)}`);
    if (this.state.at === "selected") {
      if (command.name !== "FETCH") this.state.ahead.drop();
      this.channel.write(this.state.view.tellAdded());
    }
    // RFC 9586 §3.1: what takes message numbers is refused.
    if (this.modes.uidonly && !uid && command.uid === true && command.name !== "EXPUNGE") {
      throw new Bad("Use the UID form", "UIDREQUIRED");
    }
    if (command.writes && this.state.at === "selected" && this.state.box.readOnly) this.#readOnly(command);
    const replies = command.begin(this.state, d, uid);
    if (!replies) throw new Bad(`${command.name} is not allowed now`);
    this.#badCommands = 0;
    const end = await this.#run(replies, command.holdsExpunge === true && !uid);
    return `${raw.tag} OK ${end.code === null ? "" : `[${end.code}] `}${plain(end.text ?? `${name} completed`)}\r\n`;
  }

  #readOnly(command: Command): void {
    throw new No("CANNOT", `${command.name}: the folder is open read-only`);
  }

  async #run(outcome: Outcome, holdsExpunge: boolean): Promise<Ok> {
    const progress = setInterval(() => this.#progress(), this.server.limits.progressMs);
    try {
      return await (outcome instanceof Promise ? outcome : this.#send(outcome));
    } finally {
      if (this.state.at === "selected") this.channel.write(this.state.view.tell(!holdsExpunge));
      this.channel.write(this.#postponed);
      this.#postponed = "";
      clearInterval(progress);
      this.progress = null;
    }
  }

  /** RFC 9585: a client that waits long is told that it is not forgotten. */
  #progress(): void {
    const { done, goal } = this.progress ?? { done: "NIL", goal: "NIL" };
    if (!this.isWaiting) this.channel.write(`* OK [INPROGRESS ("${this.tag}" ${done} ${goal})] Still at it\r\n`);
  }

  /** Writes what a handler yields; a slow reader pauses it. */
  async #send(replies: Replies): Promise<Ok> {
    for (;;) {
      const next = await replies.next();
      if (next.done) return next.value;
      if (this.state.at === "selected" && next.value[0] !== "+") this.channel.write(this.state.view.keywords.tell());
      this.channel.write(next.value);
      const slow = this.channel.drained();
      if (slow) await slow;
      if (!this.channel.ended) continue;
      await replies.return(ok());
      return ok();
    }
  }

  #failure(error: unknown): string {
    const no = error instanceof No ? error : refusalOf(error);
    if (no) return `NO ${no.code === null ? "" : `[${no.code}] `}${plain(no.message)}`;
    if (error instanceof Bad) {
      if (++this.#badCommands >= this.server.limits.badCommands) throw new Bye("Too many bad commands");
      return `BAD ${error.code === null ? "" : `[${error.code}] `}${plain(error.message)}`;
    }
    this.server.log("imap.bug", { cause: cause(error) });
    return "NO [SERVERBUG] Internal error";
  }
}

const endings = {
  revoked: new Bye("Your access was revoked", "AUTHORIZATIONFAILED"),
  moving: new Bye("The mailbox is being moved to another server, try again later", "UNAVAILABLE"),
};

function byeLine({ code, message }: Bye): string {
  return message === "" ? "" : `* BYE ${code === null ? "" : `[${code}] `}${message}\r\n`;
}

export type Snapshot = Awaited<ReturnType<Selected["box"]["snapshot"]>>;

function nameOf(d: Decoder): { command: Command | null; uid: boolean; name: string } {
  const word = d.word();
  if (word !== "UID") return { command: findCommand(word, false), uid: false, name: word };
  const name = d.sp().word();
  return { command: findCommand(name, true), uid: true, name: `UID ${name}` };
}
