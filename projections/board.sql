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
     counted AS MATERIALIZED (
       SELECT coalesce(max(u.until), '-infinity') AS until
         FROM projections.alert_counted AS u
        WHERE u.ledger = $1
          AND u.generation = (SELECT at.generation
                                FROM at
                               WHERE at.projection = 'timeout_alerts')),
     cards AS MATERIALIZED (
       SELECT e.level, e.state, e.cards, e.posts, e.raised_at,
              (   $9
               OR e.seen && $10
               OR EXISTS (SELECT FROM unnest($11::text[], $12::text[]) AS o (mark, item)
                           WHERE o.item = e.item
                             AND o.mark = ANY (e.seen))
               OR 'O:' || e.organ = ANY ($10)
               OR $3 = ANY (e.persons)) IS TRUE AS visible
         FROM (SELECT c.level, c.state, c.cards, c.item, c.seen, c.organ, c.persons, c.posts,
                      NULL::timestamptz AS raised_at
                 FROM projections.alert_count AS c
                WHERE c.ledger = $1
                  AND c.generation = (SELECT at.generation
                                        FROM at
                                       WHERE at.projection = 'timeout_alerts')
                UNION ALL
               -- What time alone has raised since.
               SELECT s.level, s.state, 1, s.item, s.seen, s.organ, s.persons, s.posts, s.raised_at
                 FROM projections.alert AS a
                -- One by one: they are few, and the cases of all cards are many.
                CROSS JOIN LATERAL (
                      SELECT s.*
                        FROM projections.alert_standing AS s
                       WHERE s.ledger = a.ledger
                         AND s.generation = a.generation
                         AND s.id = a.id
                      OFFSET 0) AS s
                WHERE a.ledger = $1
                  AND a.generation = (SELECT at.generation
                                        FROM at
                                       WHERE at.projection = 'timeout_alerts')
                  AND a.raised_at > (SELECT counted.until FROM counted)
                  AND a.raised_at <= $2) AS e),
     -- Posts of this person that answer for cards which nothing else lets them see.
     by_post AS MATERIALIZED (
       SELECT array_agg(DISTINCT mine.post) AS posts
         FROM cards
         JOIN mine
           ON mine.post = ANY (cards.posts)
        WHERE cards.raised_at IS NULL
          AND NOT cards.visible),
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
SELECT 'alert', k.level, k.state, sum(k.cards)::bigint
  FROM (SELECT cards.level, cards.state, cards.cards
          FROM cards
         WHERE cards.visible
            OR EXISTS (SELECT FROM mine
                        WHERE mine.post = ANY (cards.posts)
                          AND mine.since <= cards.raised_at
                          AND (mine.until IS NULL OR mine.until > cards.raised_at))
         UNION ALL
        SELECT a.level, a.state, 1
          FROM projections.alert_standing AS a
         WHERE (SELECT by_post.posts FROM by_post) IS NOT NULL
           AND a.ledger = $1
           AND a.generation = (SELECT at.generation
                                 FROM at
                                WHERE at.projection = 'timeout_alerts')
           AND a.raised_at <= (SELECT counted.until FROM counted)
           AND a.posts <> '{}'
           AND a.posts && (SELECT by_post.posts FROM by_post)
           AND (   a.seen && $10
                OR EXISTS (SELECT FROM unnest($11::text[], $12::text[]) AS o (mark, item)
                            WHERE o.item = a.item
                              AND o.mark = ANY (a.seen))
                OR 'O:' || a.organ = ANY ($10)
                OR $3 = ANY (a.persons)) IS NOT TRUE
           AND EXISTS (SELECT FROM mine
                        WHERE mine.post = ANY (a.posts)
                          AND mine.since <= a.raised_at
                          AND (mine.until IS NULL OR mine.until > a.raised_at))) AS k
 GROUP BY k.level, k.state
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
