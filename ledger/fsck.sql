-- What fsck asks of one sequence.  All within one snapshot; every key begins with the ledger.

-- name: same_moment
-- What another transaction is to begin with, so that it sees what this one does.
SELECT format('SET TRANSACTION SNAPSHOT %L', pg_export_snapshot());

-- name: sequences
-- A ledger and its companions, as far as they have a head.
SELECT ledger
  FROM ledger.head
 WHERE ledger = ANY ($1)
 ORDER BY ledger;

-- name: head
-- How large the sequence says it is.
SELECT size, recorded_at, zone
  FROM ledger.head
 WHERE ledger = $1;

-- name: clock
-- Whether the clock of a ledger can be set.
SELECT simulated
  FROM ledger.clock
 WHERE ledger = $1;

-- name: log
-- How far its log is.
SELECT origin, keys, size, frontier, signed_size
  FROM ledger.log
 WHERE ledger = $1;

-- name: began
-- What the ledger itself recorded of its zone, its clock, and the keys of its logs.
SELECT position, type, record
  FROM ledger.event
 WHERE ledger = $1
   AND stream = 'ledger:' || $1
   AND type IN ('ledger-opened', 'log-key-set', 'log-key-retired', 'log-sm2-set')
 ORDER BY position;

-- name: numbers
-- Every official number, in the order in which the events name them.
SELECT position, name, number
  FROM ledger.register
 WHERE ledger = $1
   AND position >= $2
 ORDER BY position, name, number;

-- name: tiles
-- The stored tiles of these places.
SELECT t.level, t.n, k.hashes, k.root
  FROM unnest($2::integer[], $3::bigint[]) AS t (level, n)
  LEFT JOIN ledger.tile AS k
    ON k.ledger = $1 AND k.level = t.level AND k.n = t.n;

-- name: leaves
-- The stored hashes of the events of a partial tile, to begin in the middle.
SELECT leaf AS hash
  FROM ledger.event
 WHERE ledger = $1
   AND position >= $2
   AND position < $3
 ORDER BY position;

-- name: roots
-- The same in the levels above.
SELECT root AS hash
  FROM ledger.tile
 WHERE ledger = $1
   AND level = $2
   AND n >= $3
   AND n < $4
 ORDER BY n;

-- name: checkpoints
-- Checkpoints behind one size, up to another.
SELECT size, root, note
  FROM ledger.checkpoint
 WHERE ledger = $1
   AND size > $2
   AND size <= $3
 ORDER BY size;

-- name: cosignatures
-- What witnesses signed under these.
SELECT size, witness, line, at
  FROM ledger.cosignature
 WHERE ledger = $1
   AND size > $2
   AND size <= $3
 ORDER BY size, witness;

-- name: time_stamps
-- What authorities answered about these.
SELECT size, authority, token
  FROM ledger.time_stamp
 WHERE ledger = $1
   AND size > $2
   AND size <= $3
 ORDER BY size, authority;

-- name: anchors
-- The logs of others as they were registered, then what was kept of each, in the order it was.
SELECT position, stream, version, type, record
  FROM ledger.event
 WHERE ledger = $1
   AND (stream >= 'anchored-log:' AND stream < 'anchored-log;'
        OR stream >= 'anchor:' AND stream < 'anchor;')
 ORDER BY stream DESC, version;

-- name: taken_over
-- Which of these personal fields stand in no earlier event of their stream: position, stream,
-- the event whose id they are bound to.
SELECT min(f.position)
  FROM unnest($2::bigint[], $3::text[], $4::text[]) AS f (position, stream, event)
 WHERE NOT EXISTS (
       SELECT FROM ledger.event AS e
        WHERE e.ledger = $1
          AND e.stream = f.stream
          AND e.position < f.position
          AND position(convert_to('"id":"' || f.event || '"', 'UTF8') IN e.record) > 0);

-- name: check_stream
-- Versions 1 … k of each stream in the order of positions, across partitions; and stream heads are
-- where the newest events are, one row for each stream.
WITH ordered AS (
       SELECT o.stream, o.position, o.version, o.nth, o.following
         FROM (SELECT stream, position, version, row_number() OVER later AS nth,
                      lead(position) OVER later AS following
                 FROM ledger.event
                WHERE ledger = $1
               WINDOW later AS (PARTITION BY stream ORDER BY position)) AS o
        WHERE o.version <> o.nth
           OR o.following IS NULL),
     told AS (
       SELECT 'version' AS kind, min(o.position) AS position,
              'its version is not the next of its stream' AS why
         FROM ordered AS o
        WHERE o.version <> o.nth
        UNION ALL
       SELECT 'stream', e.position, e.why
         FROM (SELECT coalesce(s.position, o.position) AS position,
                      'the head of stream ' || coalesce(s.stream, o.stream)
                          || ' is not where its events end' AS why
                 FROM (SELECT stream, max(version) AS version, max(position) AS position,
                              count(*) AS heads
                         FROM ledger.stream
                        WHERE ledger = $1
                        GROUP BY stream) AS s
                 FULL JOIN (SELECT stream, version, position
                              FROM ordered
                             WHERE following IS NULL) AS o
                   ON o.stream = s.stream
                WHERE s.version IS DISTINCT FROM o.version
                   OR s.position IS DISTINCT FROM o.position
                   OR s.heads > 1
                ORDER BY 1, 2
                LIMIT 1) AS e)
SELECT t.kind, t.position, t.why
  FROM told AS t
 WHERE t.position IS NOT NULL;

