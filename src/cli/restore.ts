/** `postern restore`: puts a copy back, so that clients and node know that it is one. */
import { parseArgs } from "node:util";
import { putBack } from "../daemon/store/copies.ts";
import { complaining, nodeHome } from "./node-home.ts";
import { Mistake } from "./run.ts";

export const usage = `usage: postern restore NODE.json COPY --mailbox ADDRESS-OR-ID [--mailbox …]
       postern restore NODE.json COPY --all

COPY is a folder that "postern backup" made of this node. The node must not run. Everything is checked before anything is
replaced, and what is replaced is moved to a folder "replaced-…" beside it. Mail that came since and still waits, sealed, for its owner is
kept. A mailbox that was put back gets new UIDVALIDITYs at its owner's next login, so that clients load it anew; without
this command an older file opens read-only and with an alarm. --all puts the node's own database back too: nobody can log in then before
the node has asked the edge which devices were revoked since. Where NODE.json has a "backup", the edge hands over again what came since
the copy, once the node runs.
`;

export async function run(args: string[]): Promise<number> {
  const options = { mailbox: { type: "string", multiple: true }, all: { type: "boolean" } } as const;
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true });
  const [config, copy, more] = positionals;
  if (config === undefined || copy === undefined || more !== undefined) throw new Mistake("a configuration and a copy");
  if ((values.mailbox === undefined) === (values.all !== true)) throw new Mistake("either --mailbox or --all");
  return complaining(async () => {
    const done = await putBack(nodeHome(config), copy, values.mailbox ?? null);
    process.stdout.write(`${JSON.stringify(done)}\n`);
    return 0;
  });
}
