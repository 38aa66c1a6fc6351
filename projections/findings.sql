-- name: moved_by_calendar
-- The cases whose days a calendar has set anew.
SELECT stream
  FROM projections.finding_case
 WHERE ledger = $1
   AND generation = $2
   AND last_day >= $3
   AND first_day <= $4;

-- name: remove_of_cases
-- What was measured of cases that are known better now.
DELETE FROM projections.finding
 WHERE ledger = $1
   AND generation = $2
   AND stream = ANY ($3);

-- name: remove_acts
-- And their acts.
DELETE FROM projections.finding_act
 WHERE ledger = $1
   AND generation = $2
   AND stream = ANY ($3);

-- name: remove_cases
-- And the cases themselves.
DELETE FROM projections.finding_case
 WHERE ledger = $1
   AND generation = $2
   AND stream = ANY ($3);

-- name: rows
-- Everything of a generation, in one order: two generations are compared by these bytes.
SELECT stream, measure, part, positions, came_at, measured, beside, officer, unit, same,
       since, step, reached
  FROM projections.finding
 WHERE ledger = $1
   AND generation = $2
 ORDER BY stream, measure, positions, part, officer;

-- name: rows_of_cases
-- And what cases are compared by.
SELECT stream, case_no, item, item_version, limited, organ, own, applicant, agent,
       received_position, received_at, accepted_position, accepted_at, decided_position,
       decided_at, decider, ended_at, route, last_position, first_day, last_day
  FROM projections.finding_case
 WHERE ledger = $1
   AND generation = $2
 ORDER BY stream;

-- name: rows_of_acts
-- And every act of theirs.
SELECT stream, position, at, type, action, step, person, organ, client, branch, staff, own,
       late, working, after, gap_s, seal, grade, terminal, verdict, alert, days_left,
       days_in_month
  FROM projections.finding_act
 WHERE ledger = $1
   AND generation = $2
 ORDER BY position;

-- name: rows_of_refusals
-- And what was refused.
SELECT position, stream, action, person, rule, recorded_at
  FROM projections.finding_refusal
 WHERE ledger = $1
   AND generation = $2
 ORDER BY position;

-- name: remove
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.finding
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.finding
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));

-- name: remove_all_cases
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.finding_case
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.finding_case
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));

-- name: remove_all_acts
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.finding_act
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.finding_act
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));

-- name: remove_all_refusals
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.finding_refusal
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.finding_refusal
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));
