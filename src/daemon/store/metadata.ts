/** Annotations of folders and of the mailbox: RFC 5464. */
import type { Mailbox, Write } from "./mailbox.ts";
import { Refusal } from "./refusal.ts";

const mostEntries = 200;

function folderId(mailbox: Mailbox, name: string | null): number {
  if (name === null) return 0;
  const row = mailbox.folderNamed(name);
  if (!row) throw new Refusal("NONEXISTENT", "No such folder");
  return row.id;
}

/** `depth` 0: exactly these entries; 1: and those one level below; Infinity: and all below. */
export function readMetadata(
  mailbox: Mailbox,
  name: string | null,
  entries: readonly string[],
  depth: number,
): Map<string, Uint8Array> {
  const rows = mailbox.db.all<{ name: string; value: Uint8Array }>(
    "SELECT name, value FROM metadata WHERE folder = ? ORDER BY name",
    folderId(mailbox, name),
  );
  const wanted = rows.filter((row) => entries.some((entry) => within(row.name, entry, depth)));
  return new Map(wanted.map((row) => [row.name, row.value]));
}

function within(name: string, entry: string, depth: number): boolean {
  if (name === entry) return true;
  const below = entry.endsWith("/") ? entry : `${entry}/`;
  return name.startsWith(below) && name.slice(below.length).split("/").length <= depth;
}

export function writeMetadata(write: Write, name: string | null, values: ReadonlyMap<string, Uint8Array | null>): void {
  const folder = folderId(write.mailbox, name);
  for (const [entry, value] of values) {
    if (value === null) write.db.run("DELETE FROM metadata WHERE folder = ? AND name = ?", folder, entry);
    else write.db.run("INSERT OR REPLACE INTO metadata (folder, name, value) VALUES (?, ?, ?)", folder, entry, value);
  }
  const count = write.db.value<number>("SELECT count(*) FROM metadata WHERE folder = ?", folder) ?? 0;
  if (count > mostEntries) throw new Refusal("METADATA TOOMANY", "Too many annotations");
  const modseq = folder === 0 ? 0 : write.folder(folder).modseq;
  const change = {
    kind: "folder",
    change: "metadata",
    folder: String(folder),
    name: name ?? "",
    from: null,
    entries: [...values.keys()],
    modseq,
  } as const;
  write.announce(change);
}
