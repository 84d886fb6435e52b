import { describe, expect, it } from "vitest";
import { codes } from "../../src/daemon/imap/answers.ts";
import { allCommands } from "../../src/daemon/imap/commands/index.ts";
import { allCommands as popCommands } from "../../src/daemon/pop3/commands/index.ts";
import { MemoryMailboxes } from "../fakes/mailboxes.ts";
import { MemoryMaildrops } from "../fakes/maildrops.ts";
import { servers } from "../fakes/servers.ts";
import { type Options, optionsOf, Play, type World } from "./run.ts";
import { scenariosOf } from "./script.ts";

async function memoryWorld(options: Options): Promise<World> {
  const user = "ann@example.test";
  const password = "correct horse";
  const mailboxes = new MemoryMailboxes([{ address: user, password, limitBytes: options.limitBytes ?? 1e9 }]);
  const running = await servers(mailboxes, new MemoryMaildrops(mailboxes), options);
  return {
    ...running,
    user,
    password,
    deliver: async (raw) => {
      mailboxes.mailbox(user).deliver("INBOX", [{ bytes: Buffer.from(raw, "latin1"), flags: [], internalDate: null }]);
    },
  };
}

const scenarios = [...scenariosOf("imap"), ...scenariosOf("pop3")];

describe.each(["whole", "bytes", "split"] as const)("transcripts on memory, %s", (chunking) => {
  it.each(scenarios.map((scenario) => [`${scenario.file} ${scenario.title}`, scenario] as const))(
    "%s",
    async (_, scenario) => {
      const world = await memoryWorld(optionsOf(scenario));
      try {
        await new Play(world, chunking).run(scenario);
      } finally {
        await world.close();
      }
    },
  );
});

describe("transcripts", () => {
  const sent = scenarios.flatMap(({ steps }) =>
    steps.filter(({ kind }) => kind === "send").map(({ text }) => text.toUpperCase()),
  );

  it("have every IMAP command, in both forms", () => {
    const forms = allCommands.flatMap(({ name, uid }) => [
      ...(uid === "only" ? [] : [name]),
      ...(uid ? [`UID ${name}`] : []),
    ]);
    const missing = forms.filter((form) => !sent.some((line) => new RegExp(`^\\S+ ${form}\\b`).test(line)));
    expect(missing).toEqual([]);
  });

  it("have every POP3 command", () => {
    const missing = popCommands.filter(({ name }) => !sent.some((line) => new RegExp(`^${name}\\b`).test(line)));
    expect(missing.map(({ name }) => name)).toEqual([]);
  });

  it("have every response code", () => {
    const expected = scenarios.flatMap(({ steps }) =>
      steps.filter(({ kind }) => kind !== "send").map(({ text }) => text),
    );
    const missing = codes.filter((code) => !expected.some((line) => line.includes(`[${code}`)));
    // A slow and a broken mailbox, and full servers: test/daemon/imap shows these; a damaged one: test/daemon/store/damage.test.ts.
    expect(missing).toEqual(["COMPRESSIONACTIVE", "CORRUPTION", "INPROGRESS", "LIMIT", "SERVERBUG", "UNAVAILABLE"]);
  });

  it("have names of their own", () => {
    const names = scenarios.map(({ name }) => name);
    expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
  });
});
