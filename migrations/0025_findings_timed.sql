-- What time alone completes is reckoned in one place, for lists and for counts.

SET LOCAL lock_timeout = '5s';

-- When a measure that time alone completes reached what the policy asks for, and how much it is
-- by an instant: by the instants at which it became 1, 2, 3 …, or by the day or month since it
-- began.  A query takes it in as if it stood there.
CREATE FUNCTION projections.timed(
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
$$;

GRANT EXECUTE ON FUNCTION
    projections.timed(timestamptz[], timestamptz, text, numeric, text, numeric, timestamptz, text)
    TO ledger_project;
