/** Mirrors of what store threads committed, gathered for at most a second and written together; never ahead of the mailbox. */
import type { Mirror, Placed, SlotUse } from "./node-state.ts";

const delayMs = 1000;

export class Mirrors {
  readonly #states = new Map<string, Mirror>();
  readonly #uses = new Map<string, SlotUse>();
  readonly #save: (mirrors: Mirror[], uses: SlotUse[]) => Promise<unknown>;
  #timer: NodeJS.Timeout | null = null;

  constructor(save: (mirrors: Mirror[], uses: SlotUse[]) => Promise<unknown>) {
    this.#save = save;
  }

  state({ mailbox, generation, usedBytes, highestModseq, waiting }: Mirror): void {
    this.#states.set(mailbox, { mailbox, generation, usedBytes, highestModseq, waiting });
    this.#soon();
  }

  waiting(mailbox: string, { generation, usedBytes, waiting }: Placed): void {
    const had = this.#states.get(mailbox);
    this.#states.set(mailbox, { mailbox, generation, usedBytes, highestModseq: had?.highestModseq ?? 0, waiting });
    this.#soon();
  }

  use(use: SlotUse): void {
    this.#uses.set(`${use.mailbox}/${use.slot}`, use);
    this.#soon();
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => void this.flush().catch(() => undefined), delayMs).unref();
  }

  async flush(): Promise<void> {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#states.size === 0 && this.#uses.size === 0) return;
    const [states, uses] = [[...this.#states.values()], [...this.#uses.values()]];
    this.#states.clear();
    this.#uses.clear();
    await this.#save(states, uses);
  }
}
