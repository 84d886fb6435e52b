/** One structured line of the node's log. Facts hold no address, secret or message text: a log outlives its reader's care. */
export type Log = (event: string, facts?: Readonly<Record<string, string | number | boolean | null>>) => void;

/** For errors that are bugs: name and stack stay private, the client sees a fixed text. */
export function cause(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