-- name: check_register
-- Official numbers 1 … k of each register, in the order of positions.
SELECT min(n.position) AS position, 'its official number is not the next of its register' AS why
  FROM (SELECT position, number,
               row_number() OVER (PARTITION BY name ORDER BY position, number) AS nth
          FROM ledger.register
         WHERE ledger = $1) AS n
 WHERE n.number <> n.nth
HAVING count(*) > 0;

-- name: check_idempotency
-- Requests and events match one to one: each event is of one request, side by side.
SELECT k.position, 'the requests on record do not cover it once' AS why
  FROM (SELECT position, events,
               lead(position, 1, (SELECT max(size) FROM ledger.head WHERE ledger = $1))
                   OVER by_position AS following,
               row_number() OVER by_position AS nth
          FROM ledger.idempotency
         WHERE ledger = $1
        WINDOW by_position AS (ORDER BY position)) AS k
 -- What is beyond all bounds is not reckoned with.
 WHERE CASE WHEN k.position BETWEEN 0 AND 1::bigint << 61
             AND k.following BETWEEN 0 AND 1::bigint << 61
            THEN k.following - k.position <> k.events
            ELSE true END
    OR (k.nth = 1 AND k.position <> 0)
 UNION ALL
SELECT 0, 'there are events and no requests on record'
 WHERE NOT EXISTS (SELECT FROM ledger.idempotency WHERE ledger = $1)
   AND EXISTS (SELECT FROM ledger.event WHERE ledger = $1)
 ORDER BY 1
 LIMIT 1;

-- name: check_tile
-- No tile but the full ones of the tree, each once; position is of its first event.
SELECT CASE WHEN t.n BETWEEN 0 AND 1000000000 AND t.level BETWEEN 0 AND 3
            THEN t.n * (256::bigint ^ (t.level + 1))::bigint END AS position,
       'a tile of level ' || t.level || ' that the tree does not have' AS why
  FROM (SELECT level, n, count(*) AS times
          FROM ledger.tile
         WHERE ledger = $1
         GROUP BY level, n) AS t
  LEFT JOIN ledger.log AS l
    ON l.ledger = $1
 WHERE t.times > 1
    OR t.level < 0
    OR t.n < 0
    OR (t.n::numeric + 1) * (256::numeric ^ (least(greatest(t.level, 0), 8) + 1))
           > coalesce(l.size, 0)
 ORDER BY t.level, t.n
 LIMIT 1;

-- name: check_cosignature
-- What others signed stands under a checkpoint that is there.
SELECT a.size AS position, a.who || ' signed a checkpoint that is not there' AS why
  FROM (SELECT size, witness AS who FROM ledger.cosignature WHERE ledger = $1
         UNION ALL
        SELECT size, authority FROM ledger.time_stamp WHERE ledger = $1) AS a
 WHERE NOT EXISTS (
       SELECT FROM ledger.checkpoint AS c WHERE c.ledger = $1 AND c.size = a.size)
 ORDER BY 1
 LIMIT 1;

-- name: check_signed
-- The log says which checkpoint is its newest, each size has one, and none is beyond the events.
SELECT g.size AS position, g.why
  FROM (SELECT max(c.size) AS size, 'is the newest checkpoint, and the log says another' AS why
          FROM ledger.checkpoint AS c
         WHERE c.ledger = $1
        HAVING coalesce(max(c.size), 0) IS DISTINCT FROM (
               SELECT l.signed_size FROM ledger.log AS l WHERE l.ledger = $1)
         UNION ALL
        SELECT c.size, 'has two checkpoints'
          FROM ledger.checkpoint AS c
         WHERE c.ledger = $1
         GROUP BY c.size
        HAVING count(*) > 1
         UNION ALL
        SELECT c.size, 'is a checkpoint of no size that a tree has'
          FROM ledger.checkpoint AS c
         WHERE c.ledger = $1
           AND c.size < 1) AS g
 ORDER BY 1
 LIMIT 1;

-- name: check_row
-- One row of the head, the log and the clock.
SELECT NULL::bigint AS position, 'there are ' || r.times || ' rows of the ' || r.what AS why
  FROM (SELECT 'head' AS what, count(*) AS times FROM ledger.head WHERE ledger = $1
         UNION ALL
        SELECT 'log', count(*) FROM ledger.log WHERE ledger = $1
         UNION ALL
        SELECT 'clock', count(*) FROM ledger.clock WHERE ledger = split_part($1, '.', 1)) AS r
 WHERE r.times <> 1
 LIMIT 1;

-- name: strangers
-- Rows of a ledger that is none: what was moved away from one, or slipped in.
SELECT DISTINCT a.what, a.ledger
  FROM (SELECT 'event' AS what, ledger FROM ledger.event
         UNION ALL SELECT 'stream', ledger FROM ledger.stream
         UNION ALL SELECT 'register', ledger FROM ledger.register
         UNION ALL SELECT 'idempotency', ledger FROM ledger.idempotency
         UNION ALL SELECT 'log', ledger FROM ledger.log
         UNION ALL SELECT 'tile', ledger FROM ledger.tile
         UNION ALL SELECT 'checkpoint', ledger FROM ledger.checkpoint
         UNION ALL SELECT 'cosignature', ledger FROM ledger.cosignature
         UNION ALL SELECT 'time stamp', ledger FROM ledger.time_stamp
         UNION ALL SELECT 'clock', ledger || '.open' FROM ledger.clock) AS a
 WHERE NOT EXISTS (SELECT FROM ledger.head AS h WHERE h.ledger = a.ledger)
 ORDER BY 1, 2
 LIMIT 20;

-- name: migrations
-- What was applied.
SELECT number, name, sha256
  FROM ledger.migration
 ORDER BY number;
