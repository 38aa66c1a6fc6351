-- What a check reads of the events, a range at a time.

-- name: events
-- The events of a range, in order.
SELECT position, stream, version, type, recorded_at, record, leaf
  FROM ledger.event
 WHERE ledger = $1
   AND position >= $2
   AND position < $3
 ORDER BY position;

-- name: newest
-- Where the events end, whatever the head says.
SELECT max(position)
  FROM ledger.event
 WHERE ledger = $1;

-- name: following
-- The first event that stands there or behind.
SELECT min(position)
  FROM ledger.event
 WHERE ledger = $1
   AND position >= $2;
