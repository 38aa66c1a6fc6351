-- What the store asks of the database.  Every key begins with the ledger.

-- name: append
-- The one way in: everything a batch asks for, or nothing of a command.
SELECT command, outcome, first_position, events, recorded_at, registers
  FROM ledger.append($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13);

-- name: head
-- How large a ledger is, and who may write to it.
SELECT h.size, h.recorded_at, h.epoch, h.zone, c.simulated
  FROM ledger.head AS h
  JOIN ledger.clock AS c
    ON c.ledger = split_part(h.ledger, '.', 1)
 WHERE h.ledger = $1;

-- name: ledgers
-- Which ledgers this database holds, without their companions: for who serves them all.
SELECT ledger
  FROM ledger.head
 WHERE strpos(ledger, '.') = 0
 ORDER BY ledger;

-- name: now
-- What time it is in a ledger.
SELECT ledger.now($1);

-- name: set_clock
-- Sets the clock of a simulated ledger, forward only.
SELECT ledger.set_clock($1, $2);

-- name: open_ledger
-- Creates a ledger and its two companion sequences.
SELECT ledger.open_ledger($1, $2, $3);

-- name: new_epoch
-- The number of a deployment that begins now: larger than any here, and than those of ledgers
-- that are yet to come will be for who began before. A ledger that was closed counts for nothing.
SELECT greatest(max(epoch) + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
  FROM ledger.head
 WHERE epoch < 9223372036854775807;

-- name: take_over
-- Fences off the deployments before this one; answers whose number is in force.
SELECT ledger.take_over($1, $2);

-- name: fenced
-- Whether a later deployment has taken a ledger or a companion of it over.
SELECT bool_or(epoch > $2)
  FROM ledger.head
 WHERE ledger = ANY (ARRAY[$1, $1 || '.open', $1 || '.sealed']);

-- name: next_partition
-- Makes the next partition when half of the last one is full.
SELECT ledger.next_partition($1);

-- name: of_stream
-- The history of one stream: a replay reads nothing else.
SELECT position, stream, version, type, recorded_at, record, leaf
  FROM ledger.event
 WHERE ledger = $1
   AND stream = $2
   AND version > $3
   AND position <= $4
 ORDER BY version;

-- name: part_of
-- Some of the history of one stream: of those that are too long to be read whole.
SELECT position, stream, version, type, recorded_at, record, leaf
  FROM ledger.event
 WHERE ledger = $1
   AND stream = $2
   AND version > $3
 ORDER BY version
 LIMIT $4;

-- name: newest_of
-- The newest event of each of several streams.
SELECT e.position, e.stream, e.version, e.type, e.recorded_at, e.record, e.leaf
  FROM unnest($2::text[]) AS wanted (stream)
 CROSS JOIN LATERAL (
       SELECT position, stream, version, type, recorded_at, record, leaf
         FROM ledger.event
        WHERE ledger = $1
          AND stream = wanted.stream
        ORDER BY version DESC
        LIMIT 1) AS e
 ORDER BY e.position;

-- name: of_streams
-- The histories of several streams at once, for the projections.
SELECT position, stream, version, type, recorded_at, record, leaf
  FROM ledger.event
 WHERE ledger = $1
   AND stream = ANY ($2)
 ORDER BY position;

-- name: since
-- The feed: tailing from 0 and rebuilding are the same.
SELECT position, stream, version, type, recorded_at, record, leaf
  FROM ledger.event
 WHERE ledger = $1
   AND position >= $2
 ORDER BY position
 LIMIT $3;

-- name: office_rows
-- What the office has recorded: its streams are few and named by kind.
SELECT e.position, e.stream, e.version, e.type, e.recorded_at, e.record, e.leaf
  FROM (VALUES ('anchored-log:', 'anchored-log;'),
               ('appointment:', 'appointment;'),
               ('calendar:', 'calendar;'),
               ('item:', 'item;'),
               ('ledger:', 'ledger;'),
               ('policy:', 'policy;'),
               ('seal:', 'seal;')) AS kind (first, behind)
 CROSS JOIN LATERAL (
       SELECT stream
         FROM ledger.stream
        WHERE ledger = $1
          AND stream >= kind.first
          AND stream < kind.behind
          AND position >= $2
       OFFSET 0) AS s
 CROSS JOIN LATERAL (
       SELECT position, stream, version, type, recorded_at, record, leaf
         FROM ledger.event
        WHERE ledger = $1
          AND stream = s.stream
          AND position >= $2
       OFFSET 0) AS e
 ORDER BY e.position;

-- name: row
-- One event by its position.
SELECT position, stream, version, type, recorded_at, record, leaf
  FROM ledger.event
 WHERE ledger = $1
   AND position = $2;

-- name: position_at
-- The newest position recorded by an instant, by halving: positions and times rise together.
WITH RECURSIVE halving AS (
    SELECT -1::bigint AS low, h.size AS high
      FROM ledger.head AS h
     WHERE h.ledger = $1
     UNION ALL
    SELECT CASE WHEN e.recorded_at <= $2 THEN e.position ELSE halving.low END,
           CASE WHEN e.recorded_at <= $2 THEN halving.high ELSE e.position END
      FROM halving
      JOIN ledger.event AS e
        ON e.ledger = $1
       AND e.position = (halving.low + halving.high) / 2
     WHERE halving.high - halving.low > 1
)
SELECT max(low) FROM halving;

-- name: number
-- From an official number to the event that was given it.
SELECT e.position, e.stream, e.version, e.type, e.recorded_at, e.record, e.leaf
  FROM ledger.register AS r
  JOIN ledger.event AS e
    ON e.ledger = r.ledger
   AND e.position = r.position
 WHERE r.ledger = $1
   AND r.name = $2
   AND r.number = $3;

-- name: numbered
-- The events that were given the numbers of a register behind one, in order.
SELECT r.number, e.position, e.stream, e.version, e.type, e.recorded_at, e.record, e.leaf
  FROM ledger.register AS r
  JOIN ledger.event AS e
    ON e.ledger = r.ledger
   AND e.position = r.position
 WHERE r.ledger = $1
   AND r.name = $2
   AND r.number > $3
 ORDER BY r.number
 LIMIT $4;

-- name: counted
-- How many numbers of a register were given before an instant, and where the last one stands.
SELECT count(*) AS numbers, max(e.position) AS position
  FROM ledger.register AS r
  JOIN ledger.event AS e
    ON e.ledger = r.ledger
   AND e.position = r.position
 WHERE r.ledger = $1
   AND r.name = $2
   AND e.recorded_at < $3;

-- name: key
-- What was recorded under an idempotency key.
SELECT digest, position, events
  FROM ledger.idempotency
 WHERE ledger = $1
   AND key = $2;

-- name: keys
-- What was recorded under several keys, after a connection was lost.
SELECT key, digest, position, events
  FROM ledger.idempotency
 WHERE ledger = $1
   AND key = ANY ($2);

-- name: backend
-- Which backend serves this connection; a number alone may be given again.
SELECT pid, backend_start
  FROM pg_catalog.pg_stat_activity
 WHERE pid = pg_catalog.pg_backend_pid();

-- name: ended
-- Whether a backend is gone, and can store nothing any more.
SELECT NOT EXISTS (
    SELECT
      FROM pg_catalog.pg_stat_activity
     WHERE pid = $1
       AND backend_start = $2
);
