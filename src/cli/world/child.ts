/**
 * A child process that is kept alive: told about when it crashes, started again after a pause that grows, ended with the
 * parent. Its output goes to a log file, the tail of which is shown at a crash.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readFileSync, type WriteStream } from "node:fs";

export type ChildPlan = {
  name: string;
  command: string;
  args: readonly string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
  logFile: string;
  /** Resolves once the child serves; called after each start. `gone`: it ended, so nobody waits any more. */
  ready: (child: ChildProcess, gone: AbortSignal) => Promise<void>;
  /** Says something to the person at the terminal. */
  say: (text: string) => void;
};

/** Takes what is to be ended, in reverse order, when the run ends. */
export type OnClose = (close: () => Promise<void> | void) => void;

/** Longest pause between two starts. */
const maxPauseMs = 15_000;
/** A child that ran this long had started well: the pause begins small again. */
const settledMs = 60_000;

export class KeptChild {
  readonly #plan: ChildPlan;
  readonly #log: WriteStream;
  #child: ChildProcess | null = null;
  #ending = false;
  #failures = 0;
  #startedAt = 0;

  constructor(plan: ChildPlan) {
    this.#plan = plan;
    this.#log = createWriteStream(plan.logFile, { flags: "a", mode: 0o600 });
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it and waits until it serves. Throws, with the log's tail, when it ends before that. */
  async start(): Promise<void> {
    this.#ending = false;
    const child = this.#spawn();
    const gone = new AbortController();
    const died = once(child, "exit").then(() => {
      gone.abort();
      throw new Error(`${this.#plan.name} ended while starting:\n${this.#tail()}`);
    });
    died.catch(() => undefined);
    await Promise.race([this.#plan.ready(child, gone.signal), died]);
    child.on("exit", (code, signal) => this.#onExit(code, signal));
    if (child.exitCode !== null) this.#onExit(child.exitCode, null);
  }

  /** SIGTERM, and SIGKILL when that is not enough. */
  async stop(): Promise<void> {
    this.#ending = true;
    const child = this.#child;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    const last = setTimeout(() => child.kill("SIGKILL"), 8000);
    await gone;
    clearTimeout(last);
  }

  #spawn(): ChildProcess {
    const { command, args, cwd, env } = this.#plan;
    // `detached`: a Ctrl-C at the terminal goes to the parent alone, which ends its children in order.
    const child = spawn(command, args, { cwd, env, stdio: ["ignore", "pipe", "pipe", "ipc"], detached: true });
    child.stdout?.pipe(this.#log, { end: false });
    child.stderr?.pipe(this.#log, { end: false });
    this.#child = child;
    this.#startedAt = Date.now();
    return child;
  }

  #onExit(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#ending) return;
    if (Date.now() - this.#startedAt > settledMs) this.#failures = 0;
    const pause = Math.min(maxPauseMs, 250 * 2 ** this.#failures++);
    this.#plan.say(
      `${this.#plan.name} ended (${signal ?? `exit ${code}`}); starting it again. Its log: ${this.#plan.logFile}\n${this.#tail()}`,
    );
    setTimeout(() => {
      if (!this.#ending)
        this.start().then(
          () => this.#plan.say(`${this.#plan.name} is back.`),
          (error: Error) => this.#again(error),
        );
    }, pause).unref();
  }

  #again(error: Error): void {
    this.#plan.say(error.message);
    this.#onExit(null, null);
  }

  #tail(): string {
    try {
      return readFileSync(this.#plan.logFile, "utf8")
        .split("\n")
        .slice(-12)
        .map((line) => `    ${line}`)
        .join("\n");
    } catch {
      return "";
    }
  }
}
