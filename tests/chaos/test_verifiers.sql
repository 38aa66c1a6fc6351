-- name: views_are_at
-- The views do not fold what was written many times over: here only the log is looked at.
UPDATE projections.progress SET next_position = $2 WHERE ledger = $1 AND sequence = $1;

-- name: head
-- How many events there are.
SELECT size FROM ledger.head WHERE ledger = $1;
