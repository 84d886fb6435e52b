/**
 * FETCH responses of a batch of rows, written into one growing buffer: metadata as stored bytes, nothing parsed, nothing allocated
 * a message. Large bodies are not copied but stand between the pieces.
 */

import type { Modes } from "./modes.ts";
import type { Packed, Rows } from "./port.ts";
import type { View } from "./view/view.ts";
import { writeDateTime } from "./wire/dates.ts";
import type { Item } from "./wire/fetch.ts";
import { quoted } from "./wire/text.ts";

const FIRST = 8 * 1024;
const BLOCK = 64 * 1024;
const WHOLE = 32 * 1024;

/** Bytes in order, as few buffers as it goes. */
export class Writer {
  #block: Buffer = Buffer.allocUnsafeSlow(FIRST);
  #at = 0;
  #from = 0;
  #done: Buffer[] = [];

  /** Latin-1 text. */
  text(text: string): void {
    this.#room(text.length);
    this.#at += this.#block.write(text, this.#at, "latin1");
  }

  bytes(source: Uint8Array, from: number, to: number): void {
    if (to - from >= WHOLE) {
      this.#close();
      this.#done.push(Buffer.from(source.buffer, source.byteOffset + from, to - from));
      return;
    }
    this.#room(to - from);
    this.#block.set(source.subarray(from, to), this.#at);
    this.#at += to - from;
  }

  take(): Buffer[] {
    this.#close();
    const done = this.#done;
    this.#done = [];
    return done;
  }

  #close(): void {
    if (this.#at > this.#from) this.#done.push(this.#block.subarray(this.#from, this.#at));
    this.#from = this.#at;
  }

  #room(n: number): void {
    if (this.#at + n <= this.#block.length) return;
    this.#close();
    this.#block = Buffer.allocUnsafeSlow(Math.max(n, BLOCK));
    this.#at = 0;
    this.#from = 0;
  }
}

type Part = (w: Writer, rows: Rows, i: number, uid: number) => void;
/** Flags and modseq as a change of this very command left them (\Seen by BODY[]). */
export type Overlay = ReadonlyMap<number, { flags: string; modseq: number }>;
export type Sizes = ReadonlyMap<string, ReadonlyMap<number, number | null>>;

export class Renderer {
  readonly #parts: Part[];
  readonly #view: View;
  readonly #hasFlags: boolean;
  readonly #firstSection: number;
  readonly #tellsModseq: boolean;
  #flagTexts: string[] = [];
  #flagsOf: Rows["flagSets"] | null = null;
  overlay: Overlay = new Map();
  sizes: Sizes = new Map();

  constructor(view: View, items: readonly Item[], modes: Modes) {
    this.#view = view;
    this.#hasFlags = items.some((item) => item.kind === "flags");
    this.#tellsModseq = modes.condstore && !items.some((item) => item.kind === "modseq");
    this.#firstSection = items.findIndex((item) => item.kind === "section");
    let section = 0;
    this.#parts = items.map((item) => this.#part(item, item.kind === "section" ? section++ : 0, modes));
  }

