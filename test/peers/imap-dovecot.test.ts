// Transcripts marked `peer` against Debian's dovecot: a transcript by the server's own author can share its mistake.
import { afterAll, describe, it } from "vitest";
import { Play } from "../transcripts/run.ts";
import { scenariosOf } from "../transcripts/script.ts";
import { type Dovecot, dovecotProbe, startDovecot } from "./imap-dovecot.ts";
import { need } from "./need.ts";

const isHere = need("dovecot-imapd", dovecotProbe, "IMAP transcripts are not compared with another server's answers");
const scenarios = [...scenariosOf("imap"), ...scenariosOf("pop3")].filter(({ peer }) => peer);
let shared: Promise<Dovecot> | null = null;
let made = 0;

describe.skipIf(!isHere)("transcripts on dovecot", () => {
  afterAll(async () => (await shared)?.close());

  it.each(scenarios.map((scenario) => [scenario.title, scenario] as const))("%s", async (_, scenario) => {
    shared ??= startDovecot();
    const { imap, pop3, password } = await shared;
    const world = { imap, pop3, user: `user${made++}`, password, close: async () => undefined };
    await new Play(world, "whole").run(scenario);
  });
});
