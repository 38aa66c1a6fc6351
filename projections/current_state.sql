-- name: remove_cases
-- What is known better now.
DELETE FROM projections.current_state
 WHERE ledger = $1
   AND generation = $2
   AND stream = ANY ($3);

-- name: moved_by_calendar
-- The cases with a due date in days that a calendar has set anew.
SELECT stream
  FROM projections.current_state
 WHERE ledger = $1
   AND generation = $2
   AND last_due >= $3
   AND received_on <= $4;

-- name: of_organ
-- The cases of an organ whose place among the organs has changed.
SELECT stream
  FROM projections.current_state
 WHERE ledger = $1
   AND generation = $2
   AND organ = $3;

-- name: listed
-- A page of the cases that a reader may see, the newest receipt first, with the position
-- that the page shows; one row without a case where there is none.  The total is counted
-- only where it is asked for: it reads every row that fits.
SELECT p.next_position - 1 AS shown_position, c.*
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  LEFT JOIN LATERAL (
       SELECT r.*
         FROM (SELECT r.*, CASE WHEN $24::boolean THEN count(*) OVER () END AS total
               FROM (SELECT t.received_position, t.case_no, t.position, t.version, t.item,
                            t.item_name, t.stage, t.responsibility, t.officer, t.unit, t.organ,
                            t.source, t.received_on, t.accepted_on, t.decided_on, t.issued_on,
                            t.closed_on, t.outcome, t.statutory_due, t.promised_due,
                            t.next_deadline, t.next_due,
                            coalesce(t.red_at <= $6, false) AS overdue,
                            CASE WHEN t.red_at <= $6 THEN 'red'
                                 WHEN t.yellow_at <= $6 THEN 'yellow'
                                 WHEN t.stopped THEN 'stopped'
                                 WHEN t.next_due IS NOT NULL THEN 'green'
                                 ELSE t.settled END AS light
                       FROM projections.current_state AS t
                      WHERE t.ledger = $1
                        AND t.generation = s.generation
                        AND (   $2
                             OR t.seen && $3
                             OR $7 AND t.reviewed
                             OR EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS o (mark, item)
                                         WHERE o.item = t.item
                                           AND o.mark = ANY (t.seen)))
                        AND ($10::text IS NULL OR t.stage = $10)
                        AND ($11::text IS NULL OR t.item = $11)
                        AND ($12::text IS NULL OR t.responsibility = $12)
                        AND ($13::text IS NULL OR t.officer = $13)
                        AND ($14::text IS NULL OR t.organ = $14)
                        AND ($15::date IS NULL OR t.received_on >= $15)
                        AND ($16::date IS NULL OR t.received_on <= $16)
                        AND ($17::date IS NULL OR t.closed_on >= $17)
                        AND ($18::date IS NULL OR t.closed_on <= $18)
                        AND ($19::bigint IS NULL OR t.position > $19)
                        AND ($20::text IS NULL OR t.case_no >= $20 AND t.case_no < $21)
                        AND ($25::date IS NULL OR t.next_due <= $25)
                        AND ($22::boolean IS NOT TRUE OR t.red_at <= $6)
                        AND ($23::text IS DISTINCT FROM 'red' OR t.red_at <= $6)
                        AND ($23::text IS DISTINCT FROM 'yellow' OR t.yellow_at <= $6)) AS r
              WHERE ($22::boolean IS NULL OR r.overdue = $22)
                AND ($23::text IS NULL OR r.light = $23)) AS r
        WHERE ($9::bigint IS NULL OR r.received_position < $9)
        ORDER BY r.received_position DESC
        LIMIT $8) AS c ON true
 WHERE s.ledger = $1
   AND s.projection = 'current_state'
 ORDER BY c.received_position DESC;

