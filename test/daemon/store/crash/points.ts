/**
 * The places where the power may go: before or after the n-th time that a thread runs a statement on one of its databases. A
 * preloaded module watches for them in the child process, so the product carries no test code.
 */
import { scriptsOf } from "../../../../src/daemon/sqlite/migrate.ts";

export type Point = {
  name: string;
  file: "inbox.db" | "mail.db" | "node.db";
  statement: RegExp;
  when: "before" | "after";
  count: number;
};

const at = (name: string, file: Point["file"], statement: RegExp, when: Point["when"], count = 3): Point => ({
  ...{ name, file, statement, when, count },
});

// A new file's first transactions are its migrations; a new mailbox's next one makes its folders.
const inbox = (nth: number) => scriptsOf("mailbox/inbox").length + nth;
const mail = (nth: number) => scriptsOf("mailbox/mail").length + 1 + nth;

// Before the owner logs in come twelve messages; the seventh is large: two pieces, and the end.
export const points: readonly Point[] = [
  at("accept: before the transaction", "inbox.db", /^BEGIN/, "before", inbox(3)),
  at("accept: in the transaction, nothing written", "inbox.db", /^BEGIN/, "after", inbox(3)),
  at("accept: ciphertext written, not committed", "inbox.db", /INTO piece/, "after"),
  at("accept: before the commit", "inbox.db", /^COMMIT/, "before", inbox(3)),
  at("accept: committed, not acknowledged", "inbox.db", /^COMMIT/, "after", inbox(3)),
  at("stream: some pieces written, more to come", "inbox.db", /INTO piece/, "after", 9),
  at("stream: a piece committed, more to come", "inbox.db", /^COMMIT/, "after", inbox(7)),
  at("stream: all pieces there, not finished", "inbox.db", /^UPDATE arrival SET id/, "before", 1),
  at("stream: finished, not committed", "inbox.db", /^UPDATE arrival SET id/, "after", 1),
  at("stream: finished, not acknowledged", "inbox.db", /^COMMIT/, "after", inbox(9)),
  at("file: reading the inbox", "inbox.db", /^SELECT id, number/, "after", 2),
  at("file: before the transaction", "mail.db", /^BEGIN/, "before", mail(1)),
  at("file: hand-off id noted", "mail.db", /INTO handled/, "after"),
  at("file: message row written", "mail.db", /INTO message/, "after"),
  at("file: body written", "mail.db", /INTO body/, "after"),
  at("file: entry written", "mail.db", /INTO entry/, "after"),
  at("file: folder counted", "mail.db", /^UPDATE folder/, "after", 2),
  at("file: generation counted", "mail.db", /^UPDATE state/, "after", 2),
  at("file: before the commit", "mail.db", /^COMMIT/, "before", mail(1)),
  at("file: committed, inbox not told", "mail.db", /^COMMIT/, "after", mail(1)),
  at("file: a large message half stored", "mail.db", /INTO shared_body/, "after", 4),
  at("file: a large message stored, not shown", "mail.db", /INTO shared \(/, "before", 1),
  at("file: a large message committed, inbox not told", "mail.db", /^COMMIT/, "after", mail(2)),
  at("inbox: id remembered", "inbox.db", /INTO known/, "after"),
  at("inbox: ciphertext deleted, not committed", "inbox.db", /^DELETE FROM piece/, "after"),
  at("inbox: deletion committed", "inbox.db", /^COMMIT/, "after", inbox(15)),
  at("mailbox: being made", "mail.db", /^BEGIN/, "after", 1),
  at("mailbox: made, not committed", "mail.db", /INTO subscription/, "after", 6),
  at("node: record written, not committed", "node.db", /INTO mailbox/, "after", 1),
  at("node: mirror written, not committed", "node.db", /^UPDATE mailbox/, "after", 1),
];
