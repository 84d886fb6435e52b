/**
 * Programs that tests talk to. Where one is missing its tests are skipped and named at the end of `npm test`; where peers are
 * required (CI) they run and fail.
 */
import { spawnSync } from "node:child_process";
import { appendFileSync } from "node:fs";

const required = process.env["CI"] !== undefined || process.env["POSTERN_PEERS"] === "required";

/** Is the peer here? `probe` must exit 0. Use with `test.skipIf(!need(…))`; `untested` says what is lost without it. */
export function need(name: string, probe: readonly [command: string, ...args: string[]], untested: string): boolean {
  const [command, ...args] = probe;
  const here = spawnSync(command, args, { stdio: "ignore" }).status === 0;
  if (here || required) return true;
  const file = process.env["POSTERN_SKIPPED"];
  const line = `${name} is missing: ${untested}\n`;
  if (file === undefined) process.stderr.write(line);
  else appendFileSync(file, line);
  return false;
}
