/**
 * The node's log: one JSON line an event on stderr. Callers give no address, secret or message text; an address that the words of an
 * error bring along, such as another server's answer, is struck out here.
 */
import type { Log } from "../net/log.ts";

export const log: Log = (event, facts = {}) => {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), event, ...facts }, struck)}\n`);
};

/** For parts that log a line and perhaps an error. */
export function logLine(what: string, error?: unknown): void {
  log(what, error === undefined ? {} : { cause: error instanceof Error ? (error.stack ?? error.message) : "unknown" });
}

/** RFC 5321 §4.1.2's quoted local parts too. A slash ends it: packages' folders begin with `@`. Each word is begun once, so time is linear. */
const word = String.raw`[^\s<>()[\],;:"\\/@]`;
const quoted = String.raw`"(?:[^"\\\n]|\\.){0,300}"`;
const domain = String.raw`[^\s<>(){},;"'\\/]+`;
const address = new RegExp(`(?:${quoted}|(?<!${word})${word}+)@${domain}`, "g");

function struck(_: string, value: unknown): unknown {
  return typeof value === "string" ? value.replace(address, "<address>") : value;
}
