-- name: remove_some
-- What is known better now.
DELETE FROM projections.matter
 WHERE ledger = $1
   AND generation = $2
   AND stream = ANY ($3);

-- name: of_organ
-- The matters of an organ whose place among the organs has changed.
SELECT stream
  FROM projections.matter
 WHERE ledger = $1
   AND generation = $2
   AND organ = $3;

-- name: listed
-- A page of the matters that a reader may see themselves or by one of their cases, the newest
-- first, with how far their cases have come, what is due and the light of those cases only
-- that the reader may see; one row without a matter where there is none.
SELECT p.next_position - 1 AS shown_position, c.*
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  JOIN projections.shown AS z
    ON z.ledger = s.ledger
   AND z.projection = 'current_state'
  LEFT JOIN LATERAL (
       SELECT r.*
         FROM (SELECT t.*, k.settled, k.due, k.light,
                      CASE WHEN $16::boolean THEN count(*) OVER () END AS total
                 FROM projections.matter AS t
                CROSS JOIN LATERAL (
                      SELECT count(*) FILTER (WHERE x.decided_on IS NOT NULL OR x.stage IN (
                                 'declined', 'withdrawn', 'terminated')) AS settled,
                             min(x.next_due) FILTER (WHERE x.mine) AS due,
                             CASE WHEN min(x.red_at) FILTER (WHERE x.mine) <= $10 THEN 'red'
                                  WHEN min(x.yellow_at) FILTER (WHERE x.mine) <= $10 THEN 'yellow'
                                  WHEN count(x.next_due) FILTER (WHERE x.mine) > 0 THEN 'green'
                                  END AS light,
                             coalesce(bool_or(x.mine), false) AS one_is_seen
                        FROM (SELECT y.*,
                                        $6
                                     OR $9 AND y.reviewed
                                     OR y.seen && $7
                                     OR EXISTS (SELECT FROM unnest($8::text[], $17::text[])
                                                       AS o (mark, item)
                                                 WHERE o.item = y.item
                                                   AND o.mark = ANY (y.seen)) AS mine
                                FROM projections.current_state AS y
                               WHERE y.ledger = $1
                                 AND y.generation = z.generation
                                 AND y.stream = ANY (t.cases)) AS x) AS k
                WHERE t.ledger = $1
                  AND t.generation = s.generation
                  AND ($2 OR t.seen && $3 OR k.one_is_seen)
                  AND ($11::text IS NULL OR t.kind = $11)
                  AND ($12::text IS NULL OR t.organ = $12)
                  AND ($13::text IS NULL OR $13 = ANY (t.missing))
                  AND (   $14::boolean IS NULL
                       OR (k.settled = cardinality(t.cases) AND k.settled > 0) = $14)
                  AND ($15::text IS NULL OR $15 = ANY (t.items))) AS r
        WHERE ($5::bigint IS NULL OR r.position < $5)
        ORDER BY r.position DESC
        LIMIT $4) AS c ON true
 WHERE s.ledger = $1
   AND s.projection = 'matters'
 ORDER BY c.position DESC;

-- name: rows
-- Everything of a generation, in one order: two generations are compared by these bytes.
SELECT stream, position, number, name, kind, organ, opened_on, items, cases, missing, seen
  FROM projections.matter
 WHERE ledger = $1
   AND generation = $2
 ORDER BY position;

-- name: remove
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.matter
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.matter
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));
