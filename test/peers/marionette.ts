/** The remote control that Thunderbird and Firefox have built in: numbered JSON over TCP, each message with its length in front. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";

type Waiting = { resolve: (value: unknown) => void; reject: (error: Error) => void };

export class Marionette {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #held = Buffer.alloc(0);
  #last = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#hear(chunk));
    socket.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("Marionette is gone"));
    });
    socket.on("error", () => socket.destroy());
  }

  /** A session whose scripts run with the program's own rights. */
  static async connect(port: number, scriptMs: number): Promise<Marionette> {
    const socket = connect({ port, host: "127.0.0.1" });
    await once(socket, "connect");
    const marionette = new Marionette(socket);
    await marionette.command("WebDriver:NewSession", {});
    await marionette.command("WebDriver:SetTimeouts", { script: scriptMs });
    await marionette.command("Marionette:SetContext", { value: "chrome" });
    return marionette;
  }

  command(name: string, parameters: object): Promise<unknown> {
    const id = ++this.#last;
    const message = Buffer.from(JSON.stringify([0, id, name, parameters]));
    this.#socket.write(Buffer.concat([Buffer.from(`${message.length}:`), message]));
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  /** The value that `body`, of an async function with `args` as its arguments, returns. */
  async run<T>(body: string, ...args: readonly unknown[]): Promise<T> {
    const script = `const resolve = arguments[arguments.length - 1];
      (async (...args) => { ${body} })(...arguments).then((value) => resolve({ value }), (error) => resolve({ error: String(error) }));`;
    const answer = await this.command("WebDriver:ExecuteAsyncScript", { script, args, newSandbox: true });
    const { value, error } = (answer as { value: { value: T; error?: string } }).value;
    if (error !== undefined) throw new Error(error);
    return value;
  }

  close(): void {
    this.#socket.destroy();
  }

  #hear(chunk: Buffer): void {
    this.#held = Buffer.concat([this.#held, chunk]);
    for (;;) {
      const colon = this.#held.indexOf(":");
      const length = Number(this.#held.toString("latin1", 0, Math.max(colon, 0)));
      if (colon < 0 || this.#held.length < colon + 1 + length) return;
      const message: unknown = JSON.parse(this.#held.toString("utf8", colon + 1, colon + 1 + length));
      this.#held = this.#held.subarray(colon + 1 + length);
      // The greeting is no answer.
      if (Array.isArray(message)) this.#answer(message);
    }
  }

  #answer([, id, error, result]: unknown[]): void {
    const waiting = this.#waiting.get(Number(id));
    this.#waiting.delete(Number(id));
    if (error) waiting?.reject(new Error(JSON.stringify(error)));
    else waiting?.resolve(result);
  }
}
