-- The relay queue. Every blob of mail in it is sealed to a transit key besides; the file itself is encrypted.
CREATE TABLE job (
  id TEXT PRIMARY KEY,
  sealed BLOB NOT NULL,
  size INTEGER NOT NULL,
  -- What is delivered together: the destination's domain, or a fixed host:port.
  host TEXT NOT NULL,
  -- UTC ms.
  deadline INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  delay_told INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Ids of jobs that are over: a hand-off that comes again is answered, not delivered again.
CREATE TABLE done (id TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX done_at ON done (at);

-- What the edge has to be told, until it has heard.
CREATE TABLE result (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;

-- X-Wing seeds that jobs are sealed to. The newest is the current one; a retired one lives as long as a job may wait.
CREATE TABLE transit (
  key_id TEXT PRIMARY KEY,
  seed BLOB NOT NULL,
  made_at INTEGER NOT NULL,
  retired_at INTEGER
) STRICT;

-- The node's DKIM and ARC keys, PKCS#8. The newest signs.
CREATE TABLE signer (selector TEXT PRIMARY KEY, pkcs8 BLOB NOT NULL, made_at INTEGER NOT NULL) STRICT;
