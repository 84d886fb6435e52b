/** IMAP commands by chance: mostly what the grammar allows, then bent. Latin-1 text, CRLF and literals included. */
import type { Chance } from "./random.ts";

type Make = (c: Chance) => string;

const many = (c: Chance, make: Make, most: number, between = " "): string =>
  Array.from({ length: c.below(most + 1) }, () => make(c)).join(between);
const some = (c: Chance, make: Make, most: number, between = " "): string =>
  [make(c), ...Array.from({ length: c.below(most) }, () => make(c))].join(between);

const number: Make = (c) => String(c.pick([0, 1, 1, 2, 3, 5, 9, 100, 4294967295, 4294967296, 1e15, c.below(50)]));
const setItem: Make = (c) => (c.oneIn(3) ? `${point(c)}:${point(c)}` : point(c));
const point: Make = (c) => (c.oneIn(5) ? "*" : String(1 + c.below(12)));
const set: Make = (c) => (c.oneIn(12) ? "$" : some(c, setItem, 3, ","));
const bytes: Make = (c) =>
  Array.from({ length: c.below(20) }, () => String.fromCharCode(c.oneIn(10) ? c.below(256) : 0x20 + c.below(95))).join(
    "",
  );
const literal: Make = (c) => {
  const text = bytes(c);
  return `${c.oneIn(8) ? "~" : ""}{${text.length}${c.oneIn(4) ? "" : "+"}}\r\n${text}`;
};
const word: Make = (c) =>
  c.pick(["a", "needle", "message", "x", "INBOX", "NIL", "", "example.org", "\xc3\xbc", "&APw-"]);
const string: Make = (c) => (c.oneIn(4) ? literal(c) : c.oneIn(2) ? `"${word(c)}"` : word(c) || '""');
const box: Make = (c) =>
  c.pick(["INBOX", "inbox", "Trash", "Archive", "a", "a/b", "a/b/c", '"x y"', "none", "&APw-", string(c)]);
const pattern: Make = (c) => c.pick(["*", "%", "a*", "%/%", "I%", '""', string(c)]);
const flag: Make = (c) =>
  c.pick(["\\Seen", "\\Deleted", "\\Flagged", "\\Answered", "\\Draft", "\\Recent", "kw", `kw${c.below(9)}`, "\\Odd"]);
const flags: Make = (c) => (c.oneIn(4) ? some(c, flag, 3) : `(${many(c, flag, 3)})`);
const date: Make = (c) => c.pick(["1-Jan-2020", "31-Feb-2020", "14-Nov-2023", "1-Foo-2020", '"20-Nov-2023"']);
const dateTime: Make = (c) => c.pick([' "17-Jul-1996 02:44:25 -0700"', ' "nonsense"', "", "", ""]);
const message: Make = (c) => {
  const text = c.oneIn(4)
    ? bytes(c)
    : `From: a@example.org\r\nSubject: ${word(c)}\r\nMIME-Version: 1.0\r\nContent-Type: ${c.pick(["text/plain", 'multipart/mixed; boundary="b"', "message/rfc822"])}\r\n\r\n--b\r\n\r\n${bytes(c)}\r\n--b--\r\n`;
  return `${c.oneIn(10) ? "~" : ""}{${text.length}${c.oneIn(4) ? "" : "+"}}\r\n${text}`;
};
const part: Make = (c) => some(c, (d) => String(1 + d.below(3)), 2, ".");
const section: Make = (c) =>
  c.pick([
    "",
    "HEADER",
    "TEXT",
    part(c),
    `${part(c)}.MIME`,
    `${part(c)}.HEADER`,
    `HEADER.FIELDS (${some(c, string, 2)})`,
    `${part(c)}.HEADER.FIELDS.NOT (Subject)`,
    "MIME",
    "1.1.1.1.1",
  ]);
const partial: Make = (c) => (c.oneIn(3) ? `<${number(c)}.${number(c)}>` : "");
const item: Make = (c) =>
  c.pick([
    "FLAGS",
    "UID",
    "ENVELOPE",
    "BODYSTRUCTURE",
    "BODY",
    "INTERNALDATE",
    "RFC822.SIZE",
    "RFC822",
    "RFC822.HEADER",
    "RFC822.TEXT",
    "MODSEQ",
    "EMAILID",
    "THREADID",
    "SAVEDATE",
    "PREVIEW",
    "PREVIEW (LAZY)",
    `BODY[${section(c)}]${partial(c)}`,
    `BODY.PEEK[${section(c)}]${partial(c)}`,
    `BINARY[${part(c)}]${partial(c)}`,
    `BINARY.SIZE[${part(c)}]`,
  ]);
