/**
 * `npm start`: the whole service on this machine. The edge runs under `wrangler dev` with local D1, R2 and Queues, the node is
 * the real daemon, DNS and "the outside world" are servers on loopback. Everything lives in one ignored folder.
 */
import type { OnClose } from "./world/child.ts";
import { startNodeOnly } from "./world/node-only.ts";
import { type StartOptions, startOptions } from "./world/options.ts";
import { openPlace, type Place } from "./world/place.ts";
import { describe } from "./world/print.ts";
import { openWorld } from "./world/whole.ts";

export { usage } from "./world/options.ts";

export async function run(args: string[]): Promise<number> {
  const options = startOptions(args);
  const closing = new Closing();
  const ended = untilStopped();
  try {
    const place = openPlace(options.folder, options.fresh);
    closing.add(place.release);
    const start = options.nodeOnly ? startNodeOnly : startWhole;
    const up = closing.watch(start(place, options, (close) => closing.add(close)));
    await Promise.race([up.then((text) => process.stdout.write(text)), ended]);
    await ended;
    return 0;
  } catch (error) {
    process.stderr.write(`postern: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    await closing.closeAll();
  }
}

/** What was begun, ended in reverse order. A run that is stopped while it starts begins nothing more, and ends what it had begun. */
class Closing {
  readonly #closers: (() => Promise<void> | void)[] = [];
  #isOver = false;
  #work: Promise<unknown> = Promise.resolve();

  add(close: () => Promise<void> | void): void {
    this.#closers.push(close);
    if (this.#isOver) throw new Error("stopped while starting");
  }

  watch<T>(work: Promise<T>): Promise<T> {
    this.#work = work.catch(() => undefined);
    return work;
  }

  async closeAll(): Promise<void> {
    this.#isOver = true;
    await this.#closeThese();
    await this.#work;
    await this.#closeThese();
  }

  async #closeThese(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }
}

async function startWhole(place: Place, options: StartOptions, onClose: OnClose): Promise<string> {
  if (!options.json) process.stderr.write("Starting Postern: edge, node, DNS and a loopback outside world …\n");
  const { endpoints, demo } = await openWorld(place, onClose, options.openSignUp ? { vars: { SIGN_UP: "open" } } : {});
  return options.json ? `${JSON.stringify(endpoints)}\n` : describe(endpoints, demo);
}

/** Ctrl-C, SIGTERM, or the parent's death. */
function untilStopped(): Promise<void> {
  const parent = process.ppid;
  return new Promise((done) => {
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => done());
    setInterval(() => process.ppid !== parent && done(), 500).unref();
  });
}
