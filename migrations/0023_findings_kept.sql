-- What cases show together is kept as it was measured: comparing all cases takes too long for a
-- page where there are many.
--
-- Rows can be thrown away and made again, as in 0005; they are no part of what a rebuild compares.

SET LOCAL lock_timeout = '5s';

-- One row a rule that was measured: up to where, by which numbers, when by the time of the ledger,
-- when that ended by the clock on the wall, and how long it took.  `refused` and `alerts` are where
-- what else it rests on stood.  The rows of `measuring` are what was found; no others are read.
CREATE TABLE projections.finding_measured (
    ledger      text        COLLATE "C" NOT NULL,
    generation  integer     NOT NULL,
    rule        text        COLLATE "C" NOT NULL,
    measuring   uuid        NOT NULL,
    position    bigint      NOT NULL,
    refused     bigint      NOT NULL,
    alerts      bigint      NOT NULL,
    numbers     jsonb       NOT NULL,
    measured_at timestamptz NOT NULL,
    ended_at    timestamptz NOT NULL,
    took_s      double precision NOT NULL,
    CONSTRAINT one_measuring_per_rule PRIMARY KEY (ledger, generation, rule)
);

-- One row a finding across cases.
CREATE TABLE projections.finding_kept (
    ledger     text        COLLATE "C" NOT NULL,
    generation integer     NOT NULL,
    rule       text        COLLATE "C" NOT NULL,
    measuring  uuid        NOT NULL,
    id         text        COLLATE "C" NOT NULL,
    came_at    timestamptz NOT NULL,
    measure    text        COLLATE "C" NOT NULL,
    part       text        COLLATE "C",
    cases      text[]      COLLATE "C" NOT NULL,
    positions  bigint[]    NOT NULL,
    measured   numeric,
    beside     numeric,
    officer    text        COLLATE "C",
    unit       text        COLLATE "C",
    same       boolean,
    items      text[]      COLLATE "C" NOT NULL,
    organs     text[]      COLLATE "C" NOT NULL,
    figures    jsonb
);

CREATE INDEX finding_kept_by_time
    ON projections.finding_kept (ledger, generation, rule, measuring, came_at, id);

-- What time alone completes is reckoned before it is sorted: what grows is looked for by when it
-- began, and of what is counted in days there are few.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX finding_that_grows
    ON projections.finding (ledger, generation, measure, step, since)
 WHERE since IS NOT NULL;
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX finding_by_days
    ON projections.finding (ledger, generation, measure)
 WHERE reached IS NOT NULL;

-- Of most measures few are more than what the policy asks for.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX finding_by_size
    ON projections.finding (ledger, generation, measure, measured)
 WHERE measured IS NOT NULL;

-- A person's page asks for what is found of that person.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX finding_by_officer
    ON projections.finding (ledger, generation, officer, measure, came_at)
 WHERE officer IS NOT NULL;

-- What is found of one case is asked for by its number.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX finding_case_by_number
    ON projections.finding_case (ledger, generation, case_no);

-- Whether what was measured is a finding by the numbers of the policy.
CREATE FUNCTION projections.passes(
    measured numeric, op text, threshold numeric,
    beside numeric, beside_op text, beside_threshold numeric, either boolean
) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN either
                THEN CASE op WHEN '<' THEN measured < threshold
                             WHEN '<=' THEN measured <= threshold
                             WHEN '>' THEN measured > threshold
                             WHEN '>=' THEN measured >= threshold
                             ELSE true END
                     OR coalesce(CASE beside_op WHEN '<' THEN beside < beside_threshold
                                                WHEN '>=' THEN beside >= beside_threshold
                                                ELSE true END, false)
                ELSE CASE op WHEN '<' THEN measured < threshold
                             WHEN '<=' THEN measured <= threshold
                             WHEN '>' THEN measured > threshold
                             WHEN '>=' THEN measured >= threshold
                             ELSE true END
                     AND CASE beside_op WHEN '<' THEN beside < beside_threshold
                                        WHEN '>=' THEN beside >= beside_threshold
                                        ELSE true END END
$$;

