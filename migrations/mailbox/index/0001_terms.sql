-- Full text of one mailbox: which messages may hold a text. Rebuilt from mail.db whenever it is missing, so never backed up.
-- Only trigrams are kept (no text, no positions); what they point at is verified against the message itself.
CREATE VIRTUAL TABLE terms USING fts5(text, tokenize = 'trigram case_sensitive 1', detail = none, content = '', contentless_delete = 1);

-- Every message up to this id has been looked at.
CREATE TABLE progress (indexed_to INTEGER NOT NULL) STRICT;
INSERT INTO progress VALUES (0);

-- Too long to index whole: always looked at.
CREATE TABLE partial (message INTEGER PRIMARY KEY) STRICT;
