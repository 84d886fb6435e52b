/**
 * How far copies of this node reach. `alive.json`, in the data folder, names a time before which everything acknowledged is on the disk:
 * a copy reaches as far as the one in it, also when it is made of a snapshot, hours later. It is written when the edge answered a beat,
 * so by a clock that the edge agrees with: one that ran ahead would claim mail to come. `postern backup` notes that in a mark,
 * `postern restore` that the node is a copy; the heartbeat tells both. While a restore waits to be heard, no time is written: the
 * mail since the copy is not here yet, and no new copy may claim it. A folder that begins empty claims nothing from before.
 */
import { randomUUID } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { z } from "zod";
import { type Cover, coverSchema, type Heartbeat, restoredSchema } from "../../core/contract/handoff.ts";
import type { Clock } from "../../core/ports.ts";
import { syncFolder } from "./place.ts";

export const noCover: Cover = { since: 0, until: 0 };
const [aliveName, restoredName] = ["alive.json", "restored.json"];
/** `since`: of the folder that was copied. */
const pendingSchema = z.strictObject({ ...restoredSchema.shape, since: z.int() });
type Pending = z.infer<typeof pendingSchema>;

/** What a copy of this folder holds; nothing where that is not known. */
export function coverOf(dir: string): Cover {
  return read(join(dir, aliveName), coverSchema) ?? noCover;
}

/** After the copy is durable. */
export function writeMark(path: string, cover: Cover): void {
  replaceFile(path, cover);
}

/** Before anything is replaced. One that was not heard of yet goes on in this one. `mailboxes`: null for all of the node. */
export function noteRestored(dir: string, { since, until }: Cover, mailboxes: string[] | null): void {
  const before = pendingOf(dir);
  const from = Math.min(until, before?.from ?? until);
  const both = before === null ? mailboxes : union(before.mailboxes, mailboxes);
  replaceFile(join(dir, restoredName), { id: randomUUID(), from, since, mailboxes: both } satisfies Pending);
  rmSync(join(dir, aliveName), { force: true });
  syncFolder(dir);
}

/** For the heartbeat. `mark`: null where no copies are made. */
export class CopiesTold {
  readonly #dir: string;
  readonly #mark: string | null;
  readonly #clock: Clock;
  readonly #log: ((line: string) => void) | undefined;

  constructor(dir: string, mark: string | null, clock: Clock, log?: (line: string) => void) {
    [this.#dir, this.#mark, this.#clock, this.#log] = [dir, mark, clock, log];
  }

  said(): Pick<Heartbeat, "backup" | "restored"> {
    const pending = pendingOf(this.#dir);
    // A mark that is missing or torn promises nothing: the edge then keeps more than it must.
    const backup = this.#mark === null ? {} : { backup: read(this.#mark, coverSchema) ?? noCover };
    if (pending === null) return backup;
    const { since: _, ...restored } = pending;
    return { ...backup, restored };
  }

  /** The edge answered a beat. */
  isHeard(): void {
    if (pendingOf(this.#dir) === null) this.#tryLive(coverOf(this.#dir).since || this.#clock());
  }

  /** All that the edge kept since this copy is in its spool again. */
  isPutBack(id: string): void {
    const pending = pendingOf(this.#dir);
    if (pending?.id !== id) return;
    this.#live(pending.since || this.#clock());
    rmSync(join(this.#dir, restoredName));
    syncFolder(this.#dir);
  }

  /** A full disk is no reason for silence: a copy then claims less. */
  #tryLive(since: number): void {
    try {
      this.#live(since);
    } catch (error) {
      this.#log?.(`alive: ${error instanceof Error ? error.message : "failed"}`);
    }
  }

  #live(since: number): void {
    replaceFile(join(this.#dir, aliveName), { since, until: this.#clock() } satisfies Cover);
  }
}

function pendingOf(dir: string): Pending | null {
  return read(join(dir, restoredName), pendingSchema);
}

function union(a: string[] | null, b: string[] | null): string[] | null {
  return a === null || b === null ? null : [...new Set([...a, ...b])];
}

function read<T>(path: string, schema: z.ZodType<T>): T | null {
  try {
    return schema.parse(JSON.parse(readFileSync(path, "utf8")));
  } catch {
    return null;
  }
}

function replaceFile(path: string, value: unknown): void {
  const file = openSync(`${path}.new`, "w", 0o600);
  writeSync(file, JSON.stringify(value));
  fsyncSync(file);
  closeSync(file);
  renameSync(`${path}.new`, path);
  syncFolder(dirname(resolve(path)));
}
