-- Long stretches of messages (bodies of large parts) that are stored once however many messages of this mailbox hold them.
CREATE TABLE shared (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  -- SHA-256 of the bytes, and a MAC over it under this mailbox's key: what a repetition is found by
  digest BLOB NOT NULL,
  mac BLOB NOT NULL UNIQUE,
  size INTEGER NOT NULL,
  -- places in messages that show it; goes with the last one
  refs INTEGER NOT NULL
) STRICT;

-- id = shared * 65536 + chunk, 128 KiB each.
CREATE TABLE shared_body (id INTEGER PRIMARY KEY, codec INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;

-- Where shared stretches stand in a message, in order: [[start, end, shared], ...] as JSON; null where there is none. The message's
-- own bytes are the rest of it, laid out in `body` as if the stretches were not there.
ALTER TABLE message ADD COLUMN stretches TEXT;
