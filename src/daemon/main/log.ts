/** The node's log: one JSON line an event on stderr. Callers give no address, secret or message text. */
import type { Log } from "../net/log.ts";

export const log: Log = (event, facts = {}) => {
  process.stderr.write(`${JSON.stringify({ at: new Date().toISOString(), event, ...facts })}\n`);
};

/** For parts that log a line and perhaps an error. */
export function logLine(what: string, error?: unknown): void {
  log(what, error === undefined ? {} : { cause: error instanceof Error ? (error.stack ?? error.message) : "unknown" });
}