  render(w: Writer, rows: Rows): void {
    if (this.#flagsOf !== rows.flagSets) this.#flagTexts = rows.flagSets.map((flags) => flags.join(" "));
    this.#flagsOf = rows.flagSets;
    const { uids } = rows;
    for (let i = 0; i < uids.length; i++) {
      const uid = uids[i] as number;
      const prefix = this.#view.prefix(uid);
      if (prefix !== "") this.#message(w, rows, i, uid, prefix);
    }
  }

  #message(w: Writer, rows: Rows, i: number, uid: number, prefix: string): void {
    w.text(prefix);
    const flagsAt = this.#hasFlags || !this.overlay.has(uid) ? -1 : this.#firstSection;
    this.#parts.forEach((part, n) => {
      if (n > 0) w.text(" ");
      // RFC 9051 §6.4.5: \Seen set by this FETCH is told with it; before the text, as clients are used to.
      if (n === flagsAt) w.text(this.#seen(rows, i, uid));
      part(w, rows, i, uid);
    });
    w.text(")\r\n");
  }

  #seen(rows: Rows, i: number, uid: number): string {
    // RFC 7162 §3.1: once CONDSTORE is on, flags that changed are told with their MODSEQ.
    const modseq = this.#tellsModseq ? `MODSEQ (${this.overlay.get(uid)?.modseq}) ` : "";
    return `FLAGS (${this.#flags(rows, i, uid)}) ${modseq}`;
  }

  #flags(rows: Rows, i: number, uid: number): string {
    const text = this.overlay.get(uid)?.flags ?? this.#flagTexts[rows.flagSet[i] as number] ?? "";
    return this.#view.withRecent(uid, text);
  }

  #part(item: Item, section: number, modes: Modes): Part {
    switch (item.kind) {
      case "uid":
        return (w, _rows, _i, uid) => w.text(`UID ${uid}`);
      case "flags":
        return (w, rows, i, uid) => w.text(`FLAGS (${this.#flags(rows, i, uid)})`);
      case "internaldate":
        return (w, rows, i) => w.text(`INTERNALDATE ${writeDateTime(rows.internalDates[i] as number)}`);
      case "size":
        return (w, rows, i) => w.text(`RFC822.SIZE ${rows.sizes[i]}`);
      case "envelope":
        return packed("ENVELOPE ", (rows) => rows.envelopes);
      case "structure":
        return packed("BODYSTRUCTURE ", (rows) => rows.structures);
      case "body":
        return packed("BODY ", (rows) => rows.basicStructures);
      case "modseq":
        return (w, rows, i, uid) => w.text(`MODSEQ (${this.overlay.get(uid)?.modseq ?? rows.modseqs[i]})`);
      case "savedate":
        return (w, rows, i) => w.text(`SAVEDATE ${writeDateTime(rows.savedAt[i] as number)}`);
      case "emailid":
        return (w, rows, i) => w.text(`EMAILID (${rows.emailIds?.[i] ?? ""})`);
      case "threadid":
        return (w, rows, i) => w.text(`THREADID ${rows.threadIds?.[i] ? `(${rows.threadIds[i]})` : "NIL"}`);
      case "preview":
        return preview(modes);
      case "binary.size":
        return (w, _rows, _i, uid) => w.text(`${item.label} ${this.sizes.get(item.label)?.get(uid) ?? 0}`);
      case "section":
        return sectionPart(item.label, section, item.binary);
    }
  }
}

function packed(label: string, column: (rows: Rows) => Packed | undefined): Part {
  return (w, rows, i) => {
    const values = column(rows);
    w.text(label);
    if (values) w.bytes(values.bytes, start(values, i), values.ends[i] as number);
  };
}

function start(values: Packed, i: number): number {
  return i === 0 ? 0 : (values.ends[i - 1] as number);
}

function sectionPart(label: string, index: number, binary: boolean): Part {
  return (w, rows, i) => {
    const values = rows.sections?.[index];
    if (!values || (values.state && values.state[i] !== 0)) {
      w.text(`${label} NIL`);
      return;
    }
    const from = start(values, i);
    const to = values.ends[i] as number;
    // RFC 9051 §4.3: content with NUL needs a literal8; a plain BODY[] is sent as it is, as all servers do.
    const tilde = binary && values.bytes.subarray(from, to).includes(0) ? "~" : "";
    w.text(`${label} ${tilde}{${to - from}}\r\n`);
    w.bytes(values.bytes, from, to);
  };
}

function preview(modes: Modes): Part {
  return (w, rows, i) => {
    const values = rows.previews;
    const text = values
      ? Buffer.from(values.bytes.buffer, values.bytes.byteOffset).toString(
          "latin1",
          start(values, i),
          values.ends[i] as number,
        )
      : "";
    const isPlain = /^[\x20-\x7e]*$/.test(text) || ((modes.rev2 || modes.utf8) && !/[\x00\r\n]/.test(text));
    w.text(`PREVIEW ${isPlain ? quoted(text) : `{${text.length}}\r\n${text}`}`);
  };
}