const items: Make = (c) =>
  c.oneIn(6) ? c.pick(["ALL", "FAST", "FULL"]) : c.oneIn(3) ? item(c) : `(${some(c, item, 4)})`;
const modifiers: Make = (c) =>
  c.pick([
    "",
    "",
    "",
    ` (CHANGEDSINCE ${number(c)})`,
    ` (CHANGEDSINCE ${number(c)} VANISHED)`,
    ` (PARTIAL ${c.pick(["1:2", "-1:-3", "0:1"])})`,
  ]);
const key = (c: Chance, depth = 0): string =>
  c.pick([
    "ALL",
    "SEEN",
    "UNSEEN",
    "DELETED",
    "RECENT",
    "NEW",
    "OLD",
    set(c),
    `UID ${set(c)}`,
    `KEYWORD ${flag(c)}`,
    `SUBJECT ${string(c)}`,
    `FROM ${string(c)}`,
    `TEXT ${string(c)}`,
    `BODY ${string(c)}`,
    `HEADER ${string(c)} ${string(c)}`,
    `${c.pick(["BEFORE", "ON", "SINCE", "SENTBEFORE", "SENTON", "SENTSINCE", "SAVEDSINCE"])} ${date(c)}`,
    `${c.pick(["LARGER", "SMALLER", "OLDER", "YOUNGER"])} ${number(c)}`,
    `MODSEQ ${number(c)}`,
    `${c.pick(["UIDAFTER", "UIDBEFORE"])} ${number(c)}`,
    `${c.pick(["EMAILID", "THREADID"])} ${word(c)}`,
    "SAVEDATESUPPORTED",
    ...(depth > 3
      ? []
      : [
          `NOT ${key(c, depth + 1)}`,
          `OR ${key(c, depth + 1)} ${key(c, depth + 1)}`,
          `(${some(c, (d) => key(d, depth + 1), 2)})`,
          `FUZZY ${key(c, depth + 1)}`,
        ]),
  ]);
const keys: Make = (c) => some(c, (d) => key(d), 3);
const returns: Make = (c) =>
  c.oneIn(2)
    ? ""
    : `RETURN (${many(c, (d) => d.pick(["MIN", "MAX", "ALL", "COUNT", "SAVE", "PARTIAL 1:3", "PARTIAL -1:-2", "ODD"]), 3)}) `;
const charset: Make = (c) =>
  c.oneIn(4) ? `CHARSET ${c.pick(["UTF-8", "US-ASCII", "ISO-8859-1", "KOI8-R", "NONE"])} ` : "";
const uid: Make = (c) => (c.oneIn(2) ? "UID " : "");
const filter: Make = (c) =>
  c.pick([
    "selected",
    "selected-delayed",
    "inboxes",
    "personal",
    "subscribed",
    `subtree ${box(c)}`,
    `mailboxes (${some(c, box, 2)})`,
  ]);
const event: Make = (c) =>
  c.pick(["MailboxName", "SubscriptionChange", "MailboxMetadataChange", "ServerMetadataChange", "AnnotationChange"]);
const entry: Make = (c) => c.pick(["/shared/comment", "/private/a", "/private/a/b", "odd", "/private/*"]);
const statusItems: Make = (c) =>
  some(
    c,
    (d) =>
      d.pick([
        "MESSAGES",
        "UIDNEXT",
        "UNSEEN",
        "RECENT",
        "SIZE",
        "HIGHESTMODSEQ",
        "MAILBOXID",
        "DELETED",
        "UIDVALIDITY",
        "ODD",
      ]),
    4,
  );

