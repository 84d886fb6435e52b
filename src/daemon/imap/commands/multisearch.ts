/** ESEARCH over several folders (MULTISEARCH). RFC 7377: UIDs only, one response a folder that has matches. */
import { Bad, No, ok } from "../answers.ts";
import { type Authenticated, command, type Selected } from "../command.ts";
import { writeMailbox } from "../names.ts";
import type { Folder, Query } from "../port.ts";
import type { Decoder } from "../wire/decoder.ts";
import { parseReturn, type Return, writeResults } from "../wire/esearch.ts";
import { type Filter, isIn, parseFilter } from "../wire/mailboxes.ts";
import { parseProgram, type SearchSpace } from "../wire/search.ts";
import { resolve } from "../wire/sets.ts";
import { charset } from "./search.ts";

const everything: Return = { min: false, max: false, all: true, count: false, save: false, partial: null };
const selectedOnly: Filter[] = [{ kind: "selected", delayed: false }];

/** Sets name UIDs of each folder searched; `*` is the largest there can be, numbers and `$` mean nothing. */
const anyFolder: SearchSpace = {
  recentFrom: 0xffffffff,
  uidsOf: (set) => {
    if (set.saved || !set.uid) throw new Bad("Message numbers mean nothing in several folders");
    return resolve(set.ranges, 0xffffffff);
  },
};

export const multisearch = command({
  name: "ESEARCH",
  in: "authenticated",
  capability: ["MULTISEARCH"],
  parse: (d, _uid, s) => {
    d.sp();
    const filters = d.takeWord("IN") ? sources(d.sp(), s) : selectedOnly;
    if (filters !== selectedOnly) d.sp();
    const wanted = parseReturn(d);
    if (wanted) d.sp();
    if (wanted?.save) throw new Bad("SAVE is for SEARCH");
    return { filters, wanted: wanted ?? everything, program: parseProgram(d, anyFolder, charset(d, s.session.modes)) };
  },
  async *run(s, { filters, wanted, program }) {
    const all = (await s.account.folders()).filter((folder) => folder.selectable);
    const meant = all.filter((one) => isMeant(filters, one, s));
    for (const [done, folder] of meant.entries()) {
      s.session.progress = { done, goal: meant.length };
      const { uids, highestModseq } = await find(s, folder, program.query);
      if (uids.length === 0) continue;
      const mailbox = writeMailbox(folder.name, s.session.modes);
      const correlator = `TAG "${s.session.tag}" MAILBOX ${mailbox} UIDVALIDITY ${folder.uidvalidity}`;
      // RFC 7162 §3.1.5.
      const modseq = program.hasModseq ? ` MODSEQ ${highestModseq}` : "";
      yield `* ESEARCH (${correlator}) UID${writeResults(wanted, uids)}${modseq}\r\n`;
    }
    return ok();
  },
});

/** (source-mbox [scope-options]); no scope option is known. */
function sources(d: Decoder, s: Authenticated | Selected): Filter[] {
  return d.list(() => parseFilter(d, s.session.modes), 100);
}

function isMeant(filters: readonly Filter[], folder: Folder, s: Authenticated | Selected): boolean {
  return filters.some((filter) => {
    if (filter.kind !== "selected") return isIn(filter, folder);
    if (s.at !== "selected") throw new No("CANNOT", "No folder is selected");
    return s.box.folder.id === folder.id;
  });
}

async function find(s: Authenticated | Selected, { name }: Folder, query: Query) {
  const box = await s.account.open(name, true);
  try {
    return await box.search(query);
  } finally {
    await box.close();
  }
}
