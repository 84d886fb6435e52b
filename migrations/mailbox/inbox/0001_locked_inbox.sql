-- The locked inbox: sealed messages that wait for the owner. Encrypted once more under a key of the node, so that ids and
-- sizes are not in clear either.
CREATE TABLE sealed (
  id TEXT PRIMARY KEY,
  arrived_at INTEGER NOT NULL,
  bytes BLOB NOT NULL
) STRICT;

-- Ids that were filed: a re-drive of one is a duplicate, also long after the mail was expunged.
CREATE TABLE known (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;

-- Sealed objects that did not open under the mailbox's key: kept, shown, never dropped.
CREATE TABLE unreadable (id TEXT PRIMARY KEY, at INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;
