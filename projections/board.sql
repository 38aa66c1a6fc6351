-- name: told
-- How many of what a reader may see stand how, in one reading: lines of block, two words and
-- a number.  Each block counts what its list shows, by the same conditions.
WITH at AS (
       SELECT s.projection, s.generation, p.next_position
         FROM projections.shown AS s
         JOIN projections.progress AS p
           ON p.ledger = s.ledger
          AND p.generation = s.generation
          AND p.projection = s.projection
          AND p.sequence = s.ledger
        WHERE s.ledger = $1
          AND s.projection IN ('current_state', 'timeout_alerts', 'reviews', 'complaints')),
     lit AS (
       SELECT t.organ, t.item, t.light, t.light = 'green' AND t.next_due <= $21 AS near,
              count(*) AS number
         FROM (SELECT c.organ, c.item, c.next_due,
                      CASE WHEN c.red_at <= $2 THEN 'red'
                           WHEN c.yellow_at <= $2 THEN 'yellow'
                           WHEN c.stopped THEN 'stopped'
                           WHEN c.next_due IS NOT NULL THEN 'green' END AS light
                 FROM projections.current_state AS c
                WHERE c.ledger = $1
                  AND c.generation = (SELECT at.generation
                                        FROM at
                                       WHERE at.projection = 'current_state')
                  -- Those that may have a light: they have an index.
                  AND (   c.red_at IS NOT NULL
                       OR c.yellow_at IS NOT NULL
                       OR c.stopped
                       OR c.next_due IS NOT NULL)
                  AND (   $4
                       OR c.seen && $5
                       OR $8 AND c.reviewed
                       OR EXISTS (SELECT FROM unnest($6::text[], $7::text[]) AS o (mark, item)
                                   WHERE o.item = c.item
                                     AND o.mark = ANY (c.seen)))) AS t
        WHERE t.light IS NOT NULL
        GROUP BY 1, 2, 3, 4),
     mine AS MATERIALIZED (
       SELECT o.post, o.since, o.until
         FROM projections.alert_post AS o
        WHERE o.ledger = $1
          AND o.generation = (SELECT at.generation
                                FROM at
                               WHERE at.projection = 'timeout_alerts')
          AND o.person = $3),
     answered AS (
       SELECT d.alert, bool_or(NOT d.withdrawn) AS answered, bool_or(d.withdrawn) AS withdrawn
         FROM projections.alert_answer AS d
        WHERE d.ledger = $1
          AND d.generation = (SELECT at.generation
                                FROM at
                               WHERE at.projection = 'timeout_alerts')
          AND d.at <= $2
        GROUP BY d.alert),
     visible AS MATERIALIZED (
       SELECT k.stream
         FROM projections.alert_case AS k
        WHERE k.ledger = $1
          AND k.generation = (SELECT at.generation
                                FROM at
                               WHERE at.projection = 'timeout_alerts')
          -- Who sees everything needs none of it.
          AND NOT $9
          AND (   k.seen && $10
               OR EXISTS (SELECT FROM unnest($11::text[], $12::text[]) AS o (mark, item)
                           WHERE o.item = k.item
                             AND o.mark = ANY (k.seen)))),
     cards AS (
       SELECT a.level,
              CASE WHEN a.withdrawn_at <= $2 OR n.withdrawn THEN 'withdrawn'
                   WHEN a.closed_at <= $2 THEN 'closed'
                   WHEN n.answered IS NOT TRUE THEN 'raised'
                   WHEN a.deadline IS NULL OR a.met_at <= $2 THEN 'closed'
                   ELSE 'answered' END AS state
         FROM projections.alert AS a
         LEFT JOIN answered AS n
           ON n.alert = a.id
        WHERE a.ledger = $1
          AND a.generation = (SELECT at.generation
                                FROM at
                               WHERE at.projection = 'timeout_alerts')
          AND a.raised_at <= $2
          AND (   $9
               OR a.stream IN (SELECT visible.stream FROM visible)
               OR 'O:' || a.organ = ANY ($10)
                  AND NOT EXISTS (SELECT FROM projections.alert_case AS k
                                   WHERE k.ledger = $1
                                     AND k.generation = a.generation
                                     AND k.stream = a.stream)
               OR $3 = ANY (a.persons)
               OR EXISTS (SELECT FROM mine
                           WHERE mine.post = ANY (a.posts)
                             AND mine.since <= a.raised_at
                             AND (mine.until IS NULL OR mine.until > a.raised_at)))),
     waiting AS (
       SELECT a.deadline, a.raised_at <= $2 AS red,
              EXISTS (SELECT FROM projections.alert AS y
                       WHERE y.ledger = a.ledger
                         AND y.generation = a.generation
                         AND y.stream = a.stream
                         AND y.deadline = a.deadline
                         AND y.start = a.start
                         AND y.level = 'yellow'
                         AND y.raised_at <= $2) AS yellow
         FROM projections.alert AS a
         JOIN projections.alert_case AS k
           ON k.ledger = a.ledger
          AND k.generation = a.generation
          AND k.stream = a.stream
        WHERE a.ledger = $1
          AND a.generation = (SELECT at.generation
                                FROM at
                               WHERE at.projection = 'timeout_alerts')
          AND a.deadline IN ('push', 'claim')
          AND a.level = 'red'
          AND a.met_at IS NULL
          AND a.closed_at IS NULL
          AND a.withdrawn_at IS NULL
          AND (   $4
               OR k.seen && $5
               OR EXISTS (SELECT FROM unnest($6::text[], $7::text[]) AS o (mark, item)
                           WHERE o.item = k.item
                             AND o.mark = ANY (k.seen)))),
     rated AS (
       SELECT r.grade <= 2 AS bad, r.state, r.grade,
              coalesce(r.verdict NOT IN ('mistaken', 'malicious'), true) AS counted
         FROM projections.review AS r
         JOIN at
           ON at.projection = 'reviews'
          AND at.generation = r.generation
        WHERE r.ledger = $1
          AND (   $13
               OR r.seen && $14
               OR EXISTS (SELECT FROM unnest($15::text[], $16::text[]) AS o (mark, item)
                           WHERE o.item = r.item
                             AND o.mark = ANY (r.seen)))),
     told AS (
       SELECT c.state, coalesce(c.red_at <= $2, false) AS overdue
         FROM projections.complaint AS c
         JOIN at
           ON at.projection = 'complaints'
          AND at.generation = c.generation
        WHERE c.ledger = $1
          AND (   $17
               OR c.seen && $18
               OR EXISTS (SELECT FROM unnest($19::text[], $20::text[]) AS o (mark, item)
                           WHERE (c.item IS NULL OR o.item = c.item)
                             AND o.mark = ANY (c.seen)))
          AND NOT (c.discreet AND c.about_person IS NOT DISTINCT FROM $3::text))
