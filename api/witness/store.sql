-- What a witness remembers (SQLite): the newest checkpoint of each log, all it cosigned, and
-- what it refused.

-- name: durable
-- What was answered is on the disk: each commit is synced.
PRAGMA synchronous = FULL;

-- name: log
-- The newest checkpoint of each log.
CREATE TABLE IF NOT EXISTS log (
    origin TEXT    NOT NULL PRIMARY KEY,
    size   INTEGER NOT NULL,
    root   BLOB    NOT NULL,
    note   BLOB    NOT NULL,
    line   TEXT    NOT NULL,
    at     INTEGER NOT NULL
) STRICT;

-- name: refused
-- What could be proof of misbehaviour: the body as it came, and what was known then.
CREATE TABLE IF NOT EXISTS refused (
    id     INTEGER PRIMARY KEY,
    origin TEXT    NOT NULL,
    what   TEXT    NOT NULL,
    why    TEXT    NOT NULL,
    body   BLOB    NOT NULL,
    known  BLOB,
    at     INTEGER NOT NULL
) STRICT;

-- name: begin
-- Check and store are one step: nobody else writes between them.
BEGIN IMMEDIATE;

-- name: seen
-- What was cosigned last of a log.
SELECT size, root FROM log WHERE origin = ?;

-- name: keep
-- What is cosigned now.
INSERT INTO log (origin, size, root, note, line, at)
VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (origin) DO UPDATE
   SET size = excluded.size, root = excluded.root, note = excluded.note,
       line = excluded.line, at = excluded.at;

-- name: note_of
-- The newest checkpoint of a log, as it came.
SELECT note FROM log WHERE origin = ?;

-- name: put_aside
-- What was refused, for who has to look into it.
INSERT INTO refused (origin, what, why, body, known, at) VALUES (?, ?, ?, ?, ?, ?);

-- name: logs
-- Every log that was seen, for people.
SELECT origin, size, root, note, line, at FROM log ORDER BY origin;

-- name: conflicts
-- What was put aside, the newest first.
SELECT id, origin, what, why, body, known, at FROM refused ORDER BY id DESC LIMIT ?;
