-- name: journal
-- Whether anything was ever applied here.
SELECT to_regclass('ledger.migration') IS NOT NULL;

-- name: applied
-- What was applied, in order.
SELECT number, name, sha256
  FROM ledger.migration
 ORDER BY number;

-- name: lock
-- Asked again and again: waiting inside would hold a snapshot, and deadlock with an index
-- that another process builds concurrently.
SELECT pg_try_advisory_lock(7310579431);

-- name: unlock
-- The end of the session would free it too.
SELECT pg_advisory_unlock(7310579431);

-- name: patience
-- A migration that cannot have its lock soon gives up rather than hold up the service.
SELECT set_config('lock_timeout', '5s', $1);

-- name: impatience
-- As it was before.
RESET lock_timeout;

-- name: as_owner
-- What a migration makes belongs to the owner, whoever runs it.
SET ROLE ledger_owner;

-- name: as_ourselves
-- Back to who logged in.
RESET ROLE;

-- name: note
-- In the same transaction as the migration, where it has one.
INSERT INTO ledger.migration (number, name, sha256)
VALUES ($1, $2, $3);
