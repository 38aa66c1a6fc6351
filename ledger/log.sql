-- What is asked of a log: state, tiles, checkpoints.  Every key begins with the ledger.

-- name: state
-- How far a log is, under which name and keys.
SELECT origin, keys, size AS tree_size, frontier, signed_size
  FROM ledger.log
 WHERE ledger = $1;

-- name: signed
-- The same, with the newest checkpoint and the events that name the keys, of the ledger $2 that
-- the log is of: what it takes to say what is proved, read in one moment.
SELECT l.origin, l.keys, l.size AS tree_size, l.frontier, l.signed_size,
       c.size, c.root, c.note, c.signed_at, c.epoch, c.timeline,
       (SELECT string_agg(s.line, '' ORDER BY s.witness)
          FROM ledger.cosignature AS s
         WHERE s.ledger = l.ledger AND s.size = c.size) AS lines,
       (SELECT array_agg(e.record ORDER BY e.position)
          FROM ledger.event AS e
         WHERE e.ledger = $2
           AND e.stream = 'ledger:' || $2
           AND e.type IN ('log-key-set', 'log-key-retired')) AS steps
  FROM ledger.log AS l
  LEFT JOIN LATERAL (
       SELECT k.size, k.root, k.note, k.signed_at, k.epoch, k.timeline
         FROM ledger.checkpoint AS k
        WHERE k.ledger = l.ledger
        ORDER BY k.size DESC
        LIMIT 1) AS c ON true
 WHERE l.ledger = $1;

-- name: tiles
-- Hash tiles by level, number and width, those that the tree has: full ones as they are stored;
-- a partial one is made of the hashes of events, or of those over the full tiles below it.
SELECT w.at, made.hashes
  FROM unnest($2::integer[], $3::bigint[], $4::integer[]) WITH ORDINALITY
       AS w (level, n, width, at)
 CROSS JOIN LATERAL (
       SELECT t.hashes
         FROM ledger.tile AS t
        WHERE w.width = 256
          AND t.ledger = $1
          AND t.level = w.level
          AND t.n = w.n
        UNION ALL
       SELECT string_agg(e.leaf, ''::bytea ORDER BY e.position)
         FROM ledger.event AS e
        WHERE w.width < 256
          AND w.level = 0
          AND e.ledger = $1
          AND e.position >= w.n * 256
          AND e.position < w.n * 256 + w.width
          AND e.position < (SELECT l.size FROM ledger.log AS l WHERE l.ledger = $1)
       HAVING count(*) = w.width
        UNION ALL
       SELECT string_agg(b.root, ''::bytea ORDER BY b.n)
         FROM ledger.tile AS b
        WHERE w.width < 256
          AND w.level > 0
          AND b.ledger = $1
          AND b.level = w.level - 1
          AND b.n >= w.n * 256
          AND b.n < w.n * 256 + w.width
       HAVING count(*) = w.width) AS made;

-- name: full_tile
-- One full tile, as it is stored.
SELECT hashes
  FROM ledger.tile
 WHERE ledger = $1
   AND level = $2
   AND n = $3;

-- name: following
-- What may still have to be integrated: the bytes, and the hash that was made of them.
SELECT position, record, leaf
  FROM ledger.event
 WHERE ledger = $1
   AND position >= $2
 ORDER BY position
 LIMIT $3;

-- name: entries
-- The records of events, of those that are in the tree.
SELECT e.record
  FROM ledger.event AS e
 WHERE e.ledger = $1
   AND e.position >= $2
   AND e.position < $3
   AND e.position < (SELECT l.size FROM ledger.log AS l WHERE l.ledger = $1)
 ORDER BY e.position;

-- name: besides_anchors
-- The newest event of a stretch that is no anchor of another log, as the size behind it.
SELECT e.position + 1 AS size
  FROM ledger.event AS e
 WHERE e.ledger = $1
   AND e.position >= $2
   AND e.position < $3
   AND NOT (e.stream >= 'anchor:' AND e.stream < 'anchor;')
 ORDER BY e.position DESC
 LIMIT 1;

-- name: newest
-- The newest checkpoint, with what witnesses signed under it.
SELECT c.size, c.root, c.note, c.signed_at, c.epoch, c.timeline,
       (SELECT string_agg(s.line, '' ORDER BY s.witness)
          FROM ledger.cosignature AS s
         WHERE s.ledger = c.ledger AND s.size = c.size) AS lines
  FROM ledger.checkpoint AS c
 WHERE c.ledger = $1
 ORDER BY c.size DESC
 LIMIT 1;

-- name: checkpoint
-- The checkpoint of a size, with what witnesses signed under it.
SELECT c.size, c.root, c.note, c.signed_at, c.epoch, c.timeline,
       (SELECT string_agg(s.line, '' ORDER BY s.witness)
          FROM ledger.cosignature AS s
         WHERE s.ledger = c.ledger AND s.size = c.size) AS lines
  FROM ledger.checkpoint AS c
 WHERE c.ledger = $1
   AND c.size = $2;

-- name: time_stamps
-- What time-stamping authorities answered about a checkpoint.
SELECT authority, token
  FROM ledger.time_stamp
 WHERE ledger = $1
   AND size = $2
 ORDER BY authority;

-- name: key_steps
-- The events that name the keys of logs, in order; those of the beginning have no step.
SELECT record
  FROM ledger.event
 WHERE ledger = $1
   AND stream = 'ledger:' || $1
   AND type IN ('log-key-set', 'log-key-retired')
   AND position < $2
 ORDER BY position;

-- name: last_stamped
-- The newest checkpoint that an authority stamped, with what it answered.
SELECT size, token
  FROM ledger.time_stamp
 WHERE ledger = $1
 ORDER BY size DESC, authority
 LIMIT 1;

-- name: integrate
-- Moves the tree on; false where somebody else has moved it.
SELECT ledger.integrate($1, $2, $3, $4, $5, $6, $7, $8, $9);

-- name: publish
-- Stores a checkpoint; false where another one was signed meanwhile.
SELECT ledger.publish($1, $2, $3, $4, $5, $6);

-- name: keep_cosignature
-- Keeps what a witness signed.
SELECT ledger.keep_cosignature($1, $2, $3, $4, $5);

-- name: keep_time_stamp
-- Keeps what a time-stamping authority answered.
SELECT ledger.keep_time_stamp($1, $2, $3, $4);

-- name: open_log
-- Begins a log; for who migrates.
SELECT ledger.open_log($1, $2, $3);

-- name: lock_keys
-- Whether this session alone changes the keys of a ledger's logs, until it ends.
SELECT pg_try_advisory_lock(hashtextextended('caseledger keys ' || $1, 0));

-- name: set_log_keys
-- Says which keys sign from now on; for who migrates.
SELECT ledger.set_log_keys($1, $2);
