-- name: remove_cases
-- What is known better now.
DELETE FROM projections.seal_use
 WHERE ledger = $1
   AND generation = $2
   AND stream = ANY ($3);

-- name: of_organ
-- The cases of an organ whose place among the organs has changed.
SELECT DISTINCT stream
  FROM projections.seal_use
 WHERE ledger = $1
   AND generation = $2
   AND seen && ARRAY[$3::text];

-- name: listed
-- A page of the uses of a seal that a reader may see, in the order of their serials, with the
-- position that the page shows; one row without a use where there is none.
SELECT p.next_position - 1 AS shown_position, c.*
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  LEFT JOIN LATERAL (
       SELECT r.*
         FROM (SELECT t.*, CASE WHEN $14::boolean THEN count(*) OVER () END AS total
               FROM projections.seal_use AS t
              WHERE t.ledger = $1
                AND t.generation = s.generation
                AND t.seal = $6
                AND (   $2
                     OR t.seen && $3
                     OR EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS o (mark, item)
                                 WHERE o.item = t.item
                                   AND o.mark = ANY (t.seen)))
                AND ($9::date IS NULL OR t.on_day >= $9)
                AND ($10::date IS NULL OR t.on_day <= $10)
                AND ($11::text IS NULL OR t.kind = $11)
                AND ($12::boolean IS NULL OR t.void = $12)
                AND ($13::text IS NULL OR t.item = $13)
                AND ($15::text IS NULL OR t.case_no = $15)) AS r
        WHERE ($8::bigint IS NULL OR r.serial > $8)
        ORDER BY r.serial
        LIMIT $7) AS c ON true
 WHERE s.ledger = $1
   AND s.projection = 'seal_register'
 ORDER BY c.serial;

-- name: rows
-- Everything of a generation, in one order: two generations are compared by these bytes.
SELECT seal, serial, position, event, stream, case_no, item, seen, recorded_at, occurred_at,
       on_day, kind, document, medium, copies, reason, keeper, keeper_name, requester,
       terminal, place, authorised_event, authorised_type, authorised_position, approver, void, void_reason,
       void_position, voided_at, voided_by, void_approved_by, replacement
  FROM projections.seal_use
 WHERE ledger = $1
   AND generation = $2
 ORDER BY seal, serial;

-- name: remove
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.seal_use
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.seal_use
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));
