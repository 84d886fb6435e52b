/**
 * The keywords of the selected folder as far as the client was told of them. One that is new, whoever set it, is announced before
 * the first response that shows it: clients make their menus of FLAGS and PERMANENTFLAGS. RFC 9051 §7.3.5, §7.1.
 */
import type { Flagged } from "../port.ts";

const SYSTEM = "\\Answered \\Flagged \\Deleted \\Seen \\Draft";

/** Of one folder: SELECT says them all, each time. */
const MOST = 500;

export class Keywords {
  readonly #readOnly: boolean;
  #names: string[] = [];
  /** In lower case: a keyword has one spelling, the first. */
  readonly #known = new Set<string>();
  #untold = false;

  constructor(readOnly: boolean) {
    this.#readOnly = readOnly;
  }

  /** Those that SELECT announces. */
  start(names: readonly string[]): void {
    for (const name of names) this.#add(name);
    this.#untold = false;
  }

  /** Flags as a change left them. */
  hear({ flagSets }: Flagged): void {
    for (const flags of flagSets) for (const flag of flags) if (!flag.startsWith("\\")) this.#add(flag);
  }

  /** Whether the folder may have these too. */
  hasRoomFor(flags: readonly string[]): boolean {
    const fresh = flags.filter((flag) => !flag.startsWith("\\") && !this.#known.has(flag.toLowerCase()));
    return fresh.length === 0 || this.#known.size + fresh.length <= MOST;
  }

  /** FLAGS and PERMANENTFLAGS, as they are now. */
  lines(): string {
    this.#untold = false;
    const flags = [SYSTEM, ...this.#names].join(" ");
    const permanent = this.#readOnly ? "" : `${flags} \\*`;
    return `* FLAGS (${flags})\r\n* OK [PERMANENTFLAGS (${permanent})] Flags permitted\r\n`;
  }

  /** The same where something is new, else nothing. */
  tell(): string {
    return this.#untold ? this.lines() : "";
  }

  #add(name: string): void {
    const folded = name.toLowerCase();
    if (this.#known.has(folded)) return;
    this.#known.add(folded);
    this.#names.push(name);
    this.#untold = true;
  }
}
