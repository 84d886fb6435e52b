/**
 * Answers about a whole folder that change only when its messages do: orders and threads of all of it. UIDs only rise, so the next
 * UID and the number of messages together tell one set of messages from any other that the folder ever had.
 */
import type { FolderRow } from "../mailbox.ts";

/** Numbers held of one mailbox, 4 bytes each. */
const mostNumbers = 250_000;

export class Remembered {
  /** Least recently asked for first. */
  readonly #held = new Map<string, { state: string; columns: readonly Uint32Array[] }>();
  #numbers = 0;

  /** Copies of what was remembered under that name, if the folder still has the messages that it was about. */
  get(folder: FolderRow, name: string): Uint32Array[] | null {
    const key = `${folder.id} ${name}`;
    const held = this.#held.get(key);
    this.#drop(key);
    if (held?.state !== stateOf(folder)) return null;
    this.#put(key, held);
    return held.columns.map((column) => column.slice());
  }

  /** `columns` are copied. `folder`: as it was when the work on them began; what came or went meanwhile makes them worthless at once. */
  set(folder: FolderRow, name: string, columns: readonly Uint32Array[]): void {
    const key = `${folder.id} ${name}`;
    this.#drop(key);
    if (sizeOf(columns) > mostNumbers) return;
    this.#put(key, { state: stateOf(folder), columns: columns.map((column) => column.slice()) });
    for (const oldest of this.#held.keys()) {
      if (this.#numbers <= mostNumbers) return;
      this.#drop(oldest);
    }
  }

  clear(): void {
    this.#held.clear();
    this.#numbers = 0;
  }

  #put(key: string, held: { state: string; columns: readonly Uint32Array[] }): void {
    this.#held.set(key, held);
    this.#numbers += sizeOf(held.columns);
  }

  #drop(key: string): void {
    const held = this.#held.get(key);
    if (held) this.#numbers -= sizeOf(held.columns);
    this.#held.delete(key);
  }
}

function stateOf({ uidvalidity, uidnext, messages }: FolderRow): string {
  return `${uidvalidity} ${uidnext} ${messages}`;
}

function sizeOf(columns: readonly Uint32Array[]): number {
  return columns.reduce((sum, { length }) => sum + length, 0);
}
