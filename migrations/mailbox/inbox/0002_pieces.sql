-- A sealed message in pieces, written as they come: none is ever held whole in memory.
CREATE TABLE arrival (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  -- hand-off id; null while it is coming in
  id TEXT UNIQUE,
  arrived_at INTEGER NOT NULL,
  size INTEGER NOT NULL,
  -- 0: coming in, acknowledged to nobody; 1: waits for its owner; 2: did not open under the mailbox's key, kept aside
  state INTEGER NOT NULL
) STRICT;
CREATE INDEX arrival_state ON arrival (state, number);

-- id = arrival * 65536 + piece
CREATE TABLE piece (id INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;

INSERT INTO arrival (id, arrived_at, size, state) SELECT id, arrived_at, length(bytes), 1 FROM sealed ORDER BY rowid;
INSERT INTO arrival (id, arrived_at, size, state)
  SELECT id, at, length(bytes), 2 FROM unreadable WHERE id NOT IN (SELECT id FROM sealed) ORDER BY rowid;
INSERT INTO piece (id, bytes)
  SELECT number * 65536, coalesce((SELECT bytes FROM sealed s WHERE s.id = a.id), (SELECT bytes FROM unreadable u WHERE u.id = a.id))
  FROM arrival a;
DROP TABLE sealed;
DROP TABLE unreadable;
