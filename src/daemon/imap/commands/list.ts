/** LIST in its basic and extended forms, LSUB, STATUS. RFC 9051 §6.3.9, §6.3.11; RFC 5258; RFC 3501 §6.3.9. */
import { No, ok } from "../answers.ts";
import { type Authenticated, command, type Selected } from "../command.ts";
import { matches } from "../match.ts";
import { decodeName, readMailbox, writeMailbox } from "../names.ts";
import type { Account, Folder } from "../port.ts";
import { type ListArgs, parseList } from "../wire/list.ts";
import { metadataReply } from "../wire/metadata.ts";
import { parseStatusItems, writeStatus } from "../wire/status.ts";

type Shown = { folder: Folder; attributes: string[]; childInfo: boolean };

export const list = command({
  name: "LIST",
  in: "authenticated",
  parse: parseList,
  async *run(s, args) {
    const { modes } = s.session;
    if (!args.extended && args.patterns[0] === "") {
      // RFC 9051 §6.3.9: an empty pattern asks for the delimiter.
      yield '* LIST (\\Noselect) "/" ""\r\n';
      return ok();
    }
    const shown = select(await s.account.folders(), args, s);
    let lines = "";
    for (const { folder, attributes, childInfo } of shown) {
      const extended = childInfo ? ` ("CHILDINFO" (${criteria(args)}))` : "";
      lines += `* LIST (${attributes.join(" ")}) "/" ${writeMailbox(folder.name, modes)}${extended}\r\n`;
    }
    yield lines;
    yield* statuses(s, args, shown);
    yield* annotations(s, args, shown);
    return ok();
  },
});

async function* statuses(
  s: Authenticated | Selected,
  { give }: ListArgs,
  shown: readonly Shown[],
): AsyncGenerator<string> {
  if (give.status.length === 0) return;
  // RFC 5819 §2: nothing for a folder that cannot be selected.
  const names = shown.filter(({ folder }) => folder.selectable).map(({ folder }) => folder.name);
  const all = await s.account.counts(names);
  for (const counts of all) {
    if (counts) {
      yield `* STATUS ${writeMailbox(counts.folder.name, s.session.modes)} (${writeStatus(give.status, counts)})\r\n`;
    }
  }
}

async function* annotations(
  s: Authenticated | Selected,
  { give }: ListArgs,
  shown: readonly Shown[],
): AsyncGenerator<string> {
  if (give.metadata.length === 0) return;
  for (const { folder } of shown.filter(({ folder }) => folder.exists)) {
    const values = await s.account.metadata(folder.name, give.metadata, 0);
    // RFC 9590 §3: an entry without a value is shown as NIL.
    const all = new Map(give.metadata.map((entry) => [entry, values.get(entry) ?? null]));
    yield metadataReply(writeMailbox(folder.name, s.session.modes), all);
  }
}

function select(folders: readonly Folder[], args: ListArgs, s: Authenticated | Selected): Shown[] {
  const patterns = args.patterns.map((pattern) => decodeName(args.reference + pattern, s.session.modes));
  const parents = parentsOf(folders.filter((folder) => folder.exists));
  const aboveWanted = args.select.recursive
    ? parentsOf(folders.filter((folder) => isSelected(folder, args)))
    : new Set<string>();
  return [...folders, ...absent(aboveWanted, folders)]
    .filter((folder) => patterns.some((pattern) => matches(pattern, folder.name)))
    .filter((folder) => folder.exists || args.select.subscribed)
    .map((folder) => ({
      folder,
      attributes: attributesOf(folder, parents.has(folder.name), args),
      childInfo: aboveWanted.has(folder.name),
    }))
    .filter(({ folder, childInfo }) => childInfo || isSelected(folder, args));
}

/** What folders below a name were shown for, RFC 5258 §3.5. */
function criteria({ select }: ListArgs): string {
  return [...(select.subscribed ? ['"SUBSCRIBED"'] : []), ...(select.specialUse ? ['"SPECIAL-USE"'] : [])].join(" ");
}

/** RFC 5258 §3.1: RECURSIVEMATCH shows also a parent that does not exist. */
function absent(parents: ReadonlySet<string>, folders: readonly Folder[]): Folder[] {
  const known = new Set(folders.map(({ name }) => name));
  return [...parents]
    .filter((name) => !known.has(name))
    .map((name) => ({
      id: "",
      name,
      uidvalidity: 0,
      specialUse: null,
      subscribed: false,
      selectable: false,
      exists: false,
    }));
}

function isSelected(folder: Folder, { select }: ListArgs): boolean {
  return (!select.subscribed || folder.subscribed) && (!select.specialUse || folder.specialUse !== null);
}

/** Names with something below them. */
export function parentsOf(folders: readonly Folder[]): Set<string> {
  const parents = new Set<string>();
  for (const { name } of folders) {
    for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) parents.add(name.slice(0, at));
  }
  return parents;
}

function attributesOf(folder: Folder, hasChildren: boolean, { select, give }: ListArgs): string[] {
  return [
    // RFC 9051 §7.3.1: \NonExistent implies \Noselect.
    ...(folder.exists ? (folder.selectable ? [] : ["\\Noselect"]) : ["\\NonExistent"]),
    hasChildren ? "\\HasChildren" : "\\HasNoChildren",
    ...((give.subscribed || select.subscribed) && folder.subscribed ? ["\\Subscribed"] : []),
    ...(folder.specialUse === null ? [] : [folder.specialUse]),
  ];
}

/** Subscribed names the rev1 way; a parent is shown where `%` stops above a subscribed child (RFC 3501 §6.3.9). */
export const lsub = command({
  name: "LSUB",
  in: "authenticated",
  parse: (d) => ({ reference: d.sp().astring(), pattern: d.sp().listMailbox() }),
  async *run(s, { reference, pattern }) {
    const { modes } = s.session;
    const folders = (await s.account.folders()).filter((folder) => folder.subscribed);
    const wanted = decodeName(reference + pattern, modes);
    const names = new Map(
      folders.map((folder) => [folder.name, folder.exists && !folder.selectable ? "\\Noselect" : ""]),
    );
    if (wanted.endsWith("%")) {
      for (const parent of parentsOf(folders)) if (!names.has(parent)) names.set(parent, "\\Noselect");
    }
    for (const [name, attribute] of names) {
      if (matches(wanted, name)) yield `* LSUB (${attribute}) "/" ${writeMailbox(name, modes)}\r\n`;
    }
    return ok();
  },
});

export const status = command({
  name: "STATUS",
  in: "authenticated",
  parse: (d, _uid, s) => ({ name: readMailbox(d.sp(), s.session.modes), items: parseStatusItems(d.sp()) }),
  async *run(s, { name, items }) {
    const { modes } = s.session;
    const counts = await countsOf(s.account, name);
    // RFC 7162 §3.1: asking for HIGHESTMODSEQ switches CONDSTORE on.
    if (items.includes("HIGHESTMODSEQ")) modes.condstore = true;
    yield `* STATUS ${writeMailbox(name, modes)} (${writeStatus(items, counts)})\r\n`;
    return ok();
  },
});

async function countsOf(account: Account, name: string) {
  const [counts] = await account.counts([name]);
  if (!counts) throw new No("NONEXISTENT", "No such folder");
  return counts;
}
