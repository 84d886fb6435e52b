/** A node's folder for commands that work on it while the daemon stands still. */
import { fromBase64 } from "../core/bytes.ts";
import { readConfig, readIdentity } from "../daemon/config.ts";
import { BadCopy, InUse } from "../daemon/store/copies.ts";

/** `mark`: where it is noted how far copies reach. */
export type NodeHome = { dir: string; nodeKey: Uint8Array; mark: string | null };

export function nodeHome(configPath: string): NodeHome {
  const config = readConfig(configPath);
  const nodeKey = fromBase64(readIdentity(config.identity).storeKey);
  return { dir: config.data, nodeKey, mark: config.backup?.mark ?? null };
}

/** What an operator can do something about is a line on stderr and exit code 1; all else is thrown on. */
export async function complaining(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof InUse || error instanceof BadCopy || isFileTrouble(error))) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

function isFileTrouble(error: unknown): error is Error {
  return error instanceof Error && "code" in error && /^E[A-Z]+$/.test(String(error.code));
}
