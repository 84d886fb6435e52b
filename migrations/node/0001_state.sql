-- What a node knows of the mailboxes placed on it. Encrypted as a whole under a key derived from the node key.
CREATE TABLE mailbox (
  id TEXT PRIMARY KEY,
  address TEXT NOT NULL UNIQUE,
  revision INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  -- contract/mailbox.ts MailboxRecord, whole, as JSON
  record TEXT NOT NULL,
  -- the key id first seen: another one is an alarm, never taken over silently
  pinned_key_id TEXT NOT NULL,
  -- mirrors of the mailbox file's own state, never ahead of it
  generation INTEGER NOT NULL DEFAULT 0,
  used_bytes INTEGER NOT NULL DEFAULT 0,
  highest_modseq INTEGER NOT NULL DEFAULT 0,
  waiting INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE slot_use (
  mailbox TEXT NOT NULL,
  slot TEXT NOT NULL,
  at INTEGER NOT NULL,
  PRIMARY KEY (mailbox, slot)
) STRICT, WITHOUT ROWID;

CREATE TABLE setting (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
