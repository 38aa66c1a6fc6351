-- name: listed
-- What the rules find by now, the newest first.  What one case shows is stored as it was measured,
-- and is compared with the numbers here, of each measure so many rows as the page has: those that
-- have come last, and all that came at once with the last of them.  What time alone completes is
-- reckoned first.  What cases show together is read as it was measured, by the same numbers.  With
-- the position that is shown and the zone of its days; one row without a finding where there is
-- none.
WITH shown AS MATERIALIZED (
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
       AND s.projection = 'findings'
), test AS MATERIALIZED (
    SELECT *
      FROM jsonb_to_recordset($4::jsonb) AS t (
           measure text, op text, threshold numeric, beside_op text, beside_threshold numeric,
           either boolean)
), asked AS MATERIALIZED (
    SELECT k.stream
      FROM projections.finding_case AS k
     WHERE k.ledger = $1
       AND k.generation = (SELECT generation FROM shown)
       AND k.case_no = $6::text
), own AS (
    SELECT f.*
      FROM test AS t
     CROSS JOIN LATERAL (
           SELECT f.measure, f.part, k.case_no, k.item, k.organ, f.positions, f.came_at, f.measured,
                  f.beside, f.officer, f.unit, f.same
             FROM projections.finding AS f
             JOIN projections.finding_case AS k
               ON k.ledger = f.ledger
              AND k.generation = f.generation
              AND k.stream = f.stream
            WHERE f.ledger = $1
              AND f.generation = (SELECT generation FROM shown)
              AND f.measure = t.measure
              AND f.since IS NULL
              AND f.reached IS NULL
              AND f.came_at <= least($2, $13::timestamptz)
              AND projections.passes(f.measured, t.op, t.threshold, f.beside, t.beside_op,
                                     t.beside_threshold, t.either)
              AND ($6::text IS NULL OR f.stream = (SELECT stream FROM asked))
              AND ($7::text IS NULL OR f.officer = $7)
              AND ($8::text IS NULL OR k.organ = $8)
              AND ($9::text IS NULL OR k.item = $9)
              AND ($12::text IS NULL OR f.part = $12)
              AND ($10::timestamptz IS NULL OR f.came_at >= $10)
              AND ($11::timestamptz IS NULL OR f.came_at <= $11)
              AND ($13::timestamptz IS NULL OR f.came_at < $13::timestamptz
                   OR projections.finding_id(f.measure, f.positions, f.part, f.officer, f.unit) < $14)
            ORDER BY f.came_at DESC
            FETCH FIRST $15 ROWS WITH TIES) AS f
     -- Where nothing passes, all of it would be read to find that out.
     WHERE coalesce(t.op NOT IN ('>', '>='), true)
        OR t.either
        OR EXISTS (SELECT
                     FROM projections.finding AS f
                    WHERE f.ledger = $1
                      AND f.generation = (SELECT generation FROM shown)
                      AND f.measure = t.measure
                      AND f.measured >= t.threshold)
), since AS (
    -- Of what grows by days or months from when on a page has to look: what began on the same
    -- day, or up to three before it at the end of a month, came at once.
    SELECT t.measure, u.step, l.until,
           coalesce((SELECT f.since - interval '5 days'
                       FROM projections.finding AS f
                       JOIN projections.finding_case AS k
                         ON k.ledger = f.ledger
                        AND k.generation = f.generation
                        AND k.stream = f.stream
                      CROSS JOIN LATERAL (
                            SELECT coalesce(f.measured,
                                            projections.grown(f.since, f.step, $2, s.zone)) AS by_now
                            OFFSET 0) AS y
                      WHERE f.ledger = $1
                        AND f.generation = s.generation
                        AND f.measure = t.measure
                        AND f.step = u.step
                        AND f.since <= l.until
                        AND projections.grown_at(f.since, f.step, t.threshold, s.zone) <= least($2, $13::timestamptz)
                        AND projections.passes(y.by_now, t.op, t.threshold, f.beside, t.beside_op,
                                               t.beside_threshold, t.either)
                        AND ($13::timestamptz IS NULL OR projections.grown_at(f.since, f.step, t.threshold, s.zone) < $13::timestamptz
                             OR projections.finding_id(f.measure, f.positions, f.part, f.officer, f.unit) < $14)
                        AND ($6::text IS NULL OR f.stream = (SELECT stream FROM asked))
                        AND ($7::text IS NULL OR f.officer = $7)
                        AND ($8::text IS NULL OR k.organ = $8)
                        AND ($9::text IS NULL OR k.item = $9)
                        AND ($12::text IS NULL OR f.part = $12)
                        AND ($10::timestamptz IS NULL OR projections.grown_at(f.since, f.step, t.threshold, s.zone) >= $10)
                        AND ($11::timestamptz IS NULL OR projections.grown_at(f.since, f.step, t.threshold, s.zone) <= $11)
                      ORDER BY f.since DESC
                     OFFSET $15 - 1
                      LIMIT 1), '-infinity') AS from
      FROM shown AS s
     CROSS JOIN test AS t
     CROSS JOIN (VALUES ('day', interval '1 day'), ('month', interval '1 month')) AS u (step, long)
     CROSS JOIN LATERAL (SELECT least($2, $13::timestamptz) - coalesce(t.threshold, 0)::integer * u.long
                                + interval '5 days' AS until) AS l
), timed AS (
    -- What time alone completes came to be when it reached what the policy asks for.
    SELECT f.measure, f.part, k.case_no, k.item, k.organ, f.positions, f.beside, f.officer, f.unit,
           f.same, r.came_at, r.by_then AS measured,
           t.op, t.threshold, t.beside_op, t.beside_threshold, t.either
      FROM shown AS s
     CROSS JOIN test AS t
     CROSS JOIN LATERAL (
           SELECT f.*
             FROM projections.finding AS f
            WHERE f.ledger = $1
              AND f.generation = s.generation
              AND f.measure = t.measure
              AND f.reached IS NOT NULL
            UNION ALL
           SELECT f.*
             FROM since AS b
             JOIN projections.finding AS f
               ON f.ledger = $1
              AND f.generation = s.generation
              AND f.measure = b.measure
              AND f.step = b.step
              AND f.since BETWEEN b.from AND b.until
              AND f.reached IS NULL
            WHERE b.measure = t.measure) AS f
      JOIN projections.finding_case AS k
        ON k.ledger = f.ledger
       AND k.generation = f.generation
       AND k.stream = f.stream
     CROSS JOIN LATERAL projections.timed(f.reached, f.since, f.step, f.measured, t.op, t.threshold,
                                          $2, s.zone) AS r
     WHERE ($6::text IS NULL OR f.stream = (SELECT stream FROM asked))
), found AS (
    SELECT projections.finding_id(f.measure, f.positions, f.part, f.officer, f.unit) AS id,
           f.measure, f.part, ARRAY[f.case_no] AS cases, f.positions, f.came_at, f.measured,
           f.beside, f.officer, f.unit, f.same, ARRAY[f.item] AS items, ARRAY[f.organ] AS organs,
           NULL::jsonb AS figures
      FROM own AS f
     UNION ALL
    SELECT projections.finding_id(f.measure, f.positions, f.part, f.officer, f.unit),
           f.measure, f.part, ARRAY[f.case_no], f.positions, f.came_at, f.measured, f.beside,
           f.officer, f.unit, f.same, ARRAY[f.item], ARRAY[f.organ], NULL
      FROM timed AS f
     WHERE f.came_at <= $2
       AND projections.passes(f.measured, f.op, f.threshold, f.beside, f.beside_op,
                              f.beside_threshold, f.either)
       AND ($6::text IS NULL OR f.case_no = $6)
       AND ($7::text IS NULL OR f.officer = $7)
       AND ($8::text IS NULL OR f.organ = $8)
       AND ($9::text IS NULL OR f.item = $9)
       AND ($12::text IS NULL OR f.part = $12)
       AND ($10::timestamptz IS NULL OR f.came_at >= $10)
       AND ($11::timestamptz IS NULL OR f.came_at <= $11)
     UNION ALL
    SELECT f.id, f.measure, f.part, f.cases, f.positions, f.came_at, f.measured, f.beside,
           f.officer, f.unit, f.same, f.items, f.organs, f.figures
      FROM projections.finding_measured AS m
     CROSS JOIN LATERAL (
           SELECT f.*
             FROM projections.finding_kept AS f
            WHERE f.ledger = $1
              AND f.generation = m.generation
              AND f.rule = m.rule
              AND f.measuring = m.measuring
              AND f.came_at <= $2
              AND ($6::text IS NULL OR $6 = ANY (f.cases))
              AND ($7::text IS NULL OR f.officer = $7)
              AND ($8::text IS NULL OR $8 = ANY (f.organs))
              AND ($9::text IS NULL OR $9 = ANY (f.items))
              AND ($12::text IS NULL OR f.part = $12)
              AND ($10::timestamptz IS NULL OR f.came_at >= $10)
              AND ($11::timestamptz IS NULL OR f.came_at <= $11)
              AND ($13::timestamptz IS NULL OR (f.came_at, f.id) < ($13, $14::text))
            ORDER BY f.came_at DESC, f.id DESC
            LIMIT $15) AS f
     WHERE m.ledger = $1
       AND m.generation = (SELECT generation FROM shown)
       AND m.numbers = $3::jsonb
       AND ($5::text IS NULL OR m.rule = $5)
       AND m.rule IN (SELECT split_part(t.measure, '.', 1) FROM test AS t)
), standing AS (
    SELECT *
      FROM projections.findings_standing($1, $3::jsonb)
)
SELECT s.position AS shown_position, s.zone, NULL::bigint AS total, o.*,
       CASE WHEN row_number() OVER (ORDER BY o.came_at DESC, o.id DESC) = 1
            THEN ARRAY (SELECT DISTINCT split_part(f.measure, '.', 1) FROM found AS f) END AS rules,
       CASE WHEN row_number() OVER (ORDER BY o.came_at DESC, o.id DESC) = 1
            THEN (SELECT jsonb_agg(to_jsonb(r)) FROM standing AS r) END AS standing
  FROM shown AS s
  LEFT JOIN (
       SELECT split_part(measure, '.', 1) AS rule, *
         FROM found
        WHERE ($13::timestamptz IS NULL OR (came_at, id) < ($13, $14::text))
        ORDER BY came_at DESC, id DESC
        LIMIT $15) AS o ON true
 ORDER BY o.came_at DESC, o.id DESC;

