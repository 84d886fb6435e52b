/**
 * Messages on their way in are held in memory until their command is whole. All sessions of one mailbox together may hold only so
 * much: an owner with many connections is not to fill the node's memory.
 */
import type { Crowd } from "../net/crowd.ts";
import { No } from "./answers.ts";

export class Holding {
  readonly #crowd: Crowd;
  #mailbox = "";
  #bytes = 0;

  constructor(crowd: Crowd) {
    this.#crowd = crowd;
  }

  /** Before the bytes come. */
  take(mailbox: string, bytes: number): void {
    if (!this.#crowd.hold(mailbox, bytes)) throw new No("LIMIT", "Too much is coming in at once, try again later");
    this.#mailbox = mailbox;
    this.#bytes += bytes;
  }

  /** The command is over, however it ended. */
  letGo(): void {
    if (this.#bytes > 0) this.#crowd.letGo(this.#mailbox, this.#bytes);
    this.#bytes = 0;
  }
}
