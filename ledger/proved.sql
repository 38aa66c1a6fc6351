-- What is asked of one sequence before anything is appended to it (SECURITY 7).

-- name: recent
-- The newest events and the head, of one moment (ST-7).
SELECT h.size, e.position, e.record, e.leaf
  FROM ledger.head AS h
  LEFT JOIN LATERAL (
       SELECT position, record, leaf
         FROM ledger.event
        WHERE ledger = h.ledger
        ORDER BY position DESC
        LIMIT $2) AS e
    ON true
 WHERE h.ledger = $1
 ORDER BY e.position;

-- name: tiles
-- The stored hashes of events: full tiles of the lowest level.
SELECT n, hashes
  FROM ledger.tile
 WHERE ledger = $1
   AND level = 0
   AND n >= $2
 ORDER BY n;

-- name: first
-- How a ledger began: its own word on whether its clock can be set (ST-5).
SELECT record
  FROM ledger.event
 WHERE ledger = $1
   AND position = 0
   AND type = 'ledger-opened';

-- name: epochs
-- Who may write to a ledger and its companions (ST-9).
SELECT ledger, epoch
  FROM ledger.head
 WHERE ledger = ANY ($1)
 ORDER BY ledger;

-- name: as_an_older_one
-- An append of nothing by the deployment before: it has to be refused (ST-9).
SELECT *
  FROM ledger.append($1, $2, '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}');

-- name: moment
-- The server's clock, and the timeline that it writes on: a promotion or a restore to a point
-- begins a new one (ST-10, ST-11).
SELECT pg_catalog.clock_timestamp() AS now,
       ('x' || left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8))::bit(32)::integer
           AS timeline;
