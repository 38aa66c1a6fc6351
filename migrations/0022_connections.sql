-- migrate: as-creator
--
-- The service reads lists and whole tables over connections of their own beside those of its
-- views: 19 at most.  While one deployment takes over from another, and somebody rebuilds, that
-- is 46.  The 16 of 0001 turn readers away, whatever the server could still take.
-- A limit that somebody raised, or took away, stays.

DO $limit$
BEGIN
    IF (SELECT rolconnlimit BETWEEN 0 AND 45 FROM pg_roles WHERE rolname = 'ledger_project') THEN
        ALTER ROLE ledger_project CONNECTION LIMIT 46;
    END IF;
END
$limit$;