SELECT 'view' AS block, at.projection AS one, '' AS two, at.next_position AS number
  FROM at
 UNION ALL
SELECT 'head', '', '', h.size
  FROM ledger.head AS h
 WHERE h.ledger = $1
 UNION ALL
SELECT b.block, coalesce(b.word, ''), n.light, sum(lit.number)::bigint
  FROM lit
 CROSS JOIN LATERAL (VALUES ('organ-light', lit.organ), ('item-light', lit.item)) AS b (block, word)
 CROSS JOIN LATERAL (VALUES (lit.light), (CASE WHEN lit.near THEN 'near' END)) AS n (light)
 WHERE n.light IS NOT NULL
 GROUP BY 1, 2, 3
 UNION ALL
SELECT 'alert', cards.level, cards.state, count(*)
  FROM cards
 GROUP BY cards.level, cards.state
 UNION ALL
SELECT 'link', waiting.deadline,
       CASE WHEN waiting.red THEN 'red' WHEN waiting.yellow THEN 'yellow' ELSE 'green' END,
       count(*)
  FROM waiting
 GROUP BY 2, 3
 UNION ALL
SELECT 'bad', rated.state, CASE WHEN rated.counted THEN 'true' ELSE 'false' END, count(*)
  FROM rated
 WHERE rated.bad
 GROUP BY rated.state, rated.counted
 UNION ALL
SELECT 'grade', rated.grade::text, '', count(*)
  FROM rated
 GROUP BY rated.grade
 UNION ALL
SELECT 'complaint', told.state, CASE WHEN told.overdue THEN 'true' ELSE 'false' END, count(*)
  FROM told
 GROUP BY told.state, told.overdue;
