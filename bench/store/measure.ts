/**
 * One run of the store's measurements in a process of its own; prints one line of JSON. Usage: measure.ts MESSAGES LARGE.
 * With LARGE only the very large mailbox is measured, without it all the rest.
 */
import { logIn } from "../../test/daemon/store/fixture.ts";
import { delays } from "./delay.ts";
import { filing } from "./filing.ts";
import { memory } from "./memory.ts";
import { opening, reading, searchingVeryMany } from "./reading.ts";
import { makeWorld } from "./world.ts";

const [total, large] = process.argv.slice(2);
const world = await makeWorld(Number(total), Number(large));
if (world.large > 0) await searchingVeryMany(world);
else {
  // First, while the process is small.
  await memory(world);
  await opening(world);
  const account = await logIn(world.fixture.store, await filing(world));
  await reading(world, account);
  await delays(world, account);
  await account.logout();
}
await world.fixture.end();
process.stdout.write(`${JSON.stringify(world.figures)}\n`);
