/**
 * The places where the power may go: before or after the n-th time that a thread runs a statement on one of its databases. A
 * preloaded module watches for them in the child process, so the product carries no test code.
 */
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

export const points: readonly Point[] = [
  at("accept: before the transaction", "inbox.db", /^BEGIN/, "before"),
  at("accept: in the transaction, nothing written", "inbox.db", /^BEGIN/, "after"),
  at("accept: ciphertext written, not committed", "inbox.db", /INTO piece/, "after"),
  at("accept: before the commit", "inbox.db", /^COMMIT/, "before"),
  at("accept: committed, not acknowledged", "inbox.db", /^COMMIT/, "after"),
  at("file: reading the inbox", "inbox.db", /^SELECT id, number/, "after", 2),
  at("file: before the transaction", "mail.db", /^BEGIN/, "before", 2),
  at("file: hand-off id noted", "mail.db", /INTO handled/, "after"),
  at("file: message row written", "mail.db", /INTO message/, "after"),
  at("file: body written", "mail.db", /INTO body/, "after"),
  at("file: entry written", "mail.db", /INTO entry/, "after"),
  at("file: folder counted", "mail.db", /^UPDATE folder/, "after", 2),
  at("file: generation counted", "mail.db", /^UPDATE state/, "after", 2),
  at("file: before the commit", "mail.db", /^COMMIT/, "before", 2),
  at("file: committed, inbox not told", "mail.db", /^COMMIT/, "after", 2),
  at("inbox: id remembered", "inbox.db", /INTO known/, "after"),
  at("inbox: ciphertext deleted, not committed", "inbox.db", /^DELETE FROM piece/, "after"),
  at("inbox: deletion committed", "inbox.db", /^COMMIT/, "after", 5),
  at("mailbox: being made", "mail.db", /^BEGIN/, "after", 1),
  at("mailbox: made, not committed", "mail.db", /INTO subscription/, "after", 6),
  at("node: record written, not committed", "node.db", /INTO mailbox/, "after", 1),
  at("node: mirror written, not committed", "node.db", /^UPDATE mailbox/, "after", 1),
];
