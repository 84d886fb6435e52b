/** SELECT, EXAMINE, CLOSE, UNSELECT. RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2. */
import { Bad, ok, refusalOf } from "../answers.ts";
import { type Authenticated, command, type Replies, type Selected } from "../command.ts";
import { type Named, oldName, readNamed, writeMailbox } from "../names.ts";
import { resync } from "../resync.ts";
import type { Snapshot } from "../session.ts";
import type { Decoder } from "../wire/decoder.ts";
import { parseSelectOptions, type SelectOptions } from "../wire/select.ts";

type Args = { named: Named; options: SelectOptions };

const parse = (d: Decoder, _uid: boolean, s: Authenticated | Selected): Args => ({
  named: readNamed(d.sp(), s.session.modes),
  options: parseSelectOptions(d),
});

export const select = command({
  name: "SELECT",
  in: "authenticated",
  parse,
  run: (s, args) => open(s, args, false),
});

export const examine = command({
  name: "EXAMINE",
  in: "authenticated",
  parse,
  run: (s, args) => open(s, args, true),
});

async function* open(s: Authenticated | Selected, { named, options }: Args, readOnly: boolean): Replies {
  const { session } = s;
  const { modes } = session;
  // RFC 7162 §3.2.5: MUST be BAD.
  if (options.qresync && !modes.qresync) throw new Bad("ENABLE QRESYNC first");
  // RFC 9586 §3: numbers matched with UIDs are message numbers too.
  if (options.qresync?.match && modes.uidonly) throw new Bad("Message numbers are not allowed any more", "UIDREQUIRED");
  if (options.condstore || options.qresync) modes.condstore = true;
  // RFC 9051 §6.3.2: the untagged [CLOSED] parts what belongs to the old folder from what belongs to the new.
  if (s.at === "selected") {
    await session.deselect();
    yield "* OK [CLOSED] Previous folder closed\r\n";
  }
  const { s: selected, snapshot } = await session.select(named.name, readOnly);
  yield announcement(selected, snapshot, oldName(named, modes));
  if (options.qresync) yield* resync(selected, snapshot, options.qresync);
  return ok(selected.box.readOnly ? "READ-ONLY" : "READ-WRITE", readOnly ? "EXAMINE completed" : "SELECT completed");
}

function announcement({ session, view }: Selected, { counts, firstUnseenUid }: Snapshot, oldName: string): string {
  const { modes } = session;
  const lines = [
    `${view.numbers.count} EXISTS`,
    ...(modes.rev2 ? [] : [`${view.recent} RECENT`]),
    // RFC 3501 §6.3.1; rev2 dropped it, and numbers mean nothing to UIDONLY.
    ...(modes.rev2 || modes.uidonly || firstUnseenUid === null
      ? []
      : [`OK [UNSEEN ${view.numbers.seqOf(firstUnseenUid)}] First unseen`]),
    `OK [UIDVALIDITY ${counts.folder.uidvalidity}] UIDs valid`,
    `OK [UIDNEXT ${counts.uidnext}] Predicted next UID`,
    `OK [HIGHESTMODSEQ ${counts.highestModseq}] Highest`,
    `OK [MAILBOXID (${counts.folder.id})] Ok`,
    // RFC 9051 §6.3.2: rev2 clients get the name as LIST would show it.
    ...(modes.rev2 ? [`LIST () "/" ${writeMailbox(counts.folder.name, modes)}${oldName}`] : []),
  ];
  return view.keywords.lines() + lines.map((line) => `* ${line}\r\n`).join("");
}

export const close = command({
  name: "CLOSE",
  in: "selected",
  parse: () => null,
  async run(s) {
    // RFC 9051 §6.4.1: expunges without telling, and not at all where the folder is read-only.
    const modseq = s.box.readOnly ? null : await expungeLast(s);
    await s.session.deselect();
    // RFC 7162 §3.2.8.
    return ok(s.session.modes.qresync && modseq !== null ? `HIGHESTMODSEQ ${modseq}` : null);
  },
});

/** CLOSE has no NO (RFC 9051 §6.4.1): where somebody else deleted the folder, there is nothing left to expunge. */
async function expungeLast({ box }: Selected): Promise<number | null> {
  try {
    return (await box.expunge(null)).modseq;
  } catch (error) {
    if (refusalOf(error)?.code === "NONEXISTENT") return null;
    throw error;
  }
}

export const unselect = command({
  name: "UNSELECT",
  in: "selected",
  capability: ["UNSELECT"],
  parse: () => null,
  async run(s) {
    await s.session.deselect();
    return ok();
  },
});
