-- name: plan_for_these_values
-- One rule is asked at a time, mostly: what the others would read is left out of the plan.
-- What a rule reads it reads whole: it is joined by hash, also where the tables have just been
-- filled and their statistics say that they are empty.
SELECT set_config('plan_cache_mode', 'force_custom_plan', true),
       set_config('enable_nestloop', 'off', true),
       set_config('jit', 'off', true);

-- name: shown
-- Which generation is shown, the position it shows, and the zone of its days.
SELECT s.generation, p.next_position - 1 AS position, h.zone
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  JOIN ledger.head AS h
    ON h.ledger = s.ledger
 WHERE s.ledger = $1
   AND s.projection = 'findings';

-- name: listed
-- What the rules find by now, the newest first; or ($16) of each rule the newest and how many.
-- What one case shows is stored as it was measured; what cases show together is measured
-- here, each rule by a part of its own that is left out where another rule is asked for.
WITH p AS (
    SELECT *
      FROM jsonb_to_record($5::jsonb) AS p (
           applicant_months integer, burst_entries integer, burst_minutes integer,
           intervention_days integer, office_from integer, office_to integer,
           seals_a_minute integer, jump_percent integer, month_end_days integer,
           night_from integer, night_to integer, ratings_at_once integer,
           ratings_minutes integer)
), test AS (
    SELECT *
      FROM jsonb_to_recordset($6::jsonb) AS t (
           measure text, op text, threshold numeric, beside_op text, beside_threshold numeric,
           either boolean)
), k AS NOT MATERIALIZED (
    SELECT *
      FROM projections.finding_case
     WHERE ledger = $1
       AND generation = $2
), a AS NOT MATERIALIZED (
    SELECT a.*, k.case_no, k.item, k.item_version, k.organ AS approving, k.applicant
      FROM projections.finding_act AS a
      JOIN projections.finding_case AS k
        ON k.ledger = a.ledger
       AND k.generation = a.generation
       AND k.stream = a.stream
     WHERE a.ledger = $1
       AND a.generation = $2
), in_turn AS (
    -- What can come in bursts: of whom, when, and how many in how long are one.
    SELECT 'backfill-burst.entries' AS measure, a.client AS part, a.at, a.position, a.case_no,
           a.item, a.approving, p.burst_entries AS least,
           make_interval(mins => p.burst_minutes) AS span
      FROM a, p
     WHERE coalesce($7::text, 'backfill-burst') = 'backfill-burst'
       AND a.late
       AND a.client IS NOT NULL
     UNION ALL
    SELECT 'seal-habit.rate', a.seal, a.at, a.position, a.case_no, a.item, a.approving,
           p.seals_a_minute + 1, interval '1 minute'
      FROM a, p
     WHERE coalesce($7::text, 'seal-habit') = 'seal-habit'
       AND a.own
       AND a.type = 'sealed'
     UNION ALL
    SELECT 'suppressed-reviews.terminal', a.terminal, a.at, a.position, a.case_no, a.item,
           a.approving, p.ratings_at_once, make_interval(mins => p.ratings_minutes)
      FROM a, p
     WHERE coalesce($7::text, 'suppressed-reviews') = 'suppressed-reviews'
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
     WHERE coalesce($7::text, 'two-responsibilities') = 'two-responsibilities'
       AND a.branch IS NOT NULL
       AND a.applicant IS NOT NULL
       AND a.person IN (SELECT b.person
                          FROM projections.finding_act AS b
                         WHERE b.ledger = $1
                           AND b.generation = $2
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
     WHERE coalesce($7::text, 'concentration') = 'concentration'
       AND applicant IS NOT NULL
       AND decider IS NOT NULL
     UNION ALL
    SELECT 'concentration.agent', agent, k.*
      FROM k
     WHERE coalesce($7::text, 'concentration') = 'concentration'
       AND agent IS NOT NULL
       AND decider IS NOT NULL
), run AS (
    -- How long each decided case took, beside the median of its item.
    SELECT k.*, extract(epoch FROM k.decided_at - k.accepted_at) AS took_s, m.median_s
      FROM k
      JOIN (SELECT item, percentile_cont(0.5) WITHIN GROUP (
                         ORDER BY extract(epoch FROM decided_at - accepted_at)) AS median_s
              FROM k
             WHERE decided_at >= accepted_at
             GROUP BY item) AS m
        ON m.item = k.item
     WHERE coalesce($7::text, 'queue-jump') = 'queue-jump'
       AND k.decided_at >= k.accepted_at
), raw AS (
    SELECT f.measure, f.part, ARRAY[k.case_no] AS cases, f.positions, f.came_at, f.measured,
           f.beside, f.officer, f.unit, f.same, ARRAY[k.item] AS items,
           ARRAY[k.organ] AS organs, f.since, f.step, f.reached, NULL::jsonb AS figures
      FROM projections.finding AS f
      JOIN k
        ON k.stream = f.stream
     WHERE f.ledger = $1
       AND f.generation = $2
       AND ($7::text IS NULL OR split_part(f.measure, '.', 1) = $7)
     UNION ALL
    SELECT measure, part, cases, positions, came_at, measured, NULL, NULL, NULL, NULL, items,
           organs, NULL, NULL, NULL, NULL
      FROM burst
     UNION ALL
    SELECT 'two-responsibilities.applicant', string_agg(DISTINCT branch, ', '),
           array_agg(DISTINCT case_no), array_agg(position ORDER BY position), max(at),
           count(DISTINCT branch), NULL, person, NULL, NULL, array_agg(DISTINCT item),
           array_agg(DISTINCT approving), NULL, NULL, NULL, NULL
      FROM joined
     GROUP BY person, applicant
     UNION ALL
    SELECT 'withdraw-refile.receipt', w.action, ARRAY[w.case_no, r.case_no],
           ARRAY[w.position, r.received_position], r.received_at,
           (r.received_at AT TIME ZONE $3)::date - (w.at AT TIME ZONE $3)::date, NULL,
           w.person, w.organ, NULL, ARRAY[w.item], ARRAY[w.approving], NULL, NULL, NULL, NULL
      FROM a AS w
     CROSS JOIN LATERAL (SELECT k.*
                           FROM k
                          WHERE k.applicant = w.applicant
                            AND k.item = w.item
                            AND k.stream <> w.stream
                            AND k.received_at >= w.at
                          ORDER BY k.received_at, k.received_position
                          LIMIT 1) AS r
     WHERE coalesce($7::text, 'withdraw-refile') = 'withdraw-refile'
       AND w.type IN ('withdrawn', 'terminated')
     UNION ALL
    SELECT 'intervention.done-by-another', a.action, ARRAY[a.case_no], ARRAY[a.position], a.at,
           round(extract(epoch FROM a.at - r.recorded_at) / 86400, 6), NULL, a.person, a.organ,
           false, ARRAY[a.item], ARRAY[a.approving], NULL, NULL, NULL,
           jsonb_build_object('refused_position', r.position, 'refused_person', r.person,
                              'refused_rule', r.rule)
      FROM a
     CROSS JOIN LATERAL (SELECT r.*
                           FROM projections.finding_refusal AS r
                          WHERE r.ledger = $1
                            AND r.generation = $2
                            AND r.stream = a.stream
                            AND r.action = a.action
                            AND r.person <> a.person
                            AND r.recorded_at <= a.at
                          ORDER BY r.recorded_at DESC, r.position DESC
                          LIMIT 1) AS r
     WHERE coalesce($7::text, 'intervention') = 'intervention'
       AND a.staff
     UNION ALL
    SELECT 'seal-habit.outside-hours', a.seal, ARRAY[a.case_no], ARRAY[a.position], a.at, NULL,
           NULL, a.person, a.organ, NULL, ARRAY[a.item], ARRAY[a.approving], NULL, NULL, NULL,
           NULL
      FROM a, p
     WHERE coalesce($7::text, 'seal-habit') = 'seal-habit'
       AND a.own
       AND a.type = 'sealed'
       AND (   NOT a.working
            OR extract(hour FROM a.at AT TIME ZONE $3) NOT BETWEEN p.office_from
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
           array_agg(DISTINCT a.approving), NULL, NULL, NULL, NULL
      FROM a
     WHERE coalesce($7::text, 'seal-habit') = 'seal-habit'
       AND a.own
       AND a.type IN ('sealed', 'seal-voided')
     GROUP BY a.seal
    HAVING bool_or(a.type = 'seal-voided')
     UNION ALL
    SELECT 'queue-jump.limited', NULL, ARRAY[k.case_no] || e.cases,
           e.positions || k.decided_position, k.decided_at, e.waiting, NULL, k.decider, k.organ,
           NULL, ARRAY[k.item], ARRAY[k.organ], NULL, NULL, NULL, NULL
      FROM k
     CROSS JOIN LATERAL (SELECT count(*) AS waiting,
                                (array_agg(e.case_no ORDER BY e.accepted_position))[1:200] AS cases,
                                (array_agg(e.accepted_position
                                           ORDER BY e.accepted_position))[1:200] AS positions
                           FROM k AS e
                          WHERE e.item = k.item
                            AND e.accepted_at < k.accepted_at
                            AND (e.decided_at IS NULL OR e.decided_at > k.decided_at)
                            AND (e.ended_at IS NULL OR e.ended_at > k.decided_at)) AS e
     WHERE coalesce($7::text, 'queue-jump') = 'queue-jump'
       AND k.limited
       AND k.decided_at IS NOT NULL
       AND e.waiting > 0
     UNION ALL
    SELECT 'queue-jump.quick', NULL, ARRAY[r.case_no] || e.cases,
           e.positions || r.decided_position, r.decided_at,
           round((100 * r.took_s / r.median_s)::numeric, 3), e.waiting, r.decider, r.organ, NULL,
           ARRAY[r.item], ARRAY[r.organ], NULL, NULL, NULL, NULL
      FROM run AS r
      JOIN p
        ON 100 * r.took_s < p.jump_percent * r.median_s
     CROSS JOIN LATERAL (SELECT count(*) AS waiting,
                                (array_agg(e.case_no ORDER BY e.accepted_position))[1:200] AS cases,
                                (array_agg(e.accepted_position
                                           ORDER BY e.accepted_position))[1:200] AS positions
                           FROM k AS e
                          WHERE e.item = r.item
                            AND e.accepted_at < r.accepted_at
                            AND (e.decided_at IS NULL OR e.decided_at > r.decided_at)
                            AND (e.ended_at IS NULL OR e.ended_at > r.decided_at)) AS e
     UNION ALL
    SELECT w.measure, NULL, (array_agg(w.case_no ORDER BY w.decided_position DESC))[1:200],
           (array_agg(w.decided_position ORDER BY w.decided_position DESC))[1:200],
           max(w.decided_at), round(100.0 * count(*) / max(t.whole), 3), max(t.whole), w.decider,
           NULL, NULL, array_agg(DISTINCT w.item), array_agg(DISTINCT w.organ), NULL, NULL, NULL,
           NULL
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
           to_char(a.at AT TIME ZONE $3, 'YYYY-MM') || ' ' || a.step,
           (array_agg(a.case_no ORDER BY a.gap_s DESC, a.position))[1:5],
           (array_agg(a.position ORDER BY a.gap_s DESC, a.position))[1:5], max(a.at),
           percentile_disc(0.9) WITHIN GROUP (ORDER BY a.gap_s), count(*), NULL, a.organ, NULL,
           array_agg(DISTINCT a.item), array_agg(DISTINCT a.approving), NULL, NULL, NULL,
           jsonb_build_object(
               'p50', percentile_disc(0.5) WITHIN GROUP (ORDER BY a.gap_s),
               'p90', percentile_disc(0.9) WITHIN GROUP (ORDER BY a.gap_s),
               'max', max(a.gap_s))
      FROM a
     WHERE coalesce($7::text, 'bottleneck') = 'bottleneck'
       AND a.gap_s IS NOT NULL
     GROUP BY 1, 2, a.organ
     UNION ALL
    SELECT 'batch.month-end', to_char(a.at AT TIME ZONE $3, 'YYYY-MM'),
           (array_agg(a.case_no ORDER BY a.position)
              FILTER (WHERE a.days_left < p.month_end_days))[1:200],
           (array_agg(a.position ORDER BY a.position)
              FILTER (WHERE a.days_left < p.month_end_days))[1:200],
           max(a.at),
           round(1.0 * count(*) FILTER (WHERE a.days_left < p.month_end_days)
                 * max(a.days_in_month) / count(*), 3),
           count(*), NULL, a.organ, NULL, array_agg(DISTINCT a.item),
           array_agg(DISTINCT a.approving), NULL, NULL, NULL, NULL
      FROM a, p
     WHERE coalesce($7::text, 'batch') = 'batch'
       AND a.own
       AND a.type = 'decided'
     GROUP BY 2, a.organ
    HAVING count(*) FILTER (WHERE a.days_left < p.month_end_days) > 0
     UNION ALL
    SELECT CASE WHEN a.working THEN 'batch.night' ELSE 'batch.day-off' END, a.step,
           ARRAY[a.case_no], ARRAY[a.position], a.at, NULL, NULL, a.person, a.organ, NULL,
           ARRAY[a.item], ARRAY[a.approving], NULL, NULL, NULL, NULL
      FROM a, p
     WHERE coalesce($7::text, 'batch') = 'batch'
       AND a.own
       AND a.staff
       AND (   NOT a.working
            OR extract(hour FROM a.at AT TIME ZONE $3) >= p.night_from
            OR extract(hour FROM a.at AT TIME ZONE $3) < p.night_to)
     UNION ALL
    SELECT 'outlier.gap', o.after || ' → ' || o.step, ARRAY[o.case_no], ARRAY[o.position], o.at,
           round(abs(o.gap_s - o.mean_s) / nullif(o.sigma_s, 0), 3), round(o.gap_s, 3), o.person,
           o.organ, NULL, ARRAY[o.item], ARRAY[o.approving], NULL, NULL, NULL,
           jsonb_build_object('mean', round(o.mean_s, 3), 'sigma', round(o.sigma_s, 3), 'of', o.n)
      FROM (SELECT a.*, avg(a.gap_s) OVER w AS mean_s, stddev_samp(a.gap_s) OVER w AS sigma_s,
                   count(*) OVER w AS n
              FROM a
             WHERE coalesce($7::text, 'outlier') = 'outlier'
               AND a.gap_s IS NOT NULL
            WINDOW w AS (PARTITION BY a.item, a.item_version, a.after, a.step)) AS o
     WHERE o.sigma_s > 0
     UNION ALL
    SELECT 'rare-route.case', r.route, ARRAY[r.case_no], ARRAY[r.last_position], r.ended_at,
           round(100.0 * r.alike / r.whole, 3), NULL, NULL, r.organ, NULL, ARRAY[r.item],
           ARRAY[r.organ], NULL, NULL, NULL, jsonb_build_object('alike', r.alike, 'of', r.whole)
      FROM (SELECT k.*, count(*) OVER (PARTITION BY k.item, k.route) AS alike,
                   count(*) OVER (PARTITION BY k.item) AS whole
              FROM k
             WHERE coalesce($7::text, 'rare-route') = 'rare-route'
               AND k.ended_at IS NOT NULL) AS r
     UNION ALL
    SELECT 'suppressed-reviews.none-bad', NULL,
           (array_agg(a.case_no ORDER BY a.position DESC))[1:200],
           (array_agg(a.position ORDER BY a.position DESC))[1:200], max(a.at), count(*), NULL,
           NULL, a.approving, NULL, array_agg(DISTINCT a.item), ARRAY[a.approving], NULL, NULL,
           NULL, NULL
      FROM a
     WHERE coalesce($7::text, 'suppressed-reviews') = 'suppressed-reviews'
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
           array_agg(DISTINCT a.item), ARRAY[a.approving], NULL, NULL, NULL, NULL
      FROM a
     WHERE coalesce($7::text, 'suppressed-reviews') = 'suppressed-reviews'
       AND (a.grade <= 2 OR a.verdict IS NOT NULL)
     GROUP BY a.approving
    HAVING count(*) FILTER (WHERE a.verdict IN ('mistaken', 'malicious')) > 0
     UNION ALL
    SELECT CASE a.type WHEN 'alert-withdrawn' THEN 'alert-habit.withdrawn'
                       ELSE 'alert-habit.answered' END,
           a.alert, ARRAY[a.case_no], ARRAY[a.position], a.at,
           CASE a.type WHEN 'alert-answered' THEN extract(epoch FROM a.at - c.raised_at) END,
           NULL, a.person, a.organ, NULL, ARRAY[a.item], ARRAY[a.approving], NULL, NULL, NULL,
           NULL
      FROM a
      LEFT JOIN projections.shown AS s
        ON s.ledger = $1
       AND s.projection = 'timeout_alerts'
      LEFT JOIN projections.alert AS c
        ON c.ledger = $1
       AND c.generation = s.generation
       AND c.id = a.alert
     WHERE coalesce($7::text, 'alert-habit') = 'alert-habit'
       AND (a.type = 'alert-withdrawn' OR a.type = 'alert-answered' AND c.raised_at IS NOT NULL)
), timed AS (
    -- What time alone completes came to be when it reached what the policy asks for.
    SELECT r.measure, r.part, r.cases, r.positions, r.beside, r.officer, r.unit, r.same, r.items,
           r.organs, r.figures, t.op, t.threshold, t.beside_op, t.beside_threshold, t.either,
           CASE WHEN r.reached IS NOT NULL
                THEN r.reached[(t.threshold + (t.op = '>')::integer)::integer]
                WHEN r.since IS NOT NULL
                THEN ((r.since AT TIME ZONE $3)::date + interval '1 day'
                      + t.threshold::integer * CASE r.step WHEN 'month' THEN interval '1 month'
                                                           ELSE interval '1 day' END)
                     AT TIME ZONE $3
                ELSE r.came_at END AS came_at,
           CASE WHEN r.measured IS NOT NULL THEN r.measured
                WHEN r.reached IS NOT NULL
                THEN (SELECT count(*) FROM unnest(r.reached) AS day WHERE day <= $4)
                WHEN r.step = 'day'
                THEN ($4 AT TIME ZONE $3)::date - (r.since AT TIME ZONE $3)::date
                WHEN r.step = 'month'
                THEN (SELECT 12 * extract(year FROM of) + extract(month FROM of)
                             + (extract(day FROM of) > 0)::integer
                        FROM age(($4 AT TIME ZONE $3)::date, (r.since AT TIME ZONE $3)::date) AS of)
           END AS measured
      FROM raw AS r
      JOIN test AS t
        ON t.measure = r.measure
), tested AS (
    SELECT *,
           CASE op WHEN '<' THEN measured < threshold
                   WHEN '<=' THEN measured <= threshold
                   WHEN '>' THEN measured > threshold
                   WHEN '>=' THEN measured >= threshold
                   ELSE true END AS first,
           CASE beside_op WHEN '<' THEN beside < beside_threshold
                          WHEN '>=' THEN beside >= beside_threshold
                          ELSE true END AS second
      FROM timed
), found AS (
    SELECT split_part(measure, '.', 1) AS rule,
           left(encode(sha256(convert_to(concat_ws('|', measure, positions::text, part, officer,
                                                   unit), 'UTF8')), 'hex'), 32) AS id,
           *
      FROM tested
     WHERE came_at <= $4
       AND CASE WHEN either THEN first OR coalesce(second, false) ELSE first AND second END
       AND ($8::text IS NULL OR $8 = ANY (cases))
       AND ($9::text IS NULL OR officer = $9)
       AND ($10::text IS NULL OR $10 = ANY (organs))
       AND ($11::text IS NULL OR $11 = ANY (items))
       AND ($20::text IS NULL OR part = $20)
       AND ($12::timestamptz IS NULL OR came_at >= $12)
       AND ($13::date IS NULL OR came_at >= $13::timestamp AT TIME ZONE $3)
       AND ($14::timestamptz IS NULL OR came_at <= $14)
       AND ($15::date IS NULL OR came_at < ($15 + 1)::timestamp AT TIME ZONE $3)
), ordered AS (
    SELECT *, count(*) OVER () AS total, count(*) OVER (PARTITION BY rule) AS of_rule,
           row_number() OVER (PARTITION BY rule ORDER BY came_at DESC, id DESC) AS nth
      FROM found
)
SELECT rule, id, measure, part, cases, positions, came_at, measured, beside, officer, unit, same,
       items, organs, figures, total, of_rule
  FROM ordered
 WHERE (nth = 1 OR NOT $16::boolean)
   AND ($17::timestamptz IS NULL OR (came_at, id) < ($17, $18::text))
 ORDER BY came_at DESC, id DESC
 LIMIT $19;

-- name: figures
-- How what a rule measures is spread, all cases it looked at included, those that are no
-- finding too: by what it is of, officer, unit or month.
SELECT m.measure, m.part, m.same, count(*) AS measured,
       count(*) FILTER (WHERE m.value = 0) AS nothing, sum(m.value) AS sum,
       min(m.value) AS least, percentile_disc(0.5) WITHIN GROUP (ORDER BY m.value) AS p50,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY m.value) AS p90, max(m.value) AS most,
       count(DISTINCT m.stream) AS cases
  FROM (SELECT f.measure, f.stream, f.same, f.measured AS value,
               CASE $5::text WHEN 'officer' THEN f.officer
                       WHEN 'unit' THEN f.unit
                       WHEN 'month' THEN to_char(f.came_at AT TIME ZONE $3, 'YYYY-MM')
                       ELSE f.part END AS part
          FROM projections.finding AS f
          JOIN projections.finding_case AS k
            ON k.ledger = f.ledger
           AND k.generation = f.generation
           AND k.stream = f.stream
         WHERE f.ledger = $1
           AND f.generation = $2
           AND ($4::text IS NULL OR split_part(f.measure, '.', 1) = $4)
           AND f.came_at <= $13
           AND ($6::text IS NULL OR k.item = $6)
           AND ($7::text IS NULL OR k.organ = $7)
           AND ($8::text IS NULL OR f.officer = $8)
           AND ($9::timestamptz IS NULL OR f.came_at >= $9)
           AND ($10::date IS NULL OR f.came_at >= $10::timestamp AT TIME ZONE $3)
           AND ($11::timestamptz IS NULL OR f.came_at <= $11)
           AND ($12::date IS NULL OR f.came_at < ($12 + 1)::timestamp AT TIME ZONE $3)) AS m
 GROUP BY m.measure, m.part, m.same
 ORDER BY m.measure, m.part, m.same
 LIMIT 500;