-- name: counted
-- How much each rule finds by now, and when the newest of it came.  Every finding has its case: by
-- a left join it is read only where a filter asks for something of it.
WITH shown AS MATERIALIZED (
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
       AND s.projection = 'findings'
), test AS MATERIALIZED (
    SELECT *
      FROM jsonb_to_recordset($4::jsonb) AS t (
           measure text, op text, threshold numeric, beside_op text, beside_threshold numeric,
           either boolean)
), asked AS MATERIALIZED (
    SELECT k.stream
      FROM projections.finding_case AS k
     WHERE k.ledger = $1
       AND k.generation = (SELECT generation FROM shown)
       AND k.case_no = $6::text
), timed AS (
    -- What time alone completes came to be when it reached what the policy asks for.
    SELECT f.measure, f.part, k.case_no, k.item, k.organ, f.positions, f.beside, f.officer, f.unit,
           f.same, r.came_at, r.by_then AS measured,
           t.op, t.threshold, t.beside_op, t.beside_threshold, t.either
      FROM shown AS s
     CROSS JOIN test AS t
      JOIN projections.finding AS f
        ON f.ledger = $1
       AND f.generation = s.generation
       AND (f.since IS NOT NULL OR f.reached IS NOT NULL)
       AND f.measure = t.measure
      LEFT JOIN projections.finding_case AS k
        ON k.ledger = f.ledger
       AND k.generation = f.generation
       AND k.stream = f.stream
     CROSS JOIN LATERAL projections.timed(f.reached, f.since, f.step, f.measured, t.op, t.threshold,
                                          $2, s.zone) AS r
     WHERE ($6::text IS NULL OR f.stream = (SELECT stream FROM asked))
), found AS (
    SELECT f.measure, f.came_at
      FROM projections.finding AS f
      JOIN test AS t
        ON t.measure = f.measure
      LEFT JOIN projections.finding_case AS k
        ON k.ledger = f.ledger
       AND k.generation = f.generation
       AND k.stream = f.stream
     WHERE f.ledger = $1
       AND f.generation = (SELECT generation FROM shown)
       AND f.since IS NULL
       AND f.reached IS NULL
       AND f.came_at <= $2
       AND projections.passes(f.measured, t.op, t.threshold, f.beside, t.beside_op,
                              t.beside_threshold, t.either)
       AND ($6::text IS NULL OR f.stream = (SELECT stream FROM asked))
       AND ($7::text IS NULL OR f.officer = $7)
       AND ($8::text IS NULL OR k.organ = $8)
       AND ($9::text IS NULL OR k.item = $9)
       AND ($12::text IS NULL OR f.part = $12)
       AND ($10::timestamptz IS NULL OR f.came_at >= $10)
       AND ($11::timestamptz IS NULL OR f.came_at <= $11)
     UNION ALL
    -- The fence has how much each is by now worked out once, before it is compared.
    SELECT f.measure, f.came_at
      FROM (SELECT f.*
              FROM timed AS f
             WHERE f.came_at <= $2
               AND ($6::text IS NULL OR f.case_no = $6)
               AND ($7::text IS NULL OR f.officer = $7)
               AND ($8::text IS NULL OR f.organ = $8)
               AND ($9::text IS NULL OR f.item = $9)
               AND ($12::text IS NULL OR f.part = $12)
               AND ($10::timestamptz IS NULL OR f.came_at >= $10)
               AND ($11::timestamptz IS NULL OR f.came_at <= $11)
            OFFSET 0) AS f
     WHERE projections.passes(f.measured, f.op, f.threshold, f.beside, f.beside_op,
                              f.beside_threshold, f.either)
     UNION ALL
    SELECT f.measure, f.came_at
      FROM projections.finding_measured AS m
      JOIN projections.finding_kept AS f
        ON f.ledger = m.ledger
       AND f.generation = m.generation
       AND f.rule = m.rule
       AND f.measuring = m.measuring
     WHERE m.ledger = $1
       AND m.generation = (SELECT generation FROM shown)
       AND m.numbers = $3::jsonb
       AND ($5::text IS NULL OR m.rule = $5)
       AND m.rule IN (SELECT split_part(t.measure, '.', 1) FROM test AS t)
       AND f.came_at <= $2
       AND ($6::text IS NULL OR $6 = ANY (f.cases))
       AND ($7::text IS NULL OR f.officer = $7)
       AND ($8::text IS NULL OR $8 = ANY (f.organs))
       AND ($9::text IS NULL OR $9 = ANY (f.items))
       AND ($12::text IS NULL OR f.part = $12)
       AND ($10::timestamptz IS NULL OR f.came_at >= $10)
       AND ($11::timestamptz IS NULL OR f.came_at <= $11)
)
SELECT split_part(measure, '.', 1) AS rule, count(*) AS many, max(came_at) AS newest_at,
       (SELECT zone FROM shown) AS zone
  FROM found
 GROUP BY 1;

