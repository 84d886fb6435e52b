/** status-att. RFC 9051 §6.3.11; RFC 7162 HIGHESTMODSEQ, RFC 8474 MAILBOXID, RFC 7889 APPENDLIMIT, RFC 9208 DELETED-STORAGE. */
import { limits } from "../../../core/limits.ts";
import { Bad } from "../answers.ts";
import type { Counts } from "../port.ts";
import type { Decoder } from "./decoder.ts";

const items = {
  MESSAGES: (c: Counts) => c.messages,
  UIDNEXT: (c: Counts) => c.uidnext,
  UIDVALIDITY: (c: Counts) => c.folder.uidvalidity,
  UNSEEN: (c: Counts) => c.unseen,
  DELETED: (c: Counts) => c.deleted,
  SIZE: (c: Counts) => c.size,
  RECENT: (c: Counts) => c.recent,
  HIGHESTMODSEQ: (c: Counts) => c.highestModseq,
  MAILBOXID: (c: Counts) => `(${c.folder.id})`,
  APPENDLIMIT: () => limits.messageBytes,
  "DELETED-STORAGE": (c: Counts) => Math.ceil(c.deletedSize / 1024),
} as const;

export type StatusItem = keyof typeof items;

export function parseStatusItems(d: Decoder): StatusItem[] {
  const wanted = d.list(() => {
    const word = d.word();
    if (!Object.hasOwn(items, word)) throw new Bad(`Unknown STATUS item ${word}`);
    return word as StatusItem;
  });
  if (wanted.length === 0) throw new Bad("Expected STATUS items");
  return wanted;
}

/** `MESSAGES 3 UNSEEN 1` */
export function writeStatus(wanted: readonly StatusItem[], counts: Counts): string {
  return wanted.map((item) => `${item} ${items[item](counts)}`).join(" ");
}
