-- What a superuser would do to be let through.

-- name: asleep
-- No trigger fires, not even those that always do.
DO $$
DECLARE
    name regclass;
BEGIN
    SET LOCAL session_replication_role = replica;
    FOR name IN
        SELECT oid FROM pg_class
         WHERE relnamespace = 'ledger'::regnamespace AND relkind IN ('r', 'p')
    LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER ALL', name);
    END LOOP;
END
$$;

-- name: without_constraints
-- No key, no check and no reference stands in the way, and a hash can be handed in.
DO $$
DECLARE
    gone record;
BEGIN
    ALTER TABLE ledger.event ALTER COLUMN leaf DROP EXPRESSION;
    FOR gone IN
        SELECT k.conrelid::regclass AS place, k.conname
          FROM pg_constraint AS k
          JOIN pg_class AS c ON c.oid = k.conrelid
         WHERE c.relnamespace = 'ledger'::regnamespace
           AND k.contype IN ('c', 'f', 'p', 'u')
           AND k.coninhcount = 0
         ORDER BY k.contype = 'p'
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT IF EXISTS %I CASCADE', gone.place,
                       gone.conname);
    END LOOP;
    FOR gone IN
        SELECT i.indexrelid::regclass AS place
          FROM pg_index AS i
          JOIN pg_class AS c ON c.oid = i.indrelid
         WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind = 'r' AND i.indisunique
    LOOP
        EXECUTE format('DROP INDEX IF EXISTS %s', gone.place);
    END LOOP;
    FOR gone IN
        SELECT a.attrelid::regclass AS place, a.attname
          FROM pg_attribute AS a
          JOIN pg_class AS c ON c.oid = a.attrelid
         WHERE c.relnamespace = 'ledger'::regnamespace AND c.relkind IN ('r', 'p')
           AND a.attnum > 0 AND a.attnotnull AND NOT a.attisdropped AND NOT c.relispartition
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER COLUMN %I DROP NOT NULL', gone.place, gone.attname);
    END LOOP;
END
$$;

-- name: checkpoints
-- Every checkpoint of a ledger.
SELECT size, note FROM ledger.checkpoint WHERE ledger = $1 ORDER BY size;

-- name: columns
-- Every column of the schema.
SELECT c.relname AS place, a.attname AS name, format_type(a.atttypid, a.atttypmod) AS kind
  FROM pg_class AS c
  JOIN pg_attribute AS a
    ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE c.relnamespace = 'ledger'::regnamespace
   AND c.relkind IN ('r', 'p')
   AND NOT c.relispartition
 ORDER BY 1, 2;
