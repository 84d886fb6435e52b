/** `postern backup`: a copy of a node that stands still, ciphertext throughout. */
import { parseArgs } from "node:util";
import { writeMark } from "../daemon/store/backed-up.ts";
import { copyNode } from "../daemon/store/copies.ts";
import { complaining, nodeHome } from "./node-home.ts";
import { Mistake } from "./run.ts";

export const usage = `usage: postern backup NODE.json FOLDER

Copies the node's database and every mailbox, sealed and encrypted as they lie on the disk, into FOLDER, which must not be there yet.
The node must not run meanwhile: stop it, copy, start it; or snapshot its file system, and copy from the snapshot with a
NODE.json whose "data" names it. With "backup": { "mark": FILE } in NODE.json it is noted there how far the copy reaches: the running node
tells the edge, which keeps what the node took since. Both NODE.json name the same FILE. Keep the identity file (identity.json) elsewhere: without it no copy can be put back.
Messages on their way out are not copied: putting them back would send them again.
`;

export async function run(args: string[]): Promise<number> {
  const [config, folder, more] = parseArgs({ args, options: {}, allowPositionals: true }).positionals;
  if (config === undefined || folder === undefined || more !== undefined)
    throw new Mistake("a configuration and a folder");
  return complaining(async () => {
    const home = nodeHome(config);
    const { mailboxes, files, cover } = await copyNode(home, folder);
    if (home.mark !== null) writeMark(home.mark, cover);
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    process.stdout.write(`${JSON.stringify({ mailboxes: mailboxes.length, files: files.length, bytes })}\n`);
    return 0;
  });
}