-- name: worklist
-- What waits for somebody: held by that person ($3), or at a stage ($4) of an organ's own
-- ($5) that their post sees to; what is due first comes first. What another system handles
-- waits for nobody here.
SELECT p.next_position - 1 AS shown_position, c.*
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  LEFT JOIN LATERAL (
       SELECT t.received_position, t.case_no, t.position, t.version, t.item, t.item_name,
              t.stage, t.responsibility, t.officer, t.unit, t.organ, t.source, t.received_on,
              t.accepted_on, t.decided_on, t.issued_on, t.closed_on, t.outcome,
              t.statutory_due, t.promised_due, t.next_deadline, t.next_due,
              coalesce(t.next_due, 'infinity'::date) AS ordered_due,
              coalesce(t.red_at <= $2, false) AS overdue,
              CASE WHEN t.red_at <= $2 THEN 'red'
                   WHEN t.yellow_at <= $2 THEN 'yellow'
                   WHEN t.stopped THEN 'stopped'
                   WHEN t.next_due IS NOT NULL THEN 'green'
                   ELSE t.settled END AS light
         FROM projections.current_state AS t
        WHERE t.ledger = $1
          AND t.generation = s.generation
          AND t.closed_on IS NULL
          AND t.source = 'own'
          AND t.stage = ANY ($4::text[])
          AND ($3::text IS NULL OR t.officer = $3)
          AND ($5::text[] IS NULL OR t.seen && $5 AND t.officer IS DISTINCT FROM $6)
          AND ($7::date IS NULL
               OR (coalesce(t.next_due, 'infinity'::date), t.received_position) > ($7, $8))
        ORDER BY coalesce(t.next_due, 'infinity'::date), t.received_position
        LIMIT $9) AS c ON true
 WHERE s.ledger = $1
   AND s.projection = 'current_state'
 ORDER BY c.ordered_due, c.received_position;

-- name: due_by_law
-- The cases that the law has taken out of the bureau's hands by now, the oldest first.
SELECT t.stream
  FROM projections.shown AS s
  JOIN projections.current_state AS t
    ON t.ledger = s.ledger
   AND t.generation = s.generation
 WHERE s.ledger = $1
   AND s.projection = 'current_state'
   AND t.by_law_at <= $2
 ORDER BY t.by_law_at
 LIMIT $3;

-- name: sanctioned
-- The cases whose subject is under a sanction on a day.
SELECT t.stream
  FROM projections.shown AS s
  JOIN projections.current_state AS t
    ON t.ledger = s.ledger
   AND t.generation = s.generation
 WHERE s.ledger = $1
   AND s.projection = 'current_state'
   AND t.sanctioned_until >= $2
 ORDER BY t.stream;

-- name: imported
-- What another system's cases add up to, to be compared with what that system says itself.
SELECT count(*) AS cases,
       count(*) FILTER (WHERE t.issued_on IS NOT NULL) AS issued,
       count(*) FILTER (WHERE t.stage = 'closed') AS completed,
       count(*) FILTER (WHERE t.stage = 'closed' AND t.issued_on IS NULL)
           AS completed_without_issue,
       count(*) FILTER (WHERE t.issued_on - t.received_on > $3) AS issued_after_days
  FROM projections.shown AS s
  JOIN projections.current_state AS t
    ON t.ledger = s.ledger
   AND t.generation = s.generation
 WHERE s.ledger = $1
   AND s.projection = 'current_state'
   AND t.source = $2;

-- name: rows
-- Everything of a generation, in one order: two generations are compared by these bytes.
SELECT stream, case_no, received_position, position, version, item, item_name, stage,
       responsibility, officer, unit, organ, parts, seen, source, received_on, accepted_on,
       decided_on, issued_on, closed_on, outcome, reviewed, statutory_due, promised_due,
       next_deadline, next_due, last_due, yellow_at, red_at, stopped, settled, by_law_at,
       sanctioned_until
  FROM projections.current_state
 WHERE ledger = $1
   AND generation = $2
 ORDER BY stream;

-- name: remove
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.current_state
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.current_state
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));
