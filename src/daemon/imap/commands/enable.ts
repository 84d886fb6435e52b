/** ENABLE and COMPRESS. RFC 9051 §6.3.1, RFC 7162 §3.2.3, RFC 6855, RFC 9586, RFC 5464; RFC 4978. */

import { deflated } from "../../net/deflate.ts";
import { Bad, No, ok } from "../answers.ts";
import { command } from "../command.ts";
import type { Modes } from "../modes.ts";

const switches: Record<string, (modes: Modes) => void> = {
  IMAP4REV2: (modes) => {
    modes.rev2 = true;
  },
  CONDSTORE: (modes) => {
    modes.condstore = true;
  },
  QRESYNC: (modes) => {
    modes.qresync = true;
    modes.condstore = true;
  },
  "UTF8=ACCEPT": (modes) => {
    modes.utf8 = true;
  },
  METADATA: (modes) => {
    modes.metadata = "all";
  },
  "METADATA-SERVER": (modes) => {
    if (modes.metadata === "none") modes.metadata = "server";
  },
  UIDONLY: (modes) => {
    modes.uidonly = true;
  },
};
const spelled: Record<string, string> = { IMAP4REV2: "IMAP4rev2" };

export const enable = command({
  name: "ENABLE",
  in: "authenticated",
  parse: (d) => {
    const names = [d.sp().word()];
    while (d.take(" ")) names.push(d.word());
    return names;
  },
  async *run(s, names) {
    // RFC 5161 §3.1: what is not known is left out, without an error.
    const known = [...new Set(names)].filter((name) => Object.hasOwn(switches, name));
    for (const name of known) switches[name]?.(s.session.modes);
    yield `* ENABLED${known.map((name) => ` ${spelled[name] ?? name}`).join("")}\r\n`;
    return ok();
  },
});

export const compress = command({
  name: "COMPRESS",
  in: "authenticated",
  capability: (facts) => (facts.at !== "start" && !facts.compressed ? ["COMPRESS=DEFLATE"] : []),
  parse: (d) => d.sp().word(),
  async run(s, mechanism) {
    const { session } = s;
    if (mechanism !== "DEFLATE") throw new Bad("Unknown compression");
    if (session.modes.compressed) throw new No("COMPRESSIONACTIVE", "DEFLATE is active already");
    session.modes.compressed = true;
    session.afterReply(async () => session.channel.wrap(deflated));
    return ok(null, "DEFLATE active");
  },
});
