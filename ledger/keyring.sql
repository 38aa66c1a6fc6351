-- The keyring's own small file (SQLite): wrapped keys, found by subject or by reference.

-- name: secure
-- What is deleted is overwritten: a destroyed key leaves no trace in the file.
PRAGMA secure_delete = ON;

-- name: durable
-- A key is on the disk before anything that needs it is.
PRAGMA synchronous = FULL;

-- name: journal
-- No write-ahead file that would keep a destroyed key.  A journal that is truncated is synced
-- as it is; one that is deleted may come back after a power cut and undo the last commit.
PRAGMA journal_mode = TRUNCATE;

-- name: table
-- One key for each subject in each case.
CREATE TABLE IF NOT EXISTS subject_key (
    ledger    TEXT NOT NULL,
    stream    TEXT NOT NULL,
    role      TEXT NOT NULL,
    reference TEXT NOT NULL UNIQUE,
    wrapping  TEXT NOT NULL,
    wrapped   BLOB NOT NULL,
    PRIMARY KEY (ledger, stream, role)
) STRICT;

-- name: by_subject
-- The reference of a subject in a case.
SELECT reference FROM subject_key WHERE ledger = ? AND stream = ? AND role = ?;

-- name: by_reference
-- The wrapped key behind a reference.
SELECT wrapping, wrapped FROM subject_key WHERE reference = ?;

-- name: add
-- A new key.
INSERT INTO subject_key (ledger, stream, role, reference, wrapping, wrapped)
VALUES (?, ?, ?, ?, ?, ?);
