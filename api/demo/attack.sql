-- What somebody who owns the database server can do to a ledger; `make demo ARGS=--attack`.

-- name: copy
-- The database as it was before any attack.
SELECT format('CREATE DATABASE %I TEMPLATE %I', $1::text, $2::text);

-- name: drop
-- An attacked one goes.
SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', $1::text);

-- name: rights
-- What a template does not hand on.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', $1::text),
       format('GRANT CONNECT ON DATABASE %I TO ledger_migrate, ledger_app, ledger_project, '
              'ledger_read, ledger_verify, ledger_backup', $1::text);

-- name: asleep
-- No tripwire fires, for the rest of the transaction.
DO $$
DECLARE
    name regclass;
BEGIN
    FOR name IN
        SELECT oid FROM pg_class
         WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'p')
    LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', name);
    END LOOP;
END
$$;

-- name: awake
-- Nobody shall see that they slept.
DO $$
DECLARE
    wire record;
BEGIN
    FOR wire IN
        SELECT t.tgrelid::regclass AS place, t.tgname
          FROM pg_trigger AS t
          JOIN pg_class AS c ON c.oid = t.tgrelid
         WHERE c.relnamespace = 'ledger'::regnamespace AND NOT t.tgisinternal
    LOOP
        EXECUTE format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I', wire.place, wire.tgname);
    END LOOP;
END
$$;

-- name: edit
-- Another word in one record; the database computes its hash anew by itself.
UPDATE ledger.event
   SET record = convert_to(replace(convert_from(record, 'UTF8'), $3, $4), 'UTF8')
 WHERE ledger = $1
   AND position = $2;

-- name: decided
-- A decision that was granted.
SELECT max(position)
  FROM ledger.event
 WHERE ledger = $1
   AND type = 'decided'
   AND convert_from(record, 'UTF8') LIKE '%"outcome":"grant"%';

-- name: cut_events
-- The newest events go.
DELETE FROM ledger.event WHERE ledger = $1 AND position >= $2;

-- name: cut_head
-- And the head with them.
UPDATE ledger.head SET size = $2 WHERE ledger = $1;

-- name: forget_checkpoints
-- As if nothing had ever been signed.
DELETE FROM ledger.checkpoint WHERE ledger = $1;

-- name: forget_cosignatures
-- Nor cosigned.
DELETE FROM ledger.cosignature WHERE ledger = $1;

-- name: forget_tiles
-- The tree goes.
DELETE FROM ledger.tile WHERE ledger = $1;

-- name: forget_log
-- And is to be made anew.
UPDATE ledger.log SET size = 0, frontier = '', signed_size = 0 WHERE ledger = $1;

-- name: size
-- How many events there are.
SELECT size FROM ledger.head WHERE ledger = $1;
