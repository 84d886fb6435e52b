/** Long work in slices of some milliseconds, so that other sessions of the same thread get their turn between two. */

/** Lets other work run. */
export type Pause = () => Promise<void>;

const sliceMs = 6;

export class Pace {
  readonly #pause: Pause;
  #until = performance.now() + sliceMs;

  constructor(pause: Pause) {
    this.#pause = pause;
  }

  get isOver(): boolean {
    return performance.now() >= this.#until;
  }

  /** Call between pieces that take well under a slice; waits only when a slice is over. */
  async rest(): Promise<void> {
    if (!this.isOver) return;
    await this.#pause();
    this.#until = performance.now() + sliceMs;
  }
}
