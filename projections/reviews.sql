-- name: remove_cases
-- What is known better now.
DELETE FROM projections.review
 WHERE ledger = $1
   AND generation = $2
   AND stream = ANY ($3);

-- name: moved_by_calendar
-- The cases with a bad evaluation whose days a calendar has set anew.
SELECT DISTINCT stream
  FROM projections.review
 WHERE ledger = $1
   AND generation = $2
   AND due IS NOT NULL
   AND last_due >= $3
   AND rated_on <= $4;

-- name: of_organ
-- The cases of an organ whose place among the organs has changed.
SELECT DISTINCT stream
  FROM projections.review
 WHERE ledger = $1
   AND generation = $2
   AND organ = $3;

-- name: listed
-- A page of the evaluations that a reader may see, the newest first, with the position that
-- the page shows; one row without an evaluation where there is none.
SELECT p.next_position - 1 AS shown_position, c.*
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  LEFT JOIN LATERAL (
       SELECT r.*
         FROM (SELECT t.*, CASE WHEN $19::boolean THEN count(*) OVER () END AS total,
                      coalesce(t.verdict NOT IN ('mistaken', 'malicious'), true) AS counted,
                      CASE WHEN t.due IS NULL THEN NULL
                           WHEN t.met_on < t.due OR t.met_on = t.due AND NOT t.after_close THEN 'met'
                           WHEN t.met_on IS NOT NULL THEN 'met-late'
                           WHEN t.ended_on IS NOT NULL THEN NULL
                           WHEN t.red_at <= $6 THEN 'red'
                           WHEN t.yellow_at <= $6 THEN 'yellow'
                           ELSE 'green' END AS light
               FROM projections.review AS t
              WHERE t.ledger = $1
                AND t.generation = s.generation
                AND (   $2
                     OR t.seen && $3
                     OR EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS o (mark, item)
                                 WHERE o.item = t.item
                                   AND o.mark = ANY (t.seen)))
                AND ($9::integer IS NULL OR t.grade = $9)
                AND ($10::boolean IS NULL OR (t.grade <= 2) = $10)
                AND ($11::text IS NULL OR t.state = $11)
                AND ($12::text IS NULL OR t.organ = $12)
                AND ($13::text IS NULL OR t.unit = $13)
                AND ($14::text IS NULL OR t.item = $14)
                AND ($15::text IS NULL OR $15 = ANY (t.officers))
                AND ($16::date IS NULL OR t.rated_on >= $16)
                AND ($17::date IS NULL OR t.rated_on <= $17)
                AND (   $18::boolean IS NULL
                     OR coalesce(t.verdict NOT IN ('mistaken', 'malicious'), true) = $18)) AS r
        WHERE ($8::bigint IS NULL OR r.position < $8)
        ORDER BY r.position DESC
        LIMIT $7) AS c ON true
 WHERE s.ledger = $1
   AND s.projection = 'reviews'
 ORDER BY c.position DESC;

-- name: moved_since
-- The cases whose ratings say something else than at a position, or may: they are told anew.
SELECT DISTINCT t.stream, t.generation, t.seen
  FROM projections.shown AS s
  JOIN projections.review AS t
    ON t.ledger = s.ledger
   AND t.generation = s.generation
 WHERE s.ledger = $1
   AND s.projection = 'reviews'
   AND t.position <= $2
   AND (   t.moved_position IS NULL
        OR t.moved_position > $2
        OR EXISTS (SELECT FROM unnest($3::date[], $4::date[]) AS c (first_day, last_day)
                    WHERE t.due IS NOT NULL
                      AND t.last_due >= c.first_day
                      AND t.rated_on <= c.last_day))
 LIMIT $5;

-- name: by_unit
-- What the evaluations of a period add up to for each unit: those given in it, and the bad
-- ones that were to be fed back in it.  Cases of other systems are bound by no limit of ours,
-- and are not compared with our own.
SELECT t.unit,
       count(*) FILTER (WHERE t.given) AS ratings,
       count(*) FILTER (WHERE t.given AND t.grade <= 2 AND t.counts) AS bad,
       count(*) FILTER (WHERE t.given AND t.verdict = 'mistaken') AS mistaken,
       count(*) FILTER (WHERE t.given AND t.verdict = 'malicious') AS malicious,
       count(*) FILTER (WHERE t.due BETWEEN $6 AND $7 AND t.counts) AS due,
       count(*) FILTER (WHERE t.due BETWEEN $6 AND $7 AND t.counts
                          AND (t.met_on < t.due OR t.met_on = t.due AND NOT t.after_close))
           AS on_time
  FROM (SELECT r.unit, r.grade, r.verdict, r.due, r.met_on, r.after_close,
               r.rated_on BETWEEN $6 AND $7 AS given,
               coalesce(r.verdict NOT IN ('mistaken', 'malicious'), true) AS counts
          FROM projections.shown AS s
          JOIN (SELECT q.*
                  FROM projections.review AS q
                 WHERE $10::bigint IS NULL
                    OR q.position <= $10 AND q.stream <> ALL ($11::text[])
                 UNION ALL
                SELECT q.*
                  FROM jsonb_populate_recordset(NULL::projections.review, $12::jsonb) AS q) AS r
            ON r.ledger = s.ledger
           AND r.generation = s.generation
         WHERE s.ledger = $1
           AND s.projection = 'reviews'
           AND (   $2
                OR r.seen && $3
                OR EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS o (mark, item)
                            WHERE o.item = r.item
                              AND o.mark = ANY (r.seen)))
           AND r.source = 'own'
           AND (r.rated_on BETWEEN $6 AND $7 OR r.due BETWEEN $6 AND $7)
           AND ($8::text IS NULL OR r.organ = $8)
           AND ($9::text IS NULL OR r.item = $9)) AS t
 GROUP BY t.unit;

-- name: rows
-- Everything of a generation, in one order: two generations are compared by these bytes.
SELECT stream, position, event, case_no, number, item, organ, unit, seen, source, officers,
       named, grade, channel, rated_on, called_back_on, verified_on, verdict, rectified_on,
       fed_back_on, closed_on, state, due, met_on, ended_on, after_close, yellow_at, red_at, again_grade,
       again_on, last_due, moved_position
  FROM projections.review
 WHERE ledger = $1
   AND generation = $2
 ORDER BY position;

-- name: remove
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.review
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.review
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));
