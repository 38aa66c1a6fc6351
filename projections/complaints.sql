-- name: remove_some
-- What is known better now.
DELETE FROM projections.complaint
 WHERE ledger = $1
   AND generation = $2
   AND stream = ANY ($3);

-- name: moved_by_calendar
-- The complaints whose days a calendar has set anew.
SELECT stream
  FROM projections.complaint
 WHERE ledger = $1
   AND generation = $2
   AND last_due >= $3
   AND registered_on <= $4;

-- name: of_organ
-- The complaints with a unit whose place among the organs has changed.
SELECT stream
  FROM projections.complaint
 WHERE ledger = $1
   AND generation = $2
   AND unit = $3;

-- name: listed
-- A page of the complaints that a reader may see, the newest first, with the position that the
-- page shows; one row without a complaint where there is none.  One that is kept from the
-- person it is about is kept from them here too.
SELECT p.next_position - 1 AS shown_position, c.*
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  LEFT JOIN LATERAL (
       SELECT r.*
         FROM (SELECT t.*, CASE WHEN $17::boolean THEN count(*) OVER () END AS total,
                      CASE WHEN t.due IS NULL THEN NULL
                           WHEN t.red_at <= $6 THEN 'red'
                           WHEN t.yellow_at <= $6 THEN 'yellow'
                           ELSE 'green' END AS light
                 FROM projections.complaint AS t
                WHERE t.ledger = $1
                  AND t.generation = s.generation
                  AND (   $2
                       OR t.seen && $3
                       OR EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS o (mark, item)
                                   WHERE (t.item IS NULL OR o.item = t.item)
                                     AND o.mark = ANY (t.seen)))
                  AND NOT (t.discreet AND t.about_person IS NOT DISTINCT FROM $9::text)
                  AND ($10::text IS NULL OR t.state = $10)
                  AND ($11::text IS NULL OR t.kind = $11)
                  AND ($12::text IS NULL OR t.unit = $12)
                  AND ($13::text IS NULL OR t.case_no = $13)
                  AND ($14::date IS NULL OR t.registered_on >= $14)
                  AND ($15::date IS NULL OR t.registered_on <= $15)
                  AND ($16::boolean IS NULL OR coalesce(t.red_at <= $6, false) = $16)) AS r
        WHERE ($8::bigint IS NULL OR r.position < $8)
        ORDER BY r.position DESC
        LIMIT $7) AS c ON true
 WHERE s.ledger = $1
   AND s.projection = 'complaints'
 ORDER BY c.position DESC;

-- name: rows
-- Everything of a generation, in one order: two generations are compared by these bytes.
SELECT stream, position, number, kind, channel, state, unit, about_unit, about_person, discreet,
       case_no, item, seen, registered_on, assigned_on, replied_on, escalated_on, closed_on,
       result, grade, due, yellow_at, red_at, late, last_due
  FROM projections.complaint
 WHERE ledger = $1
   AND generation = $2
 ORDER BY position;

-- name: remove
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.complaint
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.complaint
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));
