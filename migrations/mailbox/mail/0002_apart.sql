-- What is read of ten thousand messages at once lies apart, each kind close together: every page that a listing passes over has
-- to be deciphered, so the fewer bytes lie between two values, the faster it is.
CREATE TABLE envelope (message INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
INSERT INTO envelope SELECT id, envelope FROM message ORDER BY id;

-- BODYSTRUCTURE and BODY, rendered.
CREATE TABLE structure (message INTEGER PRIMARY KEY, extended BLOB NOT NULL, basic BLOB NOT NULL) STRICT;
INSERT INTO structure SELECT id, structure, structure_basic FROM message ORDER BY id;

ALTER TABLE message DROP COLUMN envelope;
ALTER TABLE message DROP COLUMN structure;
ALTER TABLE message DROP COLUMN structure_basic;
CREATE INDEX message_thread ON message (thread) WHERE thread > 0;

-- The header fields that mail programs list messages by (store/mime/brief.ts), as they stand in the header; null where they are too
-- long or doubtful. Older messages get theirs after the mailbox was opened; until then the header itself is read.
CREATE TABLE brief (message INTEGER PRIMARY KEY, fields BLOB) STRICT;

-- The base subject of RFC 5256 §2.1, and whether it was a reply's or a forward's. Null: not worked out yet.
ALTER TABLE words ADD COLUMN base TEXT;
ALTER TABLE words ADD COLUMN is_reply INTEGER NOT NULL DEFAULT 0;
CREATE INDEX words_bare ON words (message) WHERE base IS NULL;
-- Date: alone, for searching and sorting by it.
CREATE INDEX words_sent ON words (message, sent_at, sent_day);
