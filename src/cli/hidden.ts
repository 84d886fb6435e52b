/** Reads one line that nobody should see: from a terminal without echo, or from standard input. */
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";

export async function askHidden(question: string): Promise<string> {
  const { stdin, stderr } = process;
  if (stdin.isTTY) stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const asking = createInterface({ input: stdin, output: silent, terminal: stdin.isTTY ?? false });
  try {
    for await (const line of asking) return line.trim();
    return "";
  } finally {
    asking.close();
    if (stdin.isTTY) stderr.write("\n");
  }
}