-- When what grows from an instant on, by the day or the month, is more than a number.
CREATE FUNCTION projections.grown_at(
    since timestamptz, step text, threshold numeric, zone text
) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT ((since AT TIME ZONE zone)::date + interval '1 day'
            + threshold::integer * CASE step WHEN 'month' THEN interval '1 month'
                                             ELSE interval '1 day' END) AT TIME ZONE zone
$$;

-- How much it has grown by then; a month that has begun counts.
CREATE FUNCTION projections.grown(
    since timestamptz, step text, until timestamptz, zone text
) RETURNS numeric
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE step
           WHEN 'day' THEN (until AT TIME ZONE zone)::date - (since AT TIME ZONE zone)::date
           WHEN 'month'
           THEN (SELECT 12 * extract(year FROM of) + extract(month FROM of)
                        + (extract(day FROM of) > 0)::integer
                   FROM age((until AT TIME ZONE zone)::date, (since AT TIME ZONE zone)::date) AS of)
           END
$$;

-- By what a finding is known: the same measure of the same events is the same finding.
CREATE FUNCTION projections.finding_id(
    measure text, positions bigint[], part text, officer text, unit text
) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT left(encode(sha256(convert_to(concat_ws('|', measure, positions::text, part, officer,
                                                   unit), 'UTF8')), 'hex'), 32)
$$;

-- The newest refusal that findings know of, -1 for none.  The sequence of refusals itself moves
-- with everything that is read.
CREATE FUNCTION projections.findings_refused(of_ledger text, of_generation integer) RETURNS bigint
LANGUAGE sql STABLE
AS $$
    SELECT coalesce(max(r.position), -1)
      FROM projections.finding_refusal AS r
     WHERE r.ledger = of_ledger
       AND r.generation = of_generation
$$;

-- How far the cards are that answers to alerts are compared with, -1 for not begun.
CREATE FUNCTION projections.alerts_shown(of_ledger text) RETURNS bigint
LANGUAGE sql STABLE
AS $$
    SELECT coalesce(max(p.next_position), -1)
      FROM projections.shown AS s
      JOIN projections.progress AS p
        ON p.ledger = s.ledger
       AND p.generation = s.generation
       AND p.projection = s.projection
       AND p.sequence = s.ledger
     WHERE s.ledger = of_ledger
       AND s.projection = 'timeout_alerts'
$$;

-- Of each rule that was measured when that was, whether it would be measured otherwise now, by
-- these numbers, and how long ago by the clock on the wall; with the position that is shown.  One
-- row without a rule where none was.
CREATE FUNCTION projections.findings_standing(of_ledger text, numbers jsonb)
RETURNS TABLE (
    shown bigint, rule text, "position" bigint, measured_at timestamptz, took_s double precision,
    by_these boolean, now boolean, ago_s double precision
)
LANGUAGE sql STABLE
AS $$
    SELECT p.next_position - 1, m.rule, m.position, m.measured_at, m.took_s,
           m.numbers = findings_standing.numbers,
           m.position = p.next_position - 1
               AND m.refused = projections.findings_refused(s.ledger, s.generation)
               AND m.alerts = projections.alerts_shown(s.ledger),
           extract(epoch FROM clock_timestamp() - m.ended_at)::double precision
      FROM projections.shown AS s
      JOIN projections.progress AS p
        ON p.ledger = s.ledger
       AND p.generation = s.generation
       AND p.projection = s.projection
       AND p.sequence = s.ledger
      LEFT JOIN projections.finding_measured AS m
        ON m.ledger = s.ledger
       AND m.generation = s.generation
     WHERE s.ledger = of_ledger
       AND s.projection = 'findings'
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.finding_measured, projections.finding_kept
   TO ledger_project;
GRANT SELECT ON projections.finding_measured, projections.finding_kept TO ledger_app, ledger_verify;
GRANT EXECUTE ON FUNCTION
    projections.passes(numeric, text, numeric, numeric, text, numeric, boolean),
    projections.grown_at(timestamptz, text, numeric, text),
    projections.grown(timestamptz, text, timestamptz, text),
    projections.finding_id(text, bigint[], text, text, text),
    projections.findings_refused(text, integer),
    projections.alerts_shown(text),
    projections.findings_standing(text, jsonb)
    TO ledger_project;
