/**
 * Body canonicalisation, RFC 6376 §3.4.3 and §3.4.4, at about the price of hashing the body: what needs no change is handed
 * on as views of the message, never copied, and one pass serves every signature that shares a canonicalisation.
 *
 * CRLF ends a line. Where a body has bare LFs, `lf` makes them line ends too, hashed as CRLF, as relays that mend them do.
 */
export type Canon = "simple" | "relaxed";
export type Sink = (bytes: Uint8Array) => void;

const CR = 13;
const LF = 10;
const TAB = 9;
const SP = 32;
const crlf = Uint8Array.of(CR, LF);

/** Feeds the canonical form of `body` to `sink`, in order. A chunk is valid only during the call. */
export function canonicalBody(canon: Canon, body: Uint8Array, lf: boolean, sink: Sink): void {
  if (canon === "simple" && !lf) simple(body, sink);
  else new Rewriter(body, canon === "relaxed", lf, sink).run();
}

/** True when some LF has no CR before it. */
export function hasBareLf(body: Uint8Array): boolean {
  for (let at = body.indexOf(LF); at >= 0; at = body.indexOf(LF, at + 1)) if (body[at - 1] !== CR) return true;
  return false;
}

// Only the end changes: one CRLF, whatever number of them stood there (§3.4.3).
function simple(body: Uint8Array, sink: Sink): void {
  let end = body.length;
  while (end >= 2 && body[end - 1] === LF && body[end - 2] === CR) end -= 2;
  if (end > 0) sink(body.subarray(0, end));
  sink(crlf);
}

/** A stretch without white space at least this long is handed on as it stands instead of copied byte by byte. */
const worthSlicing = 256;
const bufferBytes = 64 * 1024;
/** A rewritten byte grows to three at most: CR, LF and itself. */
const room = 8;

/** The general machine: relaxed white space (§3.4.4), bare LFs, empty lines at the end. */
class Rewriter {
  private readonly out = new Uint8Array(bufferBytes);
  private used = 0;
  private wrote = false;
  /** Line ends seen and not written: they vanish when nothing follows. */
  private breaks = 0;
  /** White space seen and not written: it vanishes before a line end. */
  private space = false;
  private nextSpace = -1;
  private nextTab = -1;
  private readonly body: Uint8Array;
  private readonly relaxed: boolean;
  private readonly lf: boolean;
  private readonly sink: Sink;

  constructor(body: Uint8Array, relaxed: boolean, lf: boolean, sink: Sink) {
    this.body = body;
    this.relaxed = relaxed;
    this.lf = lf;
    this.sink = sink;
  }

  run(): void {
    let at = 0;
    while (at < this.body.length) at = this.lf ? this.copy(at, this.body.length) : this.stretch(at);
    this.flush();
    // §3.4.4: an empty body stays empty; §3.4.3: in simple it is one CRLF.
    if (this.wrote || !this.relaxed) this.sink(crlf);
  }

  /** From `at` to the next white space: sliced when long, copied when short together with what follows. */
  private stretch(at: number): number {
    const space = this.whiteSpaceFrom(at);
    const first = this.body[at];
    if (space - at < worthSlicing || first === CR || first === LF) {
      return this.copy(at, Math.min(this.body.length, Math.max(space + 1, at + 1024)));
    }
    let end = space;
    while (end - at >= 2 && this.body[end - 1] === LF && this.body[end - 2] === CR) end -= 2;
    // A CR at the very end may belong to a line end whose LF stands after it: leave it to the slow path.
    if (end > at && this.body[end - 1] === CR) end -= 1;
    if (end <= at) return this.copy(at, space);
    this.settle();
    this.flush();
    this.sink(this.body.subarray(at, end));
    this.wrote = true;
    return end;
  }

  private whiteSpaceFrom(at: number): number {
    if (this.nextSpace < at) this.nextSpace = this.find(SP, at);
    if (this.nextTab < at) this.nextTab = this.find(TAB, at);
    return Math.min(this.nextSpace, this.nextTab);
  }

  private find(byte: number, at: number): number {
    const found = this.body.indexOf(byte, at);
    return found < 0 ? this.body.length : found;
  }

  /** Byte by byte from `at` to `end`; answers where it stopped (a CR at `end` takes its LF along). */
  private copy(at: number, end: number): number {
    const { body, out, relaxed, lf } = this;
    let used = this.used;
    let breaks = this.breaks;
    let space = this.space;
    let wrote = this.wrote;
    for (; at < end; at++) {
      const byte = body[at] as number;
      if (byte > SP && breaks === 0 && !space) {
        out[used++] = byte;
        wrote = true;
      } else if (relaxed && (byte === SP || byte === TAB)) {
        space = true;
        continue;
      } else if (byte === CR && body[at + 1] === LF) {
        at++;
        breaks++;
        space = false;
        continue;
      } else if (byte === LF && lf) {
        breaks++;
        space = false;
        continue;
      } else {
        while (breaks > 0) {
          out[used++] = CR;
          out[used++] = LF;
          breaks--;
          if (used >= bufferBytes - room) {
            this.sink(out.subarray(0, used));
            used = 0;
          }
        }
        if (space) out[used++] = SP;
        space = false;
        out[used++] = byte;
        wrote = true;
      }
      if (used >= bufferBytes - room) {
        this.sink(out.subarray(0, used));
        used = 0;
      }
    }
    this.used = used;
    this.breaks = breaks;
    this.space = space;
    this.wrote = wrote;
    return at;
  }

  /** Writes what was held back: more text follows. */
  private settle(): void {
    for (; this.breaks > 0; this.breaks--) {
      this.out.set(crlf, this.used);
      this.used += 2;
      if (this.used >= bufferBytes - room) this.flush();
    }
    if (this.space) this.out[this.used++] = SP;
    this.space = false;
  }

  private flush(): void {
    if (this.used > 0) this.sink(this.out.subarray(0, this.used));
    this.used = 0;
  }
}