/** The state a command is for; any may be given in any. */
export const commands: readonly Make[] = [
  () => "CAPABILITY",
  () => "NOOP",
  () => "CHECK",
  (c) => `ID ${c.pick(["NIL", '("a" "b")', "(NIL)", string(c)])}`,
  (c) => `LOGIN ${string(c)} ${string(c)}`,
  (c) => `AUTHENTICATE ${c.pick(["PLAIN", "LOGIN", "PLAIN AGEAYg==", "PLAIN =", "X"])}`,
  (c) =>
    `ENABLE ${some(c, (d) => d.pick(["CONDSTORE", "QRESYNC", "IMAP4rev2", "UTF8=ACCEPT", "UIDONLY", "METADATA", "METADATA-SERVER", "ODD"]), 2)}`,
  (c) =>
    `${c.pick(["SELECT", "EXAMINE"])} ${box(c)}${c.pick(["", "", " (CONDSTORE)", ` (QRESYNC (${number(c)} ${number(c)}))`, " (QRESYNC (1 1 1:5 (1,3 1,3)))"])}`,
  (c) => c.pick(["CLOSE", "UNSELECT", "UNSELECT"]),
  (c) => `CREATE ${box(c)}${c.oneIn(4) ? ` (USE (${c.pick(["\\Flagged", "\\Odd", "\\Sent"])}))` : ""}`,
  (c) => `DELETE ${box(c)}`,
  (c) => `RENAME ${box(c)} ${box(c)}`,
  (c) => `${c.pick(["SUBSCRIBE", "UNSUBSCRIBE"])} ${box(c)}`,
  () => "NAMESPACE",
  (c) => `LSUB ${string(c)} ${pattern(c)}`,
  (c) =>
    `LIST ${c.oneIn(3) ? `(${many(c, (d) => d.pick(["SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE", "ODD"]), 2)}) ` : ""}${string(c)} ${c.oneIn(4) ? `(${some(c, pattern, 2)})` : pattern(c)}${c.oneIn(3) ? ` RETURN (${many(c, (d) => d.pick(["SUBSCRIBED", "CHILDREN", `STATUS (${statusItems(d)})`, `METADATA (${entry(d)})`]), 2)})` : ""}`,
  (c) => `STATUS ${box(c)} (${statusItems(c)})`,
  (c) =>
    `APPEND ${box(c)}${c.oneIn(2) ? ` (${many(c, flag, 2)})` : ""}${dateTime(c)} ${message(c)}${c.oneIn(5) ? ` ${message(c)}` : ""}`,
  (c) => `${uid(c)}REPLACE ${point(c)} ${box(c)} ${message(c)}`,
  (c) => `${uid(c)}FETCH ${set(c)} ${items(c)}${modifiers(c)}`,
  (c) => `${uid(c)}FETCH ${set(c)} ${items(c)}${modifiers(c)}`,
  (c) =>
    `${uid(c)}STORE ${set(c)} ${c.oneIn(4) ? `(UNCHANGEDSINCE ${number(c)}) ` : ""}${c.pick(["", "+", "-"])}FLAGS${c.oneIn(2) ? ".SILENT" : ""} ${flags(c)}`,
  (c) => `${uid(c)}${c.pick(["COPY", "MOVE"])} ${set(c)} ${box(c)}`,
  (c) => `${uid(c)}EXPUNGE${c.oneIn(2) ? ` ${set(c)}` : ""}`,
  (c) => `${uid(c)}SEARCH ${returns(c)}${charset(c)}${keys(c)}`,
  (c) =>
    `${uid(c)}SORT ${returns(c)}(${some(c, (d) => d.pick(["DATE", "SUBJECT", "REVERSE FROM", "SIZE", "ODD"]), 2)}) UTF-8 ${keys(c)}`,
  (c) => `${uid(c)}THREAD ${c.pick(["REFERENCES", "ORDEREDSUBJECT", "ODD"])} UTF-8 ${keys(c)}`,
  (c) => `ESEARCH ${c.oneIn(2) ? `IN (${some(c, filter, 2)}) ` : ""}${returns(c)}${keys(c)}`,
  (c) =>
    `NOTIFY ${c.pick(["NONE", `SET (${filter(c)} (MessageNew MessageExpunge FlagChange))`, `SET STATUS (${filter(c)} NONE)`, `SET (selected (MessageNew ${items(c)} MessageExpunge)) (${filter(c)} (${some(c, event, 3)}))`])}`,
  (c) => `GETMETADATA ${c.oneIn(3) ? "(DEPTH 1) " : ""}${box(c)} (${some(c, entry, 2)})`,
  (c) => `SETMETADATA ${box(c)} (${entry(c)} ${c.oneIn(3) ? "NIL" : string(c)})`,
  (c) => c.pick(["GETQUOTA mailbox", "GETQUOTAROOT INBOX", `GETQUOTAROOT ${box(c)}`, "SETQUOTA mailbox (STORAGE 1)"]),
  () => "IDLE",
  () => "UNAUTHENTICATE",
];

/** A command without its tag; one in four is bent. */
export function randomCommand(c: Chance): string {
  const command = c.pick(commands)(c);
  return c.oneIn(4) ? bent(command, c) : command;
}

function bent(command: string, c: Chance): string {
  const at = c.below(command.length + 1);
  const junk = (): string =>
    c.pick([String.fromCharCode(c.below(256)), bytes(c), "(", ")", '"', "\\", "{", "}", " ", "{3}", "{2+}", "*", "%"]);
  switch (c.below(5)) {
    case 0:
      return command.slice(0, at);
    case 1:
      return command.slice(0, at) + command.slice(at + 1 + c.below(3));
    case 2:
      return command.slice(0, at) + junk() + command.slice(at);
    case 3:
      return `${command} ${command.slice(at)}`;
    default:
      return junk() + junk() + command.slice(at);
  }
}
