-- One mailbox. Encrypted under a key derived from the owner's master key.
CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO state VALUES ('generation', 0), ('last_uidvalidity', 0);

CREATE TABLE folder (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  uidvalidity INTEGER NOT NULL,
  uidnext INTEGER NOT NULL DEFAULT 1,
  modseq INTEGER NOT NULL DEFAULT 1,
  special_use TEXT,
  -- 0: lost its messages by DELETE and stays for the folders below it
  selectable INTEGER NOT NULL DEFAULT 1,
  -- exact counts, kept in the same transaction as what they count
  messages INTEGER NOT NULL DEFAULT 0,
  unseen INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  size INTEGER NOT NULL DEFAULT 0,
  deleted_size INTEGER NOT NULL DEFAULT 0,
  -- messages from this UID on were announced to no session (rev1 \Recent)
  recent_uid INTEGER NOT NULL DEFAULT 1,
  -- expunges up to this modseq have been forgotten
  forgotten_modseq INTEGER NOT NULL DEFAULT 1
) STRICT;

-- Keywords ever used in a folder, as first spelled in the mailbox.
CREATE TABLE keyword (folder INTEGER NOT NULL, folded TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (folder, folded)) STRICT, WITHOUT ROWID;

CREATE TABLE subscription (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE message (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  thread INTEGER NOT NULL,
  size INTEGER NOT NULL,
  header_size INTEGER NOT NULL,
  -- SHA-256 of the bytes as served, and a MAC that binds them to this mailbox
  digest BLOB NOT NULL,
  body_mac BLOB NOT NULL,
  envelope BLOB NOT NULL,
  structure BLOB NOT NULL,
  structure_basic BLOB NOT NULL,
  -- store/mime/map.ts
  parts TEXT NOT NULL,
  preview TEXT NOT NULL
) STRICT;

-- How many entries show a message; apart from it, so that counting does not rewrite it. Zero: to be purged.
CREATE TABLE held (message INTEGER PRIMARY KEY, refs INTEGER NOT NULL) STRICT;
CREATE INDEX held_garbage ON held (message) WHERE refs = 0;

-- id = message * 65536 + chunk. Chunk 0 is the header, the others are 128 KiB of the rest each.
CREATE TABLE body (id INTEGER PRIMARY KEY, codec INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;

-- Decoded header words, for SEARCH, SORT and THREAD.
CREATE TABLE words (
  message INTEGER PRIMARY KEY,
  subject TEXT NOT NULL,
  from_ TEXT NOT NULL,
  to_ TEXT NOT NULL,
  cc TEXT NOT NULL,
  bcc TEXT NOT NULL,
  message_id TEXT,
  refs TEXT NOT NULL,
  -- Date: as an instant (UTC ms) and as the day it says (days since the epoch); null where it can't be read
  sent_at INTEGER,
  sent_day INTEGER
) STRICT;

-- Message-IDs seen, as 48-bit hashes, for thread ids.
CREATE TABLE mention (hash INTEGER PRIMARY KEY, thread INTEGER NOT NULL) STRICT;

CREATE TABLE entry (
  folder INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  message INTEGER NOT NULL,
  -- bits: 1 \Seen, 2 \Answered, 4 \Flagged, 8 \Deleted, 16 \Draft
  flags INTEGER NOT NULL,
  -- sorted, separated and surrounded by spaces; empty when there is none
  keywords TEXT NOT NULL,
  modseq INTEGER NOT NULL,
  internal_date INTEGER NOT NULL,
  saved_at INTEGER NOT NULL,
  size INTEGER NOT NULL,
  PRIMARY KEY (folder, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_modseq ON entry (folder, modseq);

CREATE TABLE expunged (folder INTEGER NOT NULL, modseq INTEGER NOT NULL, uid INTEGER NOT NULL, PRIMARY KEY (folder, modseq, uid)) STRICT, WITHOUT ROWID;

-- folder 0: the mailbox's own.
CREATE TABLE metadata (folder INTEGER NOT NULL, name TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (folder, name)) STRICT, WITHOUT ROWID;

-- Hand-off ids filed, in the transaction that filed them.
CREATE TABLE handled (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
