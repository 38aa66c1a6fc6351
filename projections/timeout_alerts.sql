-- name: counting
-- Who changes cards in this transaction counts them.
SELECT set_config('caseledger.counting', 'on', true);

-- name: count_raised
-- Count what time alone has raised by the newest event of a batch.
SELECT projections.count_raised($1, $2, $3);

-- name: count_out
-- Count the cards of these streams out, before they change.
SELECT projections.count_out($1, $2, $3);

-- name: count_in
-- Count the cards of these streams, and these, in.
SELECT projections.count_in($1, $2, $3, $4);

-- name: remove_of_cases
-- The cards of cases that are known better now; a refusal's card stays.
DELETE FROM projections.alert
 WHERE ledger = $1
   AND generation = $2
   AND stream = ANY ($3)
   AND cause <> 'refusal';

-- name: remove_cases
-- And what they hang on.
DELETE FROM projections.alert_case
 WHERE ledger = $1
   AND generation = $2
   AND stream = ANY ($3);

-- name: remove_posts
-- Appointments that are known better now.
DELETE FROM projections.alert_post
 WHERE ledger = $1
   AND generation = $2
   AND appointment = ANY ($3);

-- name: moved_by_calendar
-- The cases with a limit in days that a calendar has set anew.
SELECT stream
  FROM projections.alert_case
 WHERE ledger = $1
   AND generation = $2
   AND last_day >= $3
   AND first_day <= $4;

-- name: of_organ
-- The cases of an organ whose place among the organs has changed.
SELECT stream
  FROM projections.alert_case
 WHERE ledger = $1
   AND generation = $2
   AND organ = $3;

-- name: refusals_since
-- The cards of refusals that were recorded no earlier than a rule they go by.
SELECT id, level, raised_at
  FROM projections.alert
 WHERE ledger = $1
   AND generation = $2
   AND cause = 'refusal'
   AND raised_at >= $3;

-- name: answer_refusal
-- By which policy, and until when, the card of a refusal is to be answered.
UPDATE projections.alert
   SET policy = $4,
       answer_by = $5
 WHERE ledger = $1
   AND generation = $2
   AND id = $3;

-- name: close_of_office
-- A seal was counted again and agrees with its register, or an emergency was reviewed.
UPDATE projections.alert
   SET closed_at = $4
 WHERE ledger = $1
   AND generation = $2
   AND stream = $3
   AND closed_at IS NULL
   AND withdrawn_at IS NULL
   AND raised_at < $4;

