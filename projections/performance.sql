-- name: remove_cases
-- What is known better now.
DELETE FROM projections.figure_case
 WHERE ledger = $1
   AND generation = $2
   AND stream = ANY ($3);

-- name: moved_by_calendar
-- The cases with a due date in days that a calendar has set anew.
SELECT stream
  FROM projections.figure_case
 WHERE ledger = $1
   AND generation = $2
   AND last_due >= $3
   AND received_on <= $4;

-- name: of_organ
-- The cases of an organ whose place among the organs has changed.
SELECT stream
  FROM projections.figure_case
 WHERE ledger = $1
   AND generation = $2
   AND organ = $3;

-- name: moved_since
-- The cases whose row says something else than at a position, or may: they are told anew.
SELECT t.stream, t.generation, t.seen
  FROM projections.shown AS s
  JOIN projections.figure_case AS t
    ON t.ledger = s.ledger
   AND t.generation = s.generation
 WHERE s.ledger = $1
   AND s.projection = 'performance'
   AND t.received_position <= $2
   AND (   t.moved_position IS NULL
        OR t.moved_position > $2
        OR EXISTS (SELECT FROM unnest($3::date[], $4::date[]) AS c (first_day, last_day)
                    WHERE t.last_due >= c.first_day
                      AND t.received_on <= c.last_day))
 LIMIT $5;

-- name: of_period
-- The cases a reader may see that a period can have to do with, in the order of receipt: what
-- each of them counts for is said by the definitions.  As of a position, the cases that have
-- moved since are left out and given as they were.  With the position that is shown; one row
-- without a case where there is none.
SELECT p.next_position - 1 AS shown_position, t.received_position AS mark, t.*
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  LEFT JOIN (SELECT f.*
               FROM projections.figure_case AS f
              WHERE $13::bigint IS NULL
                 OR f.received_position <= $13 AND f.stream <> ALL ($14::text[])
              UNION ALL
             SELECT f.*
               FROM jsonb_populate_recordset(NULL::projections.figure_case, $15::jsonb) AS f) AS t
    ON t.ledger = s.ledger
   AND t.generation = s.generation
   AND (   $2
        OR t.seen && $3
        OR EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS o (mark, item)
                    WHERE o.item = t.item
                      AND o.mark = ANY (t.seen)))
   AND t.source = $6
   AND t.until >= $7
   AND t.received_on <= $8
   AND ($9::text IS NULL OR t.organ = $9)
   AND ($10::text IS NULL OR t.item = $10)
   AND ($11::text IS NULL OR t.unit = $11)
   AND ($12::bigint IS NULL OR t.received_position > $12)
 WHERE s.ledger = $1
   AND s.projection = 'performance'
 ORDER BY t.received_position
 LIMIT $16;

-- name: alike_in_period
-- The same for who only counts: cases that no definition could tell apart are one row, with how
-- many they are and the first of them, in the order of receipt.
SELECT p.next_position - 1 AS shown_position, a.kind, a.given_up, a.visited, a.promised_due,
       a.promised_met, a.promised_ended, a.promised_after_close, a.issue_due, a.issue_met,
       a.issue_ended, a.issue_after_close, a.closes, a.deemed_on, a.extended_late_on,
       a.unreasoned_on, a.ended_on, a.own_due, a.ended_late, a.cases, n.marks, n.names
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  LEFT JOIN LATERAL (
       SELECT t.kind, t.given_up, t.visited, t.promised_due, t.promised_met, t.promised_ended,
              t.promised_after_close, t.issue_due, t.issue_met, t.issue_ended,
              t.issue_after_close, t.closes, t.deemed_on, t.extended_late_on, t.unreasoned_on,
              t.ended_on, t.own_due, t.ended_late, count(*) AS cases,
              array_agg(t.received_position) AS every_mark, array_agg(t.case_no) AS every_name
         FROM (SELECT f.*
                 FROM projections.figure_case AS f
                WHERE $13::bigint IS NULL
                   OR f.received_position <= $13 AND f.stream <> ALL ($14::text[])
                UNION ALL
               SELECT f.*
                 FROM jsonb_populate_recordset(NULL::projections.figure_case, $15::jsonb) AS f) AS t
        WHERE t.ledger = s.ledger
          AND t.generation = s.generation
          AND (   $2
               OR t.seen && $3
               OR EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS o (mark, item)
                           WHERE o.item = t.item
                             AND o.mark = ANY (t.seen)))
          AND t.source = $6
          AND t.until >= $7
          AND t.received_on <= $8
          AND ($9::text IS NULL OR t.organ = $9)
          AND ($10::text IS NULL OR t.item = $10)
          AND ($11::text IS NULL OR t.unit = $11)
          AND ($12::bigint IS NULL OR t.received_position > $12)
        -- Days first: what tells most apart is compared first.
        GROUP BY t.promised_due, t.promised_met, t.issue_met, t.issue_due, t.promised_ended,
              t.issue_ended, t.deemed_on, t.unreasoned_on, t.ended_on, t.own_due, t.kind,
              t.given_up, t.visited, t.promised_after_close, t.issue_after_close, t.closes,
              t.extended_late_on, t.ended_late) AS a ON true
  -- Only these few are put in order: all of them would be sorted by everything that tells apart.
  LEFT JOIN LATERAL (
       SELECT array_agg(f.mark ORDER BY f.mark) AS marks, array_agg(f.name ORDER BY f.mark) AS names
         FROM (SELECT e.mark, e.name
                 FROM unnest(a.every_mark, a.every_name) AS e (mark, name)
                ORDER BY e.mark
                LIMIT $16) AS f) AS n ON true
 WHERE s.ledger = $1
   AND s.projection = 'performance';

-- name: reviews_due
-- The bad evaluations a reader may see that are due in a period, in the order they came, told
-- as the cases are.
SELECT p.next_position - 1 AS shown_position, t.position AS mark, t.*
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  LEFT JOIN (SELECT r.*
               FROM projections.review AS r
              WHERE $13::bigint IS NULL
                 OR r.position <= $13 AND r.stream <> ALL ($14::text[])
              UNION ALL
             SELECT r.*
               FROM jsonb_populate_recordset(NULL::projections.review, $15::jsonb) AS r) AS t
    ON t.ledger = s.ledger
   AND t.generation = s.generation
   AND (   $2
        OR t.seen && $3
        OR EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS o (mark, item)
                    WHERE o.item = t.item
                      AND o.mark = ANY (t.seen)))
   AND t.source = $6
   AND t.due >= $7
   AND t.due <= $8
   AND ($9::text IS NULL OR t.organ = $9)
   AND ($10::text IS NULL OR t.item = $10)
   AND ($11::text IS NULL OR t.unit = $11)
   AND ($12::bigint IS NULL OR t.position > $12)
 WHERE s.ledger = $1
   AND s.projection = 'reviews'
 ORDER BY t.position
 LIMIT $16;

-- name: rows
-- Everything of a generation, in one order: two generations are compared by these bytes.
SELECT stream, case_no, received_position, item, organ, unit, seen, source, kind, given_up,
       visited, promised_due, promised_met, promised_ended, promised_after_close, issue_due,
       issue_met, issue_ended, issue_after_close, closes, deemed_on, extended_late_on, unreasoned_on, ended_on, own_due, ended_late, received_on,
       until, last_due, moved_position
  FROM projections.figure_case
 WHERE ledger = $1
   AND generation = $2
 ORDER BY stream;

-- name: remove
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.figure_case
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.figure_case
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));
