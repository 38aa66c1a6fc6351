-- The keyring's own small file (SQLite): wrapped keys, found by subject or by reference.

-- name: secure
-- What is deleted is overwritten: a destroyed key leaves no trace in the file.
PRAGMA secure_delete = ON;

-- name: durable
-- A key is on the disk before anything that needs it is: each commit is synced.
PRAGMA synchronous = FULL;

-- name: journal
-- One write and one sync a commit, and readers wait for none.  A rollback journal takes four
-- of each, and one that is deleted may come back after a power cut and undo the last commit.
PRAGMA journal_mode = WAL;

-- name: checkpoint
-- Nothing stays in the write-ahead file: what was deleted is overwritten, and the file is cut.
PRAGMA wal_checkpoint(TRUNCATE);

-- name: table
-- The key of a subject in a case.  Two processes may each make one: both stay, the first is
-- used from then on, and each opens what was written under it.
CREATE TABLE IF NOT EXISTS subject_key (
    ledger    TEXT NOT NULL,
    stream    TEXT NOT NULL,
    role      TEXT NOT NULL,
    reference TEXT NOT NULL PRIMARY KEY,
    wrapping  TEXT NOT NULL,
    wrapped   BLOB NOT NULL
) STRICT;

-- name: index
-- Asked for each subject that is new here.
CREATE INDEX IF NOT EXISTS subject_key_of_a_case ON subject_key (ledger, stream, role);

-- name: by_subject
-- The reference of a subject in a case.
SELECT reference
  FROM subject_key
 WHERE ledger = ?
   AND stream = ?
   AND role = ?
 ORDER BY rowid
 LIMIT 1;

-- name: by_reference
-- The wrapped key behind a reference.
SELECT wrapping, wrapped FROM subject_key WHERE reference = ?;

-- name: of_stream
-- The subjects of a case, matter or complaint, the first key of each.
SELECT role, reference
  FROM subject_key
 WHERE ledger = ?
   AND stream = ?
 ORDER BY rowid;

-- name: passing
-- What waits under keys of its own, by a range of places: `import:` up to `import;`.
SELECT stream, reference
  FROM subject_key
 WHERE ledger = ?
   AND stream >= ?
   AND stream < ?
   AND role = ?
 ORDER BY stream;

-- name: about
-- Whose key that is.
SELECT ledger, stream, role FROM subject_key WHERE reference = ?;

-- name: add
-- A new key; one that was written for somebody who did not wait for it stays as it is.
INSERT INTO subject_key (ledger, stream, role, reference, wrapping, wrapped)
VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (reference) DO NOTHING;

-- name: forget
-- A key, destroyed.
DELETE FROM subject_key WHERE reference = ?;

-- name: wrapping
-- Which wrapping keys are needed to open what is there.
SELECT DISTINCT wrapping FROM subject_key ORDER BY wrapping;
