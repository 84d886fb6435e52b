/**
 * `postern …`: one row per command, each loaded only when it is called. `--help` prints its usage; options that it does not
 * know are a mistake of the caller, answered with the usage and exit code 2.
 */
import { Mistake } from "./run.ts";

type Command = { what: string; load: () => Promise<{ usage: string; run(args: string[]): Promise<number> }> };

const commands: Record<string, Command> = {
  start: { what: "run the whole service on this machine, edge and node", load: () => import("./start.ts") },
  test: { what: "run every check and test", load: () => import("./test.ts") },
  check: { what: "types, lint, format and import rules", load: () => import("./check.ts") },
  send: { what: "deliver a message file through an SMTP door", load: () => import("./send.ts") },
  prove: { what: "SPF, DKIM, DMARC and ARC verdicts of a message, as JSON", load: () => import("./prove.ts") },
  "new-edge": { what: "make the secrets of an edge", load: () => import("./new-edge.ts") },
  "new-node": { what: "write a node's identity and configuration", load: () => import("./new-node.ts") },
  mailbox: {
    what: "make a mailbox's keys here, check that it is whole, or move it to another node",
    load: () => import("./mailbox-command.ts"),
  },
  backup: { what: "copy a node that stands still", load: () => import("./backup.ts") },
  restore: { what: "put a mailbox, or a node, back from a copy", load: () => import("./restore.ts") },
  "deploy-check": {
    what: "bundle the Worker as a deployment would, and print its size",
    load: () => import("./deploy-check.ts"),
  },
  bench: { what: "measure, as ratios in one run", load: () => import("./bench.ts") },
  fuzz: { what: "feed the parsers and servers hostile input", load: () => import("./fuzz.ts") },
};

const [name, ...args] = process.argv.slice(2);
const command = name === undefined ? undefined : commands[name];
if (name === undefined || command === undefined) {
  const rows = Object.entries(commands).map(([word, { what }]) => `  postern ${word.padEnd(12)} ${what}`);
  process.stderr.write(
    `${name && name !== "--help" ? `postern: no command "${name}"\n` : ""}usage:\n${rows.join("\n")}\n`,
  );
  process.exitCode = name === "--help" ? 0 : 2;
} else {
  process.exitCode = await call(name, await command.load());
}

async function call(word: string, { usage, run }: Awaited<ReturnType<Command["load"]>>): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(usage);
    return 0;
  }
  try {
    return await run(args);
  } catch (error) {
    if (!isMistake(error)) throw error;
    process.stderr.write(`postern ${word}: ${error.message}\n${usage}`);
    return 2;
  }
}

function isMistake(error: unknown): error is Error {
  if (error instanceof Mistake) return true;
  return error instanceof Error && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS_");
}
