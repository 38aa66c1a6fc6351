-- What the tests of plans fill the views with, as their followers would have written it.

-- name: many_cards
-- Cards of $2 cases, four each; in one case of a hundred a push is still open.
INSERT INTO projections.alert (
       ledger, generation, id, stream, case_no, item, organ, deadline, start, due, rule, level,
       raised_at, persons, posts, met_at, cause)
SELECT $1, 1, md5(n || kind.deadline || kind.level), 'case:' || n, 'case ' || n, 'QH-002', 'qh-xzsp',
       kind.deadline, date '2026-01-01' + n % 300, date '2026-01-11' + n % 300, 'a rule',
       kind.level, timestamptz '2026-01-11 00:00+08' + make_interval(days => n % 300),
       '{}', '{}', CASE WHEN n % 100 > 0 THEN timestamptz '2026-01-05 00:00+08' END, 'deadline'
  FROM generate_series(1, $2::integer) AS n
 CROSS JOIN (VALUES ('promised', 'yellow'), ('promised', 'red'), ('push', 'yellow'),
                    ('push', 'red')) AS kind (deadline, level);

-- name: many_cases
-- What they hang on.
INSERT INTO projections.alert_case (ledger, generation, stream, item, organ, seen)
SELECT $1, 1, 'case:' || n, 'QH-002', 'qh-xzsp', '{O:qh-xzsp}'
  FROM generate_series(1, $2::integer) AS n;

-- name: shown
-- The view that they are of.
INSERT INTO projections.shown (ledger, projection, generation)
VALUES ($1, 'timeout_alerts', 1);

-- name: there
-- Where it has come.
INSERT INTO projections.progress (ledger, generation, projection, sequence, next_position)
VALUES ($1, 1, 'timeout_alerts', $1, 1);

-- name: settle
-- What autovacuum would have done by then.
ANALYZE projections.alert, projections.alert_case;

-- name: count
-- What their follower would have counted by an instant.
SELECT projections.count_raised($1, 1, $2);

-- name: for_a_post
-- One red card in a hundred cases is answered by a post elsewhere.
UPDATE projections.alert
   SET posts = '{supervisor@qh-zjj}'
 WHERE ledger = $1
   AND level = 'red'
   AND deadline = 'push'
   AND right(stream, 2) = '77';

-- name: a_post
-- Who holds it.
INSERT INTO projections.alert_post (
       ledger, generation, appointment, post, person, since)
VALUES ($1, 1, 'one', 'supervisor@qh-zjj', 'zheng-kai', '2026-01-01 00:00+08');

-- name: without
-- The control.
DROP INDEX projections.alert_of_open_links;

-- name: many_readings
-- Entries of the open line, each by one of a hundred persons.
INSERT INTO projections.reading (
       ledger, generation, position, recorded_at, refused, person, organ, what)
SELECT $1, 1, n, timestamptz '2026-01-01 00:00+08' + make_interval(mins => n), false,
       'person-' || n % 100, 'qh-xzsp', 'read-case'
  FROM generate_series(0, $2::integer - 1) AS n;

-- name: many_readings_of_cases
-- And of one of ten thousand cases.
INSERT INTO projections.reading_case (ledger, generation, case_no, position)
SELECT $1, 1, 'case ' || n % 10000, n
  FROM generate_series(0, $2::integer - 1) AS n;

-- name: settle_readings
-- What autovacuum would have done by then.
ANALYZE projections.reading, projections.reading_case;

-- name: readings_shown
-- The view that they are of.
INSERT INTO projections.shown (ledger, projection, generation)
VALUES ($1, 'readings', 1);

-- name: readings_there
-- Where it has come.
INSERT INTO projections.progress (ledger, generation, projection, sequence, next_position)
VALUES ($1, 1, 'readings', $1 || '.open', 1);

-- name: miscounted
-- Where the count of cards is another one than a count of all of them, on either side.
WITH stored AS (
       SELECT c.generation, c.item, c.seen, c.organ, c.persons, c.posts, c.level, c.state, c.cards
         FROM projections.alert_count AS c
        WHERE c.ledger = $1),
     real AS (
       SELECT a.generation, a.item, a.seen, a.organ, a.persons, a.posts, a.level, a.state,
              count(*) AS cards
         FROM projections.alert_standing AS a
         JOIN projections.alert_counted AS u
           ON u.ledger = a.ledger
          AND u.generation = a.generation
        WHERE a.ledger = $1
          AND a.raised_at <= u.until
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8)
(TABLE stored EXCEPT TABLE real)
 UNION ALL
(TABLE real EXCEPT TABLE stored);

-- name: as_before
-- What counts cards, gone: as before there was any of it.
DROP TABLE projections.alert_counted, projections.alert_count;
DROP VIEW projections.alert_standing;
DROP INDEX projections.alert_by_post;
DROP FUNCTION projections.uncounted CASCADE;
DROP FUNCTION projections.count_out, projections.count_in, projections.count_raised;
