/** `npm run fuzz [-- --seed N --commands N]`: the long run, on memory: IMAP and POP3 by chance, then the two-session model. */
import { parseArgs } from "node:util";
import { MemoryMailboxes } from "../fakes/mailboxes.ts";
import { MemoryMaildrops } from "../fakes/maildrops.ts";
import { servers } from "../fakes/servers.ts";
import { fuzzImap } from "./imap.ts";
import { runModel } from "./model.ts";
import { fuzzPop3 } from "./pop3.ts";
import { seeded } from "./random.ts";

const user = "ann@example.test";
const password = "pw";
/** Each so often a fresh server, so that folders made by chance do not pile up. */
const ROUND = 5_000;

export async function run(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: { seed: { type: "string" }, commands: { type: "string", default: "1000000" } },
  });
  const seed = Number(values.seed ?? Date.now() % 4_294_967_296);
  const wanted = Number(values.commands);
  process.stdout.write(`seed ${seed}, ${wanted} commands\n`);
  const chance = seeded(seed);
  const began = performance.now();
  for (let done = 0; done < wanted; ) {
    const mailboxes = new MemoryMailboxes([{ address: user, password, limitBytes: 200_000 }]);
    const running = await servers(mailboxes, new MemoryMaildrops(mailboxes), { badCommands: 1000 });
    const target = { servers: running, user, password };
    done += await fuzzImap(target, chance, 3, (count) => count >= ROUND || done + count >= wanted);
    const until = performance.now() + 500;
    done += await fuzzPop3(target, chance, () => performance.now() > until);
    await runModel({ port: running.imap, user, password }, chance, 200);
    await running.close();
    const megabytes = Math.round(process.memoryUsage().rss / 1e6);
    const seconds = Math.round((performance.now() - began) / 1000);
    process.stdout.write(`${done} commands, ${seconds} s, ${megabytes} MB\n`);
  }
  return 0;
}
