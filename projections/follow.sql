-- name: begin_shown
-- The first generation of a projection is shown from the start, empty as it is.
INSERT INTO projections.shown (ledger, projection, generation)
VALUES ($1, $2, 1)
    ON CONFLICT (ledger, projection) DO NOTHING;

-- name: begin_place
-- Where a generation starts in a sequence: before its first event.
INSERT INTO projections.progress (ledger, generation, projection, sequence)
VALUES ($1, $2, $3, $4)
    ON CONFLICT (ledger, generation, projection, sequence) DO NOTHING;

-- name: shown
-- Which generation readers see.
SELECT generation
  FROM projections.shown
 WHERE ledger = $1
   AND projection = $2;

-- name: hold
-- The right to write a generation, for this transaction; no row where another follower has
-- it.  The row of the ledger itself stands for all sequences of the generation.  Nobody
-- waits for the disk: what a crash takes away is done again, rows and place together.
SELECT p.generation, set_config('synchronous_commit', 'off', true)
  FROM projections.progress AS p
 WHERE p.ledger = $1
   AND p.projection = $2
   AND p.sequence = $1
   AND p.generation = coalesce($3, (SELECT s.generation
                                      FROM projections.shown AS s
                                     WHERE s.ledger = $1
                                       AND s.projection = $2))
   FOR NO KEY UPDATE SKIP LOCKED;

-- name: wait_and_hold
-- The same for a rebuild that has come to its end, which waits for its turn.
SELECT p.generation
  FROM projections.progress AS p
 WHERE p.ledger = $1
   AND p.projection = $2
   AND p.sequence = $1
   AND p.generation = $3
   FOR NO KEY UPDATE;

-- name: places
-- How far a generation has come in each of its sequences.
SELECT sequence, next_position, failed_position
  FROM projections.progress
 WHERE ledger = $1
   AND generation = $2
   AND projection = $3
 ORDER BY sequence;

-- name: advance
-- Beside the rows that the events became, in the same transaction.
UPDATE projections.progress
   SET next_position = $5,
       failed_position = NULL,
       failed_at = NULL,
       error = NULL
 WHERE ledger = $1
   AND generation = $2
   AND projection = $3
   AND sequence = $4;

-- name: stop
-- An event that cannot be applied: whoever looks finds where and why.
UPDATE projections.progress AS p
   SET failed_position = p.next_position,
       failed_at = clock_timestamp(),
       error = $4
 WHERE p.ledger = $1
   AND p.projection = $2
   AND p.sequence = $3
   AND p.generation = (SELECT s.generation
                         FROM projections.shown AS s
                        WHERE s.ledger = $1
                          AND s.projection = $2);

-- name: status
-- What is shown, how far it has come, how much is still to do, and what stands in the way.
SELECT p.projection, p.generation, p.sequence, p.next_position,
       coalesce(h.size, 0) - p.next_position AS behind,
       p.failed_position, p.failed_at, p.error
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.projection = s.projection
   AND p.generation = s.generation
  LEFT JOIN ledger.head AS h
    ON h.ledger = p.sequence
 WHERE s.ledger = $1
 ORDER BY p.projection, p.sequence;

-- name: reached
-- How far what is shown has come in each sequence of the projections asked about, and where
-- that sequence ends now.
SELECT p.sequence, min(p.next_position) AS next_position, max(h.size) AS size
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.projection = s.projection
   AND p.generation = s.generation
  JOIN ledger.head AS h
    ON h.ledger = p.sequence
 WHERE s.ledger = $1
   AND s.projection = ANY ($2)
 GROUP BY p.sequence;

-- name: sizes
-- Where a ledger and its open companion end now.
SELECT ledger, size
  FROM ledger.head
 WHERE ledger IN ($1, $1 || '.open');

-- name: coming_again
-- Which streams of a batch have their newest event later, yet before the end of a rebuild.
SELECT stream
  FROM ledger.stream
 WHERE ledger = $1
   AND stream = ANY ($2)
   AND position >= $3
   AND position < $4;

-- name: generations
-- Every generation that was begun and not wholly removed.
SELECT DISTINCT generation
  FROM projections.progress
 WHERE ledger = $1
   AND projection = $2;

-- name: switch
-- From here on readers see the other generation.
UPDATE projections.shown
   SET generation = $3
 WHERE ledger = $1
   AND projection = $2;

-- name: leave
-- Nobody writes this generation any more: the row to be held is gone, and what is left of it
-- says, until the last row is removed, that there is something to remove.
UPDATE projections.progress
   SET sequence = '.removing'
 WHERE ledger = $1
   AND generation = $2
   AND projection = $3
   AND sequence = $1;

-- name: forget
-- The generation is gone.
DELETE FROM projections.progress
 WHERE ledger = $1
   AND generation = $2
   AND projection = $3;
