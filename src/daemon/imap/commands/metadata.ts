/** GETMETADATA and SETMETADATA. RFC 5464. */
import { Bad, No, ok } from "../answers.ts";
import { command } from "../command.ts";
import type { Modes } from "../modes.ts";
import { readMailbox, writeMailbox } from "../names.ts";
import type { Decoder } from "../wire/decoder.ts";
import { metadataReply } from "../wire/metadata.ts";

/** Of one value (RFC 5464 §4.3: MAXSIZE says it). */
const MOST_VALUE = 65_536;
const MOST_ENTRY = 255;
/** Of all values in one command. */
const MOST_TOGETHER = 1024 * 1024;

type Options = { maxSize: number; depth: number };

function parseOptions(d: Decoder, options: Options): void {
  d.list(() => {
    const word = d.word();
    if (word === "MAXSIZE") options.maxSize = d.sp().number();
    else if (word === "DEPTH") options.depth = depthOf(d.sp().word());
    else throw new Bad(`Unknown GETMETADATA option ${word}`);
  });
}

function depthOf(word: string): number {
  if (word === "0" || word === "1") return Number(word);
  if (word !== "INFINITY") throw new Bad("DEPTH is 0, 1 or infinity");
  return Number.POSITIVE_INFINITY;
}

/** RFC 5464 §3: case-insensitive, `/private/…` or `/shared/…`, no empty level, no wildcard. */
function entryName(text: string): string {
  const name = text.toLowerCase();
  const isValid = /^\/(?:private|shared)(?:\/[\x20-\x24\x26-\x29\x2b-\x2e\x30-\x7e]+)*$/.test(name);
  if (!isValid || name.length > MOST_ENTRY) throw new Bad("Invalid entry name");
  return name;
}

/** "" is the mailbox as a whole. */
function target(d: Decoder, modes: Modes): string | null {
  const name = readMailbox(d, modes);
  return name === "" ? null : name;
}

export const getMetadata = command({
  name: "GETMETADATA",
  in: "authenticated",
  capability: ["METADATA"],
  parse: (d, _uid, s) => {
    const options: Options = { maxSize: Number.POSITIVE_INFINITY, depth: 0 };
    if (d.sp().is("(")) {
      parseOptions(d, options);
      d.sp();
    }
    const name = target(d, s.session.modes);
    d.sp();
    // RFC 5464's examples have the options behind the mailbox, its grammar before it.
    if (d.lookingAt("(MAXSIZE ") || d.lookingAt("(DEPTH ")) {
      parseOptions(d, options);
      d.sp();
    }
    const entries = d.is("(") ? d.list(() => entryName(d.astring()), 100) : [entryName(d.astring())];
    if (entries.length === 0) throw new Bad("Expected entry names");
    return { options, name, entries };
  },
  async *run(s, { options, name, entries }) {
    const found = await s.account.metadata(name, entries, options.depth);
    const absent = options.depth === 0 ? entries.filter((entry) => !found.has(entry)) : [];
    const tooLong = [...found].filter(([, value]) => value.length > options.maxSize);
    const shown = new Map<string, Uint8Array | null>([...found].filter(([, value]) => value.length <= options.maxSize));
    for (const entry of absent) shown.set(entry, null);
    if (shown.size > 0) yield metadataReply(name === null ? '""' : writeMailbox(name, s.session.modes), shown);
    if (tooLong.length === 0) return ok();
    // RFC 5464 §4.2.1: the size of the largest one left out.
    return ok(`METADATA LONGENTRIES ${Math.max(...tooLong.map(([, value]) => value.length))}`);
  },
});

export const setMetadata = command({
  name: "SETMETADATA",
  in: "authenticated",
  admit: (_s, { size }, d) => {
    checkSize(size);
    if (d.held().bytes + size > MOST_TOGETHER) throw new No("LIMIT", "Too much in one command");
  },
  parse: (d, _uid, s) => {
    const name = target(d.sp(), s.session.modes);
    const values = new Map<string, Uint8Array | null>();
    d.sp().list(() => {
      const entry = entryName(d.astring());
      values.set(entry, d.sp().nstring());
    }, 100);
    if (values.size === 0) throw new Bad("Expected entries");
    return { name, values };
  },
  async run(s, { name, values }) {
    for (const value of values.values()) checkSize(value?.length ?? 0);
    await s.account.setMetadata(name, values);
    return ok();
  },
});

/** RFC 5464 §4.3. */
function checkSize(bytes: number): void {
  if (bytes > MOST_VALUE) throw new No(`METADATA MAXSIZE ${MOST_VALUE}`, "Value too large");
}
