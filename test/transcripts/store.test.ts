// The same transcripts over the encrypted store, worker threads and all.
import { afterAll, describe, it } from "vitest";
import { makeMailbox, type StoreFixture, storeFixture } from "../daemon/store/fixture.ts";
import { servers } from "../fakes/servers.ts";
import { type Options, optionsOf, Play, type World } from "./run.ts";
import { scenariosOf } from "./script.ts";

let shared: Promise<StoreFixture> | null = null;
let made = 0;

async function storeWorld(options: Options): Promise<World> {
  shared ??= storeFixture();
  const { store } = await shared;
  const id = `t${made++}`;
  const mailbox = makeMailbox(id, `${id}@demo.test`, options.limitBytes);
  await store.applyMailbox(mailbox.record);
  const running = await servers(store.mailboxes, store.maildrops, options);
  return { ...running, user: mailbox.record.address, password: mailbox.password };
}

afterAll(async () => (await shared)?.end());

const scenarios = [...scenariosOf("imap"), ...scenariosOf("pop3")];

describe.each(["whole", "bytes", "split"] as const)("transcripts on the encrypted store, %s", (chunking) => {
  it.each(scenarios.map((scenario) => [`${scenario.file} ${scenario.title}`, scenario] as const))(
    "%s",
    async (_, scenario) => {
      const world = await storeWorld(optionsOf(scenario));
      try {
        await new Play(world, chunking).run(scenario);
      } finally {
        await world.close();
      }
    },
  );
});