-- name: listed
-- A page of the cards raised by now that a reader may see or has to answer, the newest
-- first, with the position that the page shows; one row without a card where there is none.
SELECT p.next_position - 1 AS shown_position, h.zone, c.*
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  JOIN ledger.head AS h
    ON h.ledger = s.ledger
  LEFT JOIN LATERAL (
       SELECT r.id, r.case_no, r.item, r.organ, r.deadline, r.due, r.rule, r.level, r.policy,
              r.raised_at, r.answer_by, r.reason, r.state, r.answered_at, r.answered_by,
              r.again_at, r.posts, r.total,
              ARRAY (SELECT DISTINCT n.person
                       FROM (SELECT unnest(r.persons) AS person
                              UNION ALL
                             SELECT o.person
                               FROM projections.alert_post AS o
                              WHERE o.ledger = $1
                                AND o.generation = s.generation
                                AND o.post = ANY (r.posts)
                                AND o.since <= r.raised_at
                                AND (o.until IS NULL OR o.until > r.raised_at)) AS n
                      ORDER BY n.person) AS addressees
         FROM (SELECT r.*, CASE WHEN $17::boolean THEN count(*) OVER () END AS total
               FROM (SELECT a.id, a.case_no, coalesce(k.item, a.item) AS item,
                            coalesce(k.organ, a.organ) AS organ, a.deadline, a.due, a.rule,
                            a.level, a.policy, a.raised_at, a.answer_by, coalesce(n.reason, a.reason) AS reason,
                            a.persons, a.posts,
                            n.answered_at, n.answered_by,
                            CASE WHEN x.again THEN x.again_at END AS again_at,
                            CASE WHEN a.withdrawn_at <= $6 OR n.withdrawn_at IS NOT NULL THEN 'withdrawn'
                                 WHEN a.closed_at <= $6 THEN 'closed'
                                 WHEN n.answered_at IS NULL THEN 'raised'
                                 WHEN a.deadline IS NULL OR a.met_at <= $6 THEN 'closed'
                                 ELSE 'answered' END AS state
                       FROM projections.alert AS a
                       LEFT JOIN projections.alert_case AS k
                         ON k.ledger = a.ledger
                        AND k.generation = a.generation
                        AND k.stream = a.stream
                      CROSS JOIN LATERAL (
                            SELECT min(d.at) FILTER (WHERE NOT d.withdrawn) AS answered_at,
                                   min(d.person) FILTER (WHERE NOT d.withdrawn) AS answered_by,
                                   min(d.at) FILTER (WHERE d.withdrawn) AS withdrawn_at,
                                   min(d.reason) FILTER (WHERE d.withdrawn) AS reason
                              FROM projections.alert_answer AS d
                             WHERE d.ledger = a.ledger
                               AND d.generation = a.generation
                               AND d.alert = a.id
                               AND d.at <= $6) AS n
                      CROSS JOIN LATERAL (
                            SELECT y.again_at,
                                   coalesce(y.again_at <= $6, false)
                                   AND coalesce(least(n.answered_at, n.withdrawn_at, a.closed_at,
                                                      a.withdrawn_at) >= y.again_at, true) AS again
                              FROM (SELECT (a.answer_by + 1)::timestamp AT TIME ZONE h.zone) AS y (again_at)) AS x
                      WHERE a.ledger = $1
                        AND a.generation = s.generation
                        AND a.raised_at <= $6
                        AND (   $2
                             OR k.seen && $3
                             OR EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS o (mark, item)
                                         WHERE o.item = k.item
                                           AND o.mark = ANY (k.seen))
                             OR k.stream IS NULL AND 'O:' || a.organ = ANY ($3)
                             OR $8 = ANY (a.persons)
                             OR EXISTS (SELECT
                                          FROM projections.alert_post AS o
                                         WHERE o.ledger = $1
                                           AND o.generation = s.generation
                                           AND o.person = $8
                                           AND o.post = ANY (a.posts)
                                           AND o.since <= a.raised_at
                                           AND (o.until IS NULL OR o.until > a.raised_at)))
                        AND ($11::text IS NULL OR a.level = $11)
                        AND ($12::text IS NULL OR a.deadline = $12)
                        AND ($13::text IS NULL OR a.case_no = $13)
                        AND ($18::text IS NULL OR a.id = $18)) AS r
              WHERE ($14::text IS NULL OR r.organ = $14)
                AND ($15::text IS NULL OR r.item = $15)
                AND ($16::text IS NULL OR r.state = $16)) AS r
        WHERE ($9::timestamptz IS NULL OR (r.raised_at, r.id) < ($9, $10::text))
        ORDER BY r.raised_at DESC, r.id DESC
        LIMIT $7) AS c ON true
 WHERE s.ledger = $1
   AND s.projection = 'timeout_alerts'
 ORDER BY c.raised_at DESC, c.id DESC;

-- name: rows
-- Everything of a generation, in one order: two generations are compared by these bytes.
SELECT id, stream, case_no, item, organ, deadline, start, due, rule, level, policy, raised_at,
       answer_by, persons, posts, closed_at, withdrawn_at, met_at, reason, cause
  FROM projections.alert
 WHERE ledger = $1
   AND generation = $2
 ORDER BY id;

-- name: rows_of_cases
-- And what the cards hang on.
SELECT stream, item, organ, seen, first_day, last_day
  FROM projections.alert_case
 WHERE ledger = $1
   AND generation = $2
 ORDER BY stream;

-- name: rows_of_posts
-- And who answers for a post.
SELECT appointment, post, person, since, until
  FROM projections.alert_post
 WHERE ledger = $1
   AND generation = $2
 ORDER BY appointment;

-- name: rows_of_answers
-- And who answered them.
SELECT position, alert, at, person, withdrawn, reason
  FROM projections.alert_answer
 WHERE ledger = $1
   AND generation = $2
 ORDER BY position;

-- name: rows_of_counts
-- And how many stand how.
SELECT digest, item, seen, organ, persons, posts, level, state, cards
  FROM projections.alert_count
 WHERE ledger = $1
   AND generation = $2
 ORDER BY digest;

-- name: remove_all_counts
-- All of a generation that is not shown any more: they are few.
DELETE FROM projections.alert_count
 WHERE ledger = $1
   AND generation = $2;

-- name: remove_counted
-- And until when they were counted.
DELETE FROM projections.alert_counted
 WHERE ledger = $1
   AND generation = $2;

-- name: remove_all_answers
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.alert_answer
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.alert_answer
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));

-- name: remove
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.alert
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.alert
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));

-- name: remove_all_cases
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.alert_case
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.alert_case
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));

-- name: remove_all_posts
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.alert_post
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.alert_post
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));