-- name: total
-- How much that is of all rules, for a page that is asked for it: the statement above as a column.
(SELECT sum(c.many)::bigint FROM (COUNTED) AS c) AS total

-- name: figures
-- How what a rule measures is spread, all cases it looked at included, those that are no
-- finding too: by what it is of, officer, unit or month.
WITH shown AS MATERIALIZED (
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
       AND s.projection = 'findings'
)
SELECT m.measure, m.part, m.same, count(*) AS measured,
       count(*) FILTER (WHERE m.value = 0) AS nothing, sum(m.value) AS sum,
       min(m.value) AS least, percentile_disc(0.5) WITHIN GROUP (ORDER BY m.value) AS p50,
       percentile_disc(0.9) WITHIN GROUP (ORDER BY m.value) AS p90, max(m.value) AS most,
       count(DISTINCT m.stream) AS cases
  FROM (SELECT f.measure, f.stream, f.same, f.measured AS value,
               CASE $3::text WHEN 'officer' THEN f.officer
                       WHEN 'unit' THEN f.unit
                       WHEN 'month' THEN to_char(f.came_at AT TIME ZONE (SELECT zone FROM shown), 'YYYY-MM')
                       ELSE f.part END AS part
          FROM projections.finding AS f
          JOIN projections.finding_case AS k
            ON k.ledger = f.ledger
           AND k.generation = f.generation
           AND k.stream = f.stream
         WHERE f.ledger = $1
           AND f.generation = (SELECT generation FROM shown)
           AND ($2::text IS NULL OR split_part(f.measure, '.', 1) = $2)
           AND f.came_at <= $9
           AND ($4::text IS NULL OR k.item = $4)
           AND ($5::text IS NULL OR k.organ = $5)
           AND ($6::text IS NULL OR f.officer = $6)
           AND ($7::timestamptz IS NULL OR f.came_at >= $7)
           AND ($8::timestamptz IS NULL OR f.came_at <= $8)) AS m
 GROUP BY m.measure, m.part, m.same
 ORDER BY m.measure, m.part, m.same
 LIMIT 500;
