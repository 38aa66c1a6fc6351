-- name: begin
-- A file whose rows are coming in.
INSERT INTO projections.import_file (
       ledger, id, state, key, digest, system, item, name, mapping, sha256, size, rows,
       quarantined, recorded, events, position, uploaded_by, uploaded_at, started_at)
VALUES ($1, $2, 'receiving', $3, '\x', $4, $5, $6, $7, '', 0, 0, 0, 0, 0, -1, $8, $9,
        clock_timestamp());

-- name: sweep_files
-- What uploads that broke off a day ago have left.
DELETE FROM projections.import_file
 WHERE state = 'receiving'
   AND started_at < clock_timestamp() - interval '1 day'
RETURNING ledger, id;

-- name: overdue
-- What was judged thirty days ago and nobody has let in: held until its rows are set aside, so
-- that nobody lets it in meanwhile.
SELECT ledger, id
  FROM projections.import_file
 WHERE state = 'staged'
   AND started_at < clock_timestamp() - interval '30 days'
   AND rows > quarantined + recorded
 ORDER BY ledger, id
   FOR UPDATE;

-- name: abandoned
-- Somebody throws a file away that waits to be let in; the first stays on record.  It is held so
-- that nobody lets it in meanwhile.
UPDATE projections.import_file
   SET abandoned_by = coalesce(abandoned_by, $3),
       abandoned_at = coalesce(abandoned_at, $4)
 WHERE ledger = $1
   AND id = $2
   AND state = 'staged'
RETURNING id;

-- name: rest_aside
-- The rows of a file that still wait are set aside, with what they said.
UPDATE projections.import_row
   SET state = 'quarantined', code = $3, raw = '\x'
 WHERE ledger = $1
   AND import = $2
   AND state = 'ready';

-- name: rest_counted
-- And counted so.
UPDATE projections.import_file
   SET quarantined = rows - recorded
 WHERE ledger = $1
   AND id = $2;

-- name: waited_for
-- The files of a ledger of which a row may still wait: the keys of all others are destroyed.
SELECT id
  FROM projections.import_file
 WHERE ledger = $1
   AND (state IN ('receiving', 'committing')
        OR state = 'staged' AND rows > quarantined + recorded);

-- name: duplicates
-- The rows whose id stands in an earlier one.
SELECT d.row
  FROM (SELECT i.row, row_number() OVER (PARTITION BY i.id ORDER BY i.row) AS nth
          FROM projections.import_row AS i
         WHERE i.ledger = $1
           AND i.import = $2
           AND i.state = 'ready') AS d
 WHERE d.nth > 1;

-- name: set_aside
-- By their numbers: joined with the list above they were planned as a loop in a loop.
UPDATE projections.import_row
   SET state = 'quarantined', code = $4, raw = '\x'
 WHERE ledger = $1
   AND import = $2
   AND row = ANY ($3::bigint[]);

-- name: staged
-- Every row is judged.
UPDATE projections.import_file AS f
   SET state = 'staged',
       digest = $3,
       sha256 = $4,
       size = $5,
       rows = c.rows,
       quarantined = c.quarantined
  FROM (SELECT count(*) AS rows, count(*) FILTER (WHERE state = 'quarantined') AS quarantined
          FROM projections.import_row
         WHERE ledger = $1
           AND import = $2) AS c
 WHERE f.ledger = $1
   AND f.id = $2;

-- name: answered
-- What its uploader is told, and told again.
UPDATE projections.import_file
   SET answer = $3
 WHERE ledger = $1
   AND id = $2;

-- name: drop_rows
-- A dry run leaves nothing, nor does the second of two equal uploads.
DELETE FROM projections.import_row
 WHERE ledger = $1
   AND import = $2;

-- name: drop_file
-- The file after its rows.
DELETE FROM projections.import_file
 WHERE ledger = $1
   AND id = $2;

-- name: by_key
-- The upload that was made under a key.
SELECT id, digest, answer
  FROM projections.import_file
 WHERE ledger = $1
   AND key = $2
   AND state <> 'receiving';

-- name: one
-- A file and how far it has come.
SELECT id, state, system, item, name, mapping, sha256, size, rows, quarantined, recorded,
       events, position, uploaded_by, uploaded_at, commit_key, committed_by, appointment,
       organ, committed_at, abandoned_by, abandoned_at, done_at
  FROM projections.import_file
 WHERE ledger = $1
   AND id = $2
   AND state <> 'receiving';

-- name: codes
-- How many rows were set aside, and why.
SELECT code, count(*) AS rows
  FROM projections.import_row
 WHERE ledger = $1
   AND import = $2
   AND state = 'quarantined'
 GROUP BY code
 ORDER BY code;

-- name: rows
-- A page of rows in the order of the file; by state and by code where asked.
SELECT row, id, state, code, note, position, case_no
  FROM projections.import_row
 WHERE ledger = $1
   AND import = $2
   AND row > $3
   AND ($4::text IS NULL OR state = $4)
   AND ($5::text IS NULL OR code = $5)
 ORDER BY row
 LIMIT $6;

-- name: commit
-- Somebody lets a judged file into the ledger; once.
UPDATE projections.import_file
   SET state = 'committing',
       commit_key = $3,
       committed_by = $4,
       appointment = $5,
       organ = $6,
       committed_at = $7
 WHERE ledger = $1
   AND id = $2
   AND state = 'staged'
RETURNING id;

-- name: going_on
-- What waits to be taken in, of all ledgers: asked at the start and when woken.
SELECT ledger, id
  FROM projections.import_file
 WHERE state = 'committing'
 ORDER BY ledger, id;

-- name: waiting
-- The next rows to take in; another process that does the same takes others.
SELECT row, raw
  FROM projections.import_row
 WHERE ledger = $1
   AND import = $2
   AND state = 'ready'
 ORDER BY row
 LIMIT $3
   FOR UPDATE SKIP LOCKED;

-- name: took
-- What became of them, and nothing of what they said: that stands in the ledger, where it can
-- be erased.  Found by index, whatever the statistics say.
UPDATE projections.import_row
   SET state = ($4::text[])[array_position($3::bigint[], row)],
       code = ($5::text[])[array_position($3::bigint[], row)],
       position = ($6::bigint[])[array_position($3::bigint[], row)],
       case_no = ($7::text[])[array_position($3::bigint[], row)],
       note = ($8::text[])[array_position($3::bigint[], row)],
       raw = '\x'
 WHERE ledger = $1
   AND import = $2
   AND row = ANY ($3::bigint[]);

-- name: counted
-- How far the file has come.
UPDATE projections.import_file
   SET recorded = recorded + $3,
       quarantined = quarantined + $4,
       events = events + $5,
       position = greatest(position, $6)
 WHERE ledger = $1
   AND id = $2;

-- name: is_left
-- Whether any row still waits, be it held by another process.
SELECT EXISTS (
       SELECT
         FROM projections.import_row
        WHERE ledger = $1
          AND import = $2
          AND state = 'ready');

-- name: done
-- Every row is in the ledger or is set aside.
UPDATE projections.import_file
   SET state = 'committed', done_at = $3
 WHERE ledger = $1
   AND id = $2
   AND state = 'committing';

-- name: stopped
-- Whoever committed it holds the post no more: it waits for another head.
UPDATE projections.import_file
   SET state = 'staged',
       commit_key = NULL,
       committed_by = NULL,
       appointment = NULL,
       organ = NULL,
       committed_at = NULL
 WHERE ledger = $1
   AND id = $2
   AND state = 'committing';
