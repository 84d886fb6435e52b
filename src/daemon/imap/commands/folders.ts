/** CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, NAMESPACE. RFC 9051 §6.3.4–§6.3.8, §6.3.10; RFC 6154 §3. */
import { Bad, No, ok } from "../answers.ts";
import { type Authenticated, command, type Selected } from "../command.ts";
import { newName, oldName, readMailbox, readNamed, withoutTail, writeMailbox } from "../names.ts";
import type { SpecialUse } from "../port.ts";
import type { Decoder } from "../wire/decoder.ts";

const uses: readonly SpecialUse[] = [
  "\\All",
  "\\Archive",
  "\\Drafts",
  "\\Flagged",
  "\\Important",
  "\\Junk",
  "\\Sent",
  "\\Trash",
];

const oneName = (d: Decoder, _uid: boolean, s: Authenticated | Selected): string =>
  readMailbox(d.sp(), s.session.modes);

export const create = command({
  name: "CREATE",
  in: "authenticated",
  parse: (d, _uid, s) => ({ named: readNamed(d.sp(), s.session.modes), use: d.take(" ") ? parseUse(d) : null }),
  async *run(s, { named, use }) {
    const { modes } = s.session;
    const folder = await s.account.create(newName(named.name), use);
    // RFC 9051 §6.3.4: it became Net-Unicode's spelling; a trailing delimiter is no part of a name.
    const old = oldName({ name: folder.name, asked: withoutTail(named.asked) }, modes);
    if (old !== "") yield `* LIST () "/" ${writeMailbox(folder.name, modes)}${old}\r\n`;
    return ok(`MAILBOXID (${folder.id})`); // RFC 8474 §4.2
  },
});

function parseUse(d: Decoder): SpecialUse | null {
  let named: string[] = [];
  d.list(() => {
    if (d.word() !== "USE") throw new Bad("Unknown CREATE parameter");
    named = d.sp().list(() => d.expect("\\") && `\\${d.atom()}`);
  }, 1);
  const known = named.map((name) => uses.find((use) => use.toLowerCase() === name.toLowerCase()));
  // RFC 6154 §3: a use the server cannot give is refused with USEATTR, and nothing is made.
  if (known.includes(undefined) || known.length > 1) throw new No("USEATTR", "That special use is not supported");
  return known[0] ?? null;
}

export const remove = command({
  name: "DELETE",
  in: "authenticated",
  parse: oneName,
  async run(s, name) {
    // RFC 9051 §6.3.5.
    if (name === "INBOX") throw new No("CANNOT", "INBOX cannot be deleted");
    if (s.at === "selected" && s.box.folder.name === name) await s.session.deselect();
    await s.account.remove(name);
    return ok();
  },
});

export const rename = command({
  name: "RENAME",
  in: "authenticated",
  parse: (d, uid, s) => ({ from: oneName(d, uid, s), to: oneName(d, uid, s) }),
  async run(s, { from, to }) {
    const target = newName(to);
    if (target === from) throw new No("ALREADYEXISTS", "That is its name already");
    if (target.startsWith(`${from}/`) && from !== "INBOX") throw new No("CANNOT", "A folder cannot move below itself");
    await s.account.rename(from, target);
    return ok();
  },
});

export const subscribe = command({
  name: "SUBSCRIBE",
  in: "authenticated",
  parse: oneName,
  async run(s, name) {
    await s.account.subscribe(name, true);
    return ok();
  },
});

export const unsubscribe = command({
  name: "UNSUBSCRIBE",
  in: "authenticated",
  parse: oneName,
  async run(s, name) {
    await s.account.subscribe(name, false);
    return ok();
  },
});

export const namespace = command({
  name: "NAMESPACE",
  in: "authenticated",
  capability: ["NAMESPACE"],
  parse: () => null,
  async *run() {
    yield '* NAMESPACE (("" "/")) NIL NIL\r\n';
    return ok();
  },
});
