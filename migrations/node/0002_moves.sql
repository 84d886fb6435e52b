-- Mailboxes between this node and others. A mailbox that is leaving serves nobody until the edge has said how that very move ended.
CREATE TABLE leaving (mailbox TEXT PRIMARY KEY, move TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Fetched whole and verified; not in place, and serves nobody, until the edge has said that it lives here.
CREATE TABLE arriving (
  mailbox TEXT PRIMARY KEY,
  move TEXT NOT NULL,
  -- store/moving/format.ts MoveHead, as JSON
  head TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Lives at another node since that epoch: records and hand-offs from before are stale.
CREATE TABLE away (mailbox TEXT PRIMARY KEY, epoch INTEGER NOT NULL) STRICT, WITHOUT ROWID;
