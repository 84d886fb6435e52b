/**
 * Mail programs fetch one message after another. Once a session does, the next few come along with the one asked for: what of a
 * message never changes is held for a moment, so that eight questions cost the store one.
 */
import type { Box, Packed, Rows, Want } from "./port.ts";
import type { View } from "./view/view.ts";

const FIRST_AHEAD = 8;
/** As the client goes on, more come at once, to here. */
const MOST_AHEAD = 64;
/** Above it the next message is not expected to be small either, and reading it for nothing would cost more than asking. */
const SMALL = 16 * 1024;
const MOST_HELD = 256 * 1024;

export class ReadAhead {
  readonly #box: Box;
  readonly #view: View;
  #wish = "";
  #last = 0;
  #held: Rows | null = null;
  #wasSmall = false;
  #step = FIRST_AHEAD;

  constructor(box: Box, view: View) {
    this.#box = box;
    this.#view = view;
  }

  /** One message, whose flags and modseq the caller does not look at. */
  async *fetch(uid: number, want: Want): AsyncGenerator<Rows> {
    const wish = JSON.stringify(want);
    const { numbers } = this.#view;
    const seq = numbers.seqOf(uid);
    if (wish !== this.#wish) this.#held = null;
    const goesOn = wish === this.#wish && seq === this.#last + 1 && this.#wasSmall;
    this.#wish = wish;
    this.#last = seq;
    const at = this.#held?.uids.indexOf(uid) ?? -1;
    if (this.#held && at >= 0) {
      yield this.#give(this.#held, at);
      return;
    }
    if (!goesOn) this.#step = FIRST_AHEAD;
    const end = goesOn ? numbers.uidAt(Math.min(seq + this.#step - 1, numbers.count)) : uid;
    for await (const rows of this.#box.fetch([[uid, end]], want)) {
      this.#hold(goesOn ? rows : null);
      if (rows.uids[0] === uid) yield this.#give(rows, 0);
      return;
    }
  }

  /** The client does something else. */
  drop(): void {
    this.#held = null;
    this.#last = 0;
  }

  #hold(rows: Rows | null): void {
    const bytes = rows ? bytesOf(rows) : 0;
    this.#held = bytes <= MOST_HELD ? rows : null;
    // Only where twice as many would still be held.
    if (rows) this.#step = 2 * bytes <= MOST_HELD ? Math.min(2 * this.#step, MOST_AHEAD) : FIRST_AHEAD;
  }

  #give(rows: Rows, i: number): Rows {
    const row = rowOf(rows, i);
    this.#wasSmall = bytesOf(row) <= SMALL;
    return row;
  }
}

function bytesOf({ sections }: Rows): number {
  return sections?.reduce((sum, { bytes }) => sum + bytes.length, 0) ?? 0;
}

function rowOf(rows: Rows, i: number): Rows {
  return {
    uids: rows.uids.subarray(i, i + 1),
    modseqs: rows.modseqs.subarray(i, i + 1),
    flagSets: rows.flagSets,
    flagSet: rows.flagSet.subarray(i, i + 1),
    sizes: rows.sizes.subarray(i, i + 1),
    internalDates: rows.internalDates.subarray(i, i + 1),
    savedAt: rows.savedAt.subarray(i, i + 1),
    ...(rows.envelopes && { envelopes: packedAt(rows.envelopes, i) }),
    ...(rows.structures && { structures: packedAt(rows.structures, i) }),
    ...(rows.basicStructures && { basicStructures: packedAt(rows.basicStructures, i) }),
    ...(rows.previews && { previews: packedAt(rows.previews, i) }),
    ...(rows.emailIds && { emailIds: rows.emailIds.slice(i, i + 1) }),
    ...(rows.threadIds && { threadIds: rows.threadIds.slice(i, i + 1) }),
    ...(rows.sections && { sections: rows.sections.map((section) => packedAt(section, i)) }),
  };
}

function packedAt({ bytes, ends, state }: Packed, i: number): Packed {
  const from = i === 0 ? 0 : (ends[i - 1] as number);
  const to = ends[i] as number;
  return {
    bytes: bytes.subarray(from, to),
    ends: Uint32Array.of(to - from),
    ...(state && { state: state.subarray(i, i + 1) }),
  };
}
