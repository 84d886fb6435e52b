/**
 * Garbage that held mail in clear is collected soon after a mailbox was closed, not whenever V8 next feels like it. Together with
 * `MALLOC_PERTURB_` in the daemon's environment (glibc then overwrites what is freed) no buffer of ours outlives its owner's visit;
 * JavaScript strings (previews, search words) may, until V8 reuses their place.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

const delayMs = 200;
/** A node where somebody leaves every second need not collect every second. */
const leastMs = 30_000;

setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");
let last = 0;
let timer: NodeJS.Timeout | null = null;

export function collectSoon(): void {
  if (timer !== null || typeof collect !== "function") return;
  const wait = Math.max(delayMs, last + leastMs - Date.now());
  timer = setTimeout(() => {
    timer = null;
    last = Date.now();
    // The thorough kind: pages of V8's heap that are left empty go back to the system, with the strings that were on them.
    collect({ type: "major", execution: "sync", flavor: "last-resort" });
  }, wait).unref();
}
