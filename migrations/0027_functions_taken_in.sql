-- What a list calls for each row is taken into its plan.  A function that is not is planned
-- again at every call by who plans a list for the filters it is asked with.

SET LOCAL lock_timeout = '5s';

-- How much it has grown by then; a month that has begun counts.  Without a query within it.
CREATE OR REPLACE FUNCTION projections.grown(
    since timestamptz, step text, until timestamptz, zone text
) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE step
           WHEN 'day' THEN (until AT TIME ZONE zone)::date - (since AT TIME ZONE zone)::date
           WHEN 'month'
           THEN 12 * extract(year FROM age((until AT TIME ZONE zone)::date,
                                           (since AT TIME ZONE zone)::date))
                + extract(month FROM age((until AT TIME ZONE zone)::date,
                                         (since AT TIME ZONE zone)::date))
                + (extract(day FROM age((until AT TIME ZONE zone)::date,
                                        (since AT TIME ZONE zone)::date)) > 0)::integer
           END
$$;

-- When a measure that time alone completes reached what the policy asks for, and how much it is
-- by an instant: by the instants at which it became 1, 2, 3 …, or by the day or month since it
-- began.  The fence has both worked out once a row, so that what compares them is taken in too.
CREATE OR REPLACE FUNCTION projections.timed(
    reached timestamptz[], since timestamptz, step text, measured numeric,
    op text, threshold numeric, until timestamptz, zone text
) RETURNS TABLE (came_at timestamptz, by_then numeric)
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN reached IS NOT NULL
                THEN reached[(threshold + (op = '>')::integer)::integer]
                ELSE projections.grown_at(since, step, threshold, zone) END,
           CASE WHEN measured IS NOT NULL THEN measured
                WHEN reached IS NOT NULL
                THEN (SELECT count(*) FROM unnest(reached) AS day WHERE day <= until)
                ELSE projections.grown(since, step, until, zone) END
    OFFSET 0
$$;

-- Of each rule that was measured when that was, whether it would be measured otherwise now, by
-- these numbers, and how long ago by the clock on the wall; with the position that is shown.  One
-- row without a rule where none was.  How far the others are is looked up once.
CREATE OR REPLACE FUNCTION projections.findings_standing(of_ledger text, numbers jsonb)
RETURNS TABLE (
    shown bigint, rule text, "position" bigint, measured_at timestamptz, took_s double precision,
    by_these boolean, now boolean, ago_s double precision
)
LANGUAGE sql STABLE
AS $$
    SELECT p.next_position - 1, m.rule, m.position, m.measured_at, m.took_s,
           m.numbers = findings_standing.numbers,
           m.position = p.next_position - 1 AND m.refused = n.refused AND m.alerts = n.alerts,
           extract(epoch FROM clock_timestamp() - m.ended_at)::double precision
      FROM projections.shown AS s
      JOIN projections.progress AS p
        ON p.ledger = s.ledger
       AND p.generation = s.generation
       AND p.projection = s.projection
       AND p.sequence = s.ledger
     CROSS JOIN LATERAL (SELECT projections.findings_refused(s.ledger, s.generation) AS refused,
                                projections.alerts_shown(s.ledger) AS alerts
                         OFFSET 0) AS n
      LEFT JOIN projections.finding_measured AS m
        ON m.ledger = s.ledger
       AND m.generation = s.generation
     WHERE s.ledger = of_ledger
       AND s.projection = 'findings'
$$;
