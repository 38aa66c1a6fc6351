-- name: measured
-- Measures what cases show together, by these rules ($4), and keeps what is a finding by these
-- numbers, with the position it was measured at and how long that took.  What was kept before
-- goes; where two measure at once the later one stands, and the rows of the other are never read.
-- The generation cannot be left meanwhile.
WITH shown AS MATERIALIZED (
    SELECT s.generation, p.next_position - 1 AS position, h.zone, gen_random_uuid() AS measuring,
           projections.findings_refused(s.ledger, s.generation) AS refused,
           projections.alerts_shown(s.ledger) AS alerts
      FROM projections.shown AS s
      JOIN projections.progress AS p
        ON p.ledger = s.ledger
       AND p.generation = s.generation
       AND p.projection = s.projection
       AND p.sequence = s.ledger
      JOIN ledger.head AS h
        ON h.ledger = s.ledger
     WHERE s.ledger = $1
       AND s.projection = 'findings'
       FOR SHARE OF s
), p AS (
    SELECT *
      FROM jsonb_to_record($2::jsonb) AS p (
           applicant_months integer, burst_entries integer, burst_minutes integer,
           intervention_days integer, office_from integer, office_to integer,
           seals_a_minute integer, jump_percent integer, month_end_days integer,
           night_from integer, night_to integer, ratings_at_once integer,
           ratings_minutes integer)
), test AS (
    SELECT *
      FROM jsonb_to_recordset($3::jsonb) AS t (
           measure text, op text, threshold numeric, beside_op text, beside_threshold numeric,
           either boolean)
), k AS NOT MATERIALIZED (
    SELECT *
      FROM projections.finding_case
     WHERE ledger = $1
       AND generation = (SELECT generation FROM shown)
), a AS NOT MATERIALIZED (
    SELECT a.*, k.case_no, k.item, k.item_version, k.organ AS approving, k.applicant
      FROM projections.finding_act AS a
      JOIN projections.finding_case AS k
        ON k.ledger = a.ledger
       AND k.generation = a.generation
       AND k.stream = a.stream
     WHERE a.ledger = $1
       AND a.generation = (SELECT generation FROM shown)
), in_turn AS (
    -- What can come in bursts: of whom, when, and how many in how long are one.
    SELECT 'backfill-burst.entries' AS measure, a.client AS part, a.at, a.position, a.case_no,
           a.item, a.approving, p.burst_entries AS least,
           make_interval(mins => p.burst_minutes) AS span
      FROM a, p
     WHERE 'backfill-burst' = ANY ($4::text[])
       AND a.late
       AND a.client IS NOT NULL
     UNION ALL
    SELECT 'seal-habit.rate', a.seal, a.at, a.position, a.case_no, a.item, a.approving,
           p.seals_a_minute + 1, interval '1 minute'
      FROM a, p
     WHERE 'seal-habit' = ANY ($4::text[])
       AND a.own
       AND a.type = 'sealed'
     UNION ALL
    SELECT 'suppressed-reviews.terminal', a.terminal, a.at, a.position, a.case_no, a.item,
           a.approving, p.ratings_at_once, make_interval(mins => p.ratings_minutes)
      FROM a, p
     WHERE 'suppressed-reviews' = ANY ($4::text[])
       AND a.type = 'evaluated'
       AND a.terminal IS NOT NULL
), numbered AS (
    SELECT *, row_number() OVER (PARTITION BY measure, part ORDER BY at, position) AS n
      FROM in_turn
), dense AS (
    -- An event by which enough have come in the time; those it overlaps with are one burst.
    SELECT measure, part, n AS last_n, n - least + 1 AS first_n
      FROM (SELECT *, lag(at, least - 1) OVER (PARTITION BY measure, part ORDER BY n) AS began
              FROM numbered) AS e
     WHERE at - began <= span
), parted AS (
    SELECT *, sum(fresh) OVER (PARTITION BY measure, part ORDER BY last_n) AS island
      FROM (SELECT *, CASE WHEN first_n <= lag(last_n) OVER (PARTITION BY measure, part
                                                             ORDER BY last_n)
                           THEN 0 ELSE 1 END AS fresh
              FROM dense) AS d
), burst AS (
    SELECT n.measure, n.part, array_agg(DISTINCT n.case_no) AS cases,
           array_agg(n.position ORDER BY n.position) AS positions, max(n.at) AS came_at,
           count(*) AS measured, array_agg(DISTINCT n.item) AS items,
           array_agg(DISTINCT n.approving) AS organs
      FROM (SELECT measure, part, island, min(first_n) AS first_n, max(last_n) AS last_n
              FROM parted
             GROUP BY measure, part, island) AS i
      JOIN numbered AS n
        ON n.measure = i.measure
       AND n.part = i.part
       AND n.n BETWEEN i.first_n AND i.last_n
     GROUP BY n.measure, n.part, i.island
), served AS (
    -- Who acted in which responsibility on which applicant.
    SELECT a.person, a.applicant, a.branch, a.at, a.position, a.case_no, a.stream, a.item,
           a.approving
      FROM a
     WHERE 'two-responsibilities' = ANY ($4::text[])
       AND a.branch IS NOT NULL
       AND a.applicant IS NOT NULL
       AND a.person IN (SELECT b.person
                          FROM projections.finding_act AS b
                         WHERE b.ledger = $1
                           AND b.generation = (SELECT generation FROM shown)
                           AND b.branch IS NOT NULL
                         GROUP BY b.person
                        HAVING count(DISTINCT b.branch) > 1)
), joined AS (
    SELECT DISTINCT x.*
      FROM served AS x
      JOIN served AS y
        ON y.person = x.person
       AND y.applicant = x.applicant
       AND y.branch <> x.branch
       AND y.stream <> x.stream
      JOIN p
        ON x.at <= y.at + make_interval(months => p.applicant_months)
       AND y.at <= x.at + make_interval(months => p.applicant_months)
), whose AS (
    SELECT 'concentration.applicant' AS measure, applicant AS who, k.*
      FROM k
     WHERE 'concentration' = ANY ($4::text[])
       AND applicant IS NOT NULL
       AND decider IS NOT NULL
     UNION ALL
    SELECT 'concentration.agent', agent, k.*
      FROM k
     WHERE 'concentration' = ANY ($4::text[])
       AND agent IS NOT NULL
       AND decider IS NOT NULL
), queue AS (
    -- Until when each case stood in the line of its item.
    SELECT k.*, least(coalesce(k.decided_at, 'infinity'), coalesce(k.ended_at, 'infinity')) AS left_at
      FROM k
     WHERE 'queue-jump' = ANY ($4::text[])
       AND k.accepted_at IS NOT NULL
), line AS (
    -- How long some of those before still stood there, and when the first of those behind was
    -- decided: who is beyond neither was not overtaken, nor did they overtake anybody.
    SELECT item, accepted_at,
           max(max(left_at)) OVER (PARTITION BY item ORDER BY accepted_at
                                   ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before_left,
           min(min(decided_at)) OVER (PARTITION BY item ORDER BY accepted_at DESC
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS behind_decided
      FROM queue
     GROUP BY item, accepted_at
), run AS (
    -- The median of how long the cases of an item took.
    SELECT item, percentile_cont(0.5) WITHIN GROUP (
                     ORDER BY extract(epoch FROM decided_at - accepted_at)) AS median_s
      FROM queue
     WHERE decided_at >= accepted_at
     GROUP BY item
), jumper AS (
    SELECT q.*, m.median_s, extract(epoch FROM q.decided_at - q.accepted_at) AS took_s
      FROM queue AS q
      JOIN line AS l
        ON l.item = q.item
       AND l.accepted_at = q.accepted_at
       AND l.before_left > q.decided_at
      LEFT JOIN run AS m
        ON m.item = q.item
), quick AS (
    SELECT j.*, coalesce(j.decided_at >= j.accepted_at
                         AND 100 * j.took_s < p.jump_percent * j.median_s, false) AS quick
      FROM jumper AS j, p
), jump AS (
    SELECT j.stream, count(*) AS waiting,
           (array_agg(e.case_no ORDER BY e.accepted_position))[1:200] AS cases,
           (array_agg(e.accepted_position ORDER BY e.accepted_position))[1:200] AS positions
      FROM quick AS j
      JOIN (SELECT q.*
              FROM queue AS q
              JOIN line AS l
                ON l.item = q.item
               AND l.accepted_at = q.accepted_at
               AND l.behind_decided < q.left_at) AS e
        ON e.item = j.item
       AND e.accepted_at < j.accepted_at
       AND e.left_at > j.decided_at
     WHERE j.limited
        OR j.quick
     GROUP BY j.stream
), raw AS (
    SELECT measure, part, cases, positions, came_at, measured, NULL::numeric AS beside,
           NULL::text AS officer, NULL::text AS unit, NULL::boolean AS same, items, organs,
           NULL::jsonb AS figures
      FROM burst
     UNION ALL
    SELECT 'two-responsibilities.applicant', string_agg(DISTINCT branch, ', '),
           array_agg(DISTINCT case_no), array_agg(position ORDER BY position), max(at),
           count(DISTINCT branch), NULL, person, NULL, NULL, array_agg(DISTINCT item),
           array_agg(DISTINCT approving), NULL
      FROM joined
     GROUP BY person, applicant
     UNION ALL
    SELECT 'withdraw-refile.receipt', w.action, ARRAY[w.case_no, r.case_no],
           ARRAY[w.position, r.received_position], r.received_at,
           (r.received_at AT TIME ZONE (SELECT zone FROM shown))::date - (w.at AT TIME ZONE (SELECT zone FROM shown))::date, NULL,
           w.person, w.organ, NULL, ARRAY[w.item], ARRAY[w.approving], NULL
      FROM a AS w
     CROSS JOIN LATERAL (SELECT k.*
                           FROM k
                          WHERE k.applicant = w.applicant
                            AND k.item = w.item
                            AND k.stream <> w.stream
                            AND k.received_at >= w.at
                          ORDER BY k.received_at, k.received_position
                          LIMIT 1) AS r
     WHERE 'withdraw-refile' = ANY ($4::text[])
       AND w.type IN ('withdrawn', 'terminated')
     UNION ALL
    SELECT 'intervention.done-by-another', a.action, ARRAY[a.case_no], ARRAY[a.position], a.at,
           round(extract(epoch FROM a.at - r.recorded_at) / 86400, 6), NULL, a.person, a.organ,
           false, ARRAY[a.item], ARRAY[a.approving], jsonb_build_object('refused_position', r.position, 'refused_person', r.person,
                              'refused_rule', r.rule)
      FROM a
     CROSS JOIN LATERAL (SELECT r.*
                           FROM projections.finding_refusal AS r
                          WHERE r.ledger = $1
                            AND r.generation = (SELECT generation FROM shown)
                            AND r.stream = a.stream
                            AND r.action = a.action
                            AND r.person <> a.person
                            AND r.recorded_at <= a.at
                          ORDER BY r.recorded_at DESC, r.position DESC
                          LIMIT 1) AS r
     WHERE 'intervention' = ANY ($4::text[])
       AND a.staff
     UNION ALL
    SELECT 'seal-habit.outside-hours', a.seal, ARRAY[a.case_no], ARRAY[a.position], a.at, NULL,
           NULL, a.person, a.organ, NULL, ARRAY[a.item], ARRAY[a.approving], NULL
      FROM a, p
     WHERE 'seal-habit' = ANY ($4::text[])
       AND a.own
       AND a.type = 'sealed'
       AND (   NOT a.working
            OR extract(hour FROM a.at AT TIME ZONE (SELECT zone FROM shown)) NOT BETWEEN p.office_from
                                                              AND p.office_to - 1)
     UNION ALL
    SELECT 'seal-habit.voids', a.seal,
           (array_agg(DISTINCT a.case_no) FILTER (WHERE a.type = 'seal-voided'))[1:200],
           (array_agg(a.position ORDER BY a.position DESC)
              FILTER (WHERE a.type = 'seal-voided'))[1:200],
           max(a.at) FILTER (WHERE a.type = 'seal-voided'),
           round(100.0 * count(*) FILTER (WHERE a.type = 'seal-voided')
                 / nullif(count(*) FILTER (WHERE a.type = 'sealed'), 0), 3),
           count(*) FILTER (WHERE a.type = 'sealed'), NULL, NULL, NULL, array_agg(DISTINCT a.item),
           array_agg(DISTINCT a.approving), NULL
      FROM a
     WHERE 'seal-habit' = ANY ($4::text[])
       AND a.own
       AND a.type IN ('sealed', 'seal-voided')
     GROUP BY a.seal
    HAVING bool_or(a.type = 'seal-voided')
     UNION ALL
    SELECT 'queue-jump.limited', NULL, ARRAY[q.case_no] || j.cases,
           j.positions || q.decided_position, q.decided_at, j.waiting, NULL, q.decider, q.organ,
           NULL, ARRAY[q.item], ARRAY[q.organ], NULL
      FROM jump AS j
      JOIN quick AS q
        ON q.stream = j.stream
     WHERE q.limited
     UNION ALL
    SELECT 'queue-jump.quick', NULL, ARRAY[q.case_no] || j.cases,
           j.positions || q.decided_position, q.decided_at,
           round((100 * q.took_s / q.median_s)::numeric, 3), j.waiting, q.decider, q.organ, NULL,
           ARRAY[q.item], ARRAY[q.organ], NULL
      FROM jump AS j
      JOIN quick AS q
        ON q.stream = j.stream
     WHERE q.quick
     UNION ALL
    SELECT w.measure, NULL, (array_agg(w.case_no ORDER BY w.decided_position DESC))[1:200],
           (array_agg(w.decided_position ORDER BY w.decided_position DESC))[1:200],
           max(w.decided_at), round(100.0 * count(*) / max(t.whole), 3), max(t.whole), w.decider,
           NULL, NULL, array_agg(DISTINCT w.item), array_agg(DISTINCT w.organ), NULL
      FROM whose AS w
      JOIN (SELECT measure, who, count(*) AS whole
              FROM whose
             GROUP BY measure, who) AS t
        ON t.measure = w.measure
       AND t.who = w.who
     GROUP BY w.measure, w.who, w.decider
     UNION ALL
    SELECT CASE WHEN a.action IN ('acknowledge-transfer', 'refuse-transfer', 'accept', 'decline',
                                  'claim')
                THEN 'bottleneck.waiting' ELSE 'bottleneck.handling' END,
           to_char(a.at AT TIME ZONE (SELECT zone FROM shown), 'YYYY-MM') || ' ' || a.step,
           (array_agg(a.case_no ORDER BY a.gap_s DESC, a.position))[1:5],
           (array_agg(a.position ORDER BY a.gap_s DESC, a.position))[1:5], max(a.at),
           percentile_disc(0.9) WITHIN GROUP (ORDER BY a.gap_s), count(*), NULL, a.organ, NULL,
           array_agg(DISTINCT a.item), array_agg(DISTINCT a.approving), jsonb_build_object(
               'p50', percentile_disc(0.5) WITHIN GROUP (ORDER BY a.gap_s),
               'p90', percentile_disc(0.9) WITHIN GROUP (ORDER BY a.gap_s),
               'max', max(a.gap_s))
      FROM a
     WHERE 'bottleneck' = ANY ($4::text[])
       AND a.gap_s IS NOT NULL
     GROUP BY 1, 2, a.organ
     UNION ALL
    SELECT 'batch.month-end', to_char(a.at AT TIME ZONE (SELECT zone FROM shown), 'YYYY-MM'),
           (array_agg(a.case_no ORDER BY a.position)
              FILTER (WHERE a.days_left < p.month_end_days))[1:200],
           (array_agg(a.position ORDER BY a.position)
              FILTER (WHERE a.days_left < p.month_end_days))[1:200],
           max(a.at),
           round(1.0 * count(*) FILTER (WHERE a.days_left < p.month_end_days)
                 * max(a.days_in_month) / count(*), 3),
           count(*), NULL, a.organ, NULL, array_agg(DISTINCT a.item),
           array_agg(DISTINCT a.approving), NULL
      FROM a, p
     WHERE 'batch' = ANY ($4::text[])
       AND a.own
       AND a.type = 'decided'
     GROUP BY 2, a.organ
    HAVING count(*) FILTER (WHERE a.days_left < p.month_end_days) > 0
     UNION ALL
    SELECT CASE WHEN a.working THEN 'batch.night' ELSE 'batch.day-off' END, a.step,
           ARRAY[a.case_no], ARRAY[a.position], a.at, NULL, NULL, a.person, a.organ, NULL,
           ARRAY[a.item], ARRAY[a.approving], NULL
      FROM a, p
     WHERE 'batch' = ANY ($4::text[])
       AND a.own
       AND a.staff
       AND (   NOT a.working
            OR extract(hour FROM a.at AT TIME ZONE (SELECT zone FROM shown)) >= p.night_from
            OR extract(hour FROM a.at AT TIME ZONE (SELECT zone FROM shown)) < p.night_to)
     UNION ALL
    SELECT 'outlier.gap', o.after || ' → ' || o.step, ARRAY[o.case_no], ARRAY[o.position], o.at,
           round(abs(o.gap_s - o.mean_s) / nullif(o.sigma_s, 0), 3), round(o.gap_s, 3), o.person,
           o.organ, NULL, ARRAY[o.item], ARRAY[o.approving], jsonb_build_object('mean', round(o.mean_s, 3), 'sigma', round(o.sigma_s, 3), 'of', o.n)
      FROM (SELECT a.*, avg(a.gap_s) OVER w AS mean_s, stddev_samp(a.gap_s) OVER w AS sigma_s,
                   count(*) OVER w AS n
              FROM a
             WHERE 'outlier' = ANY ($4::text[])
               AND a.gap_s IS NOT NULL
            WINDOW w AS (PARTITION BY a.item, a.item_version, a.after, a.step)) AS o
     WHERE o.sigma_s > 0
     UNION ALL
    SELECT 'rare-route.case', r.route, ARRAY[r.case_no], ARRAY[r.last_position], r.ended_at,
           round(100.0 * r.alike / r.whole, 3), NULL, NULL, r.organ, NULL, ARRAY[r.item],
           ARRAY[r.organ], jsonb_build_object('alike', r.alike, 'of', r.whole)
      FROM (SELECT k.*, count(*) OVER (PARTITION BY k.item, k.route) AS alike,
                   count(*) OVER (PARTITION BY k.item) AS whole
              FROM k
             WHERE 'rare-route' = ANY ($4::text[])
               AND k.ended_at IS NOT NULL) AS r
     UNION ALL
    SELECT 'suppressed-reviews.none-bad', NULL,
           (array_agg(a.case_no ORDER BY a.position DESC))[1:200],
           (array_agg(a.position ORDER BY a.position DESC))[1:200], max(a.at), count(*), NULL,
           NULL, a.approving, NULL, array_agg(DISTINCT a.item), ARRAY[a.approving], NULL
      FROM a
     WHERE 'suppressed-reviews' = ANY ($4::text[])
       AND a.type = 'evaluated'
     GROUP BY a.approving
    HAVING min(a.grade) > 2
     UNION ALL
    SELECT 'suppressed-reviews.uncounted', NULL,
           (array_agg(DISTINCT a.case_no) FILTER (WHERE a.verdict IN ('mistaken', 'malicious')))[1:200],
           (array_agg(a.position ORDER BY a.position DESC)
              FILTER (WHERE a.verdict IN ('mistaken', 'malicious')))[1:200],
           max(a.at) FILTER (WHERE a.verdict IN ('mistaken', 'malicious')),
           round(100.0 * count(*) FILTER (WHERE a.verdict IN ('mistaken', 'malicious'))
                 / nullif(count(*) FILTER (WHERE a.grade <= 2), 0), 3),
           count(*) FILTER (WHERE a.grade <= 2), NULL, a.approving, NULL,
           array_agg(DISTINCT a.item), ARRAY[a.approving], NULL
      FROM a
     WHERE 'suppressed-reviews' = ANY ($4::text[])
       AND (a.grade <= 2 OR a.verdict IS NOT NULL)
     GROUP BY a.approving
    HAVING count(*) FILTER (WHERE a.verdict IN ('mistaken', 'malicious')) > 0
     UNION ALL
    SELECT CASE a.type WHEN 'alert-withdrawn' THEN 'alert-habit.withdrawn'
                       ELSE 'alert-habit.answered' END,
           a.alert, ARRAY[a.case_no], ARRAY[a.position], a.at,
           CASE a.type WHEN 'alert-answered' THEN extract(epoch FROM a.at - c.raised_at) END,
           NULL, a.person, a.organ, NULL, ARRAY[a.item], ARRAY[a.approving], NULL
      FROM a
      LEFT JOIN projections.shown AS s
        ON s.ledger = $1
       AND s.projection = 'timeout_alerts'
      LEFT JOIN projections.alert AS c
        ON c.ledger = $1
       AND c.generation = s.generation
       AND c.id = a.alert
     WHERE 'alert-habit' = ANY ($4::text[])
       AND (a.type = 'alert-withdrawn' OR a.type = 'alert-answered' AND c.raised_at IS NOT NULL)
), found AS (
    SELECT split_part(r.measure, '.', 1) AS rule,
           projections.finding_id(r.measure, r.positions, r.part, r.officer, r.unit) AS id, r.*
      FROM raw AS r
      JOIN test AS t
        ON t.measure = r.measure
     WHERE projections.passes(r.measured, t.op, t.threshold, r.beside, t.beside_op,
                              t.beside_threshold, t.either)
       AND r.came_at IS NOT NULL
), gone AS (
    DELETE FROM projections.finding_kept
     WHERE ledger = $1
       AND generation = (SELECT generation FROM shown)
       AND rule = ANY ($4)
), kept AS (
    INSERT INTO projections.finding_kept (
           ledger, generation, rule, measuring, id, came_at, measure, part, cases, positions,
           measured, beside, officer, unit, same, items, organs, figures)
    SELECT $1, s.generation, f.rule, s.measuring, f.id, f.came_at, f.measure, f.part, f.cases,
           f.positions, f.measured, f.beside, f.officer, f.unit, f.same, f.items, f.organs,
           f.figures
      FROM found AS f
     CROSS JOIN shown AS s
 RETURNING rule
)
INSERT INTO projections.finding_measured AS m (
       ledger, generation, rule, measuring, position, refused, alerts, numbers, measured_at, ended_at,
       took_s)
SELECT $1, s.generation, r.rule, s.measuring, s.position, s.refused, s.alerts, $2::jsonb, $5,
       clock_timestamp(),
       extract(epoch FROM clock_timestamp() - statement_timestamp()) / cardinality($4::text[])
  FROM shown AS s
 CROSS JOIN (SELECT count(*) FROM kept) AS k
 CROSS JOIN unnest($4::text[]) AS r (rule)
    ON CONFLICT (ledger, generation, rule) DO UPDATE
   SET measuring = excluded.measuring,
       position = excluded.position,
       refused = excluded.refused,
       alerts = excluded.alerts,
       numbers = excluded.numbers,
       measured_at = excluded.measured_at,
       ended_at = excluded.ended_at,
       took_s = excluded.took_s
 WHERE excluded.position >= m.position;

-- name: standing
-- How the rules stand, and the position that is shown.
SELECT *
  FROM projections.findings_standing($1, $2::jsonb);

-- name: alone
-- The right to measure for a ledger beside those who read: one at a time in all processes.
SELECT pg_try_advisory_xact_lock(hashtextextended('findings ' || $1, 0));

-- name: remove_kept
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.finding_kept
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.finding_kept
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));

-- name: remove_measured
-- And that they were measured.
DELETE FROM projections.finding_measured
 WHERE ledger = $1
   AND generation = $2;
