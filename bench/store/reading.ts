/** Opening, listing, reading, searching. */
import { collect, logIn } from "../../test/daemon/store/fixture.ts";
import { message } from "./messages.ts";
import { best, drop, entered, everything, indexed, newMessage, placed, seconds, type World } from "./world.ts";

type Account = Awaited<ReturnType<typeof logIn>>;
const fields = { part: [], what: "fields", fields: ["from", "subject"] } as const;
const whole = { part: [], what: "all" } as const;

export async function reading(world: World, account: Account): Promise<void> {
  const { figures } = world;
  const box = await account.open("INBOX", true);
  const listing = (want: Parameters<typeof box.fetch>[1]) => best(() => collect(box.fetch(everything, want)));
  figures["snapshot ms"] = await best(() => box.snapshot());
  figures["flags of all ms"] = await listing({});
  figures["envelopes of all ms"] = await listing({ envelope: true });
  figures["structures of all ms"] = await listing({ structure: true });
  figures["header fields of all ms"] = await listing({ sections: [fields] });
  figures["bodies of all ms"] = 1000 * (await seconds(() => drop(box.fetch(everything, { sections: [whole] }))));
  const keys = [{ key: "subject", reverse: false }] as const;
  figures["sort by subject, first ms"] = 1000 * (await seconds(() => box.sort({ kind: "all" }, keys)));
  figures["thread, first ms"] = 1000 * (await seconds(() => box.thread({ kind: "all" }, "REFERENCES")));
  await searching(world, "big", account, "");
}

async function searching(world: World, id: string, account: Account, of: string): Promise<void> {
  const { figures } = world;
  const box = await account.open("INBOX", true);
  const text = (words: string) => () => box.search({ kind: "text", text: words });
  figures[`search text${of}, index behind ms`] = 1000 * (await seconds(text("zebrafish")));
  figures[`index${of} catches up s`] = await indexed(world, id);
  figures[`search text${of}, 1 in 200 ms`] = await best(text("zebrafish"));
  figures[`search text${of}, nowhere ms`] = await best(text("xylophonist"));
  figures[`search subject${of} ms`] = await best(() => box.search({ kind: "subject", field: "subject", text: "qqq" }));
  figures[`search sent since${of} ms`] = await best(() =>
    box.search({ kind: "date", which: "sent", compare: "since", day: 18_000 }),
  );
}

/** A mailbox of very many messages of 2 KB. */
export async function searchingVeryMany(world: World): Promise<void> {
  const { account } = await entered(world, "large");
  const made = Array.from({ length: 1000 }, (_, n) => message(n, 2000));
  const atOnce = 100;
  for (let filed = 0; filed < world.large; filed += atOnce) {
    const some = Array.from({ length: atOnce }, (_, n) => newMessage(made[(filed + n) % 1000] ?? new Uint8Array(0)));
    await account.append("INBOX", some);
  }
  await searching(world, "large", account, ` in ${world.large}`);
  await account.logout();
}

export async function opening(world: World): Promise<void> {
  const { store } = world.fixture;
  const mailbox = await placed(world, "opened");
  world.figures["open and close ms"] = await best(async () => (await logIn(store, mailbox)).logout());
}
