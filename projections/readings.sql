-- name: listed
-- Entries of the open line from a position ($2) on, in order, as they are stored, with the
-- position that is shown; one row without an entry where there is none.  For whom only organs
-- ($10) are open: what their staff read, and what anybody read of their cases.
SELECT p.next_position - 1 AS shown_position, c.position,
       (SELECT e.record
          FROM ledger.event AS e
         WHERE e.ledger = $1::text || '.open'
           AND e.position = c.position) AS record
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger || '.open'
  LEFT JOIN LATERAL (
       SELECT r.position, r.recorded_at
         FROM projections.reading AS r
        WHERE r.ledger = $1
          AND r.generation = s.generation
          AND r.position >= $2
          AND ($4::text IS NULL OR r.person = $4)
          AND ($5::text IS NULL OR r.organ = $5)
          AND ($6::text IS NULL OR r.what = $6)
          AND ($7::text IS NULL OR r.purpose = $7)
          AND ($8::timestamptz IS NULL OR r.recorded_at >= $8)
          AND ($9::timestamptz IS NULL OR r.recorded_at <= $9)
          AND ($11::text IS NULL
               OR r.position IN (SELECT k.position
                                   FROM projections.reading_case AS k
                                  WHERE k.ledger = $1
                                    AND k.generation = s.generation
                                    AND k.case_no = $11))
          AND ($10::text[] IS NULL
               OR r.organ = ANY ($10)
               OR NOT r.refused
              AND EXISTS (SELECT
                            FROM projections.reading_case AS k
                            JOIN projections.current_state AS t
                              ON t.ledger = k.ledger
                             AND t.case_no = k.case_no
                           WHERE k.ledger = $1
                             AND k.generation = s.generation
                             AND k.position = r.position
                             AND t.generation = (SELECT o.generation
                                                   FROM projections.shown AS o
                                                  WHERE o.ledger = $1
                                                    AND o.projection = 'current_state')
                             AND t.organ = ANY ($10)))
        ORDER BY r.recorded_at, r.position
        LIMIT $3) AS c ON true
 WHERE s.ledger = $1
   AND s.projection = 'readings'
 ORDER BY c.recorded_at, c.position;

-- name: rows
-- Everything of a generation, in one order: two generations are compared by these bytes.
SELECT position, recorded_at, refused, person, organ, what, purpose
  FROM projections.reading
 WHERE ledger = $1
   AND generation = $2
 ORDER BY position;

-- name: rows_of_cases
-- And of which cases.
SELECT case_no, position
  FROM projections.reading_case
 WHERE ledger = $1
   AND generation = $2
 ORDER BY case_no, position;

-- name: remove
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.reading
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.reading
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));

-- name: remove_cases
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.reading_case
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.reading_case
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));
