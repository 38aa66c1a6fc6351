-- What the recorder asks beside the store's own statements.  Every key begins with the ledger.
--
-- The library's own words about an event (id, version, topic, state) stand in the body, which
-- is the second line of the record.

-- name: firsts
-- From which version on the library counts in the streams that are there: usually 0 or 1.
SELECT u.stream,
       (convert_from(substring(e.record FROM position('\x0a'::bytea IN e.record) + 1), 'UTF8')::json
           -> 'data' ->> 'originator_version')::bigint AS first
  FROM unnest($2::text[]) AS u (stream)
 CROSS JOIN LATERAL (
       SELECT record
         FROM ledger.event
        WHERE ledger = $1
          AND stream = u.stream COLLATE "C"
          AND version = 1
       OFFSET 0) AS e;

-- name: events
-- The history of one stream between two versions of the library's; as many as wanted from its
-- beginning, or from its end.  Versions have no gaps, so a limit is a difference of versions.
SELECT e.position, e.stream, e.version, e.type, e.recorded_at, e.record, e.leaf
  FROM (SELECT greatest(0, $3::bigint - f.first + 1) AS low,
               least(s.version, $4::bigint - f.first + 1) AS high
          FROM ledger.stream AS s
         CROSS JOIN LATERAL (
               SELECT (convert_from(substring(record FROM position('\x0a'::bytea IN record) + 1),
                                    'UTF8')::json -> 'data' ->> 'originator_version')::bigint
                          AS first
                 FROM ledger.event
                WHERE ledger = $1
                  AND stream = $2
                  AND version = 1
               OFFSET 0) AS f
         WHERE s.ledger = $1
           AND s.stream = $2) AS asked
 CROSS JOIN LATERAL (
       SELECT position, stream, version, type, recorded_at, record, leaf
         FROM ledger.event
        WHERE ledger = $1
          AND stream = $2
          AND version > greatest(asked.low, CASE WHEN $5 THEN asked.high - $6::bigint END)
          AND version <= least(asked.high, CASE WHEN NOT $5 THEN asked.low + $6::bigint END)
       OFFSET 0) AS e
 ORDER BY e.version;

-- name: notifications
-- What the library recorded between two positions, with one of these topics where any is named.
-- Other events of the ledger are passed over; only the library's are looked into.
SELECT position, stream, version, type, recorded_at, record, leaf
  FROM ledger.event
 WHERE ledger = $1
   AND position >= $2
   AND position <= $3
   AND CASE WHEN type <> 'library' THEN false
            WHEN cardinality($5::text[]) = 0 THEN true
            ELSE convert_from(substring(record FROM position('\x0a'::bytea IN record) + 1),
                              'UTF8')::json -> 'data' ->> 'topic' = ANY ($5)
       END
 ORDER BY position
 LIMIT $4;

-- name: reached
-- How far a projection of the library's has come in an application.
SELECT next_position
  FROM projections.progress
 WHERE ledger = $1
   AND generation = 1
   AND projection = $2
   AND sequence = $3;

-- name: advance
-- Moves it on, in the transaction that writes what the event became; no row where it is there
-- or further already.  A notification's id is the position that comes after it.
INSERT INTO projections.progress AS p (ledger, generation, projection, sequence, next_position)
VALUES ($1, 1, $2, $3, $4)
    ON CONFLICT (ledger, generation, projection, sequence)
    DO UPDATE SET next_position = excluded.next_position
     WHERE p.next_position < excluded.next_position
RETURNING p.next_position;
