/** `postern backup`: a copy of a node that stands still, ciphertext throughout. */
import { parseArgs } from "node:util";
import { copyNode } from "../daemon/store/copies.ts";
import { complaining, nodeHome } from "./node-home.ts";
import { Mistake } from "./run.ts";

export const usage = `usage: postern backup NODE.json FOLDER

Copies the node's database and every mailbox, sealed and encrypted as they lie on the disk, into FOLDER, which must not be there yet.
The node must not run meanwhile: stop it, copy, start it; or snapshot its file system, and copy from the snapshot with a
NODE.json whose "data" names it. Keep the identity file (identity.json) elsewhere: without it no copy can be put back.
Messages on their way out are not copied: putting them back would send them again.
`;

export async function run(args: string[]): Promise<number> {
  const [config, folder, more] = parseArgs({ args, options: {}, allowPositionals: true }).positionals;
  if (config === undefined || folder === undefined || more !== undefined)
    throw new Mistake("a configuration and a folder");
  return complaining(async () => {
    const { mailboxes, files } = await copyNode(nodeHome(config), folder);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    process.stdout.write(`${JSON.stringify({ mailboxes: mailboxes.length, files: files.length, bytes })}\n`);
    return 0;
  });
}
