-- name: listed
-- A page of what waits to be pushed or claimed in cases that a reader may see, what is due
-- first at the top, with the position that the page shows; one row without a case where
-- nothing waits.  Every open limit has its red card, also before it is raised.
SELECT p.next_position - 1 AS shown_position, c.*
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  LEFT JOIN LATERAL (
       SELECT q.*
         FROM (SELECT w.*, CASE WHEN $16::boolean THEN count(*) OVER () END AS total
                 FROM (SELECT a.id, a.case_no, k.item, k.organ, a.deadline, a.start, a.due, a.posts,
                              CASE WHEN a.raised_at <= $6 THEN 'red'
                                   WHEN EXISTS (SELECT FROM projections.alert AS y
                                                 WHERE y.ledger = a.ledger
                                                   AND y.generation = a.generation
                                                   AND y.stream = a.stream
                                                   AND y.deadline = a.deadline
                                                   AND y.start = a.start
                                                   AND y.level = 'yellow'
                                                   AND y.raised_at <= $6) THEN 'yellow'
                                   ELSE 'green' END AS light
                         FROM projections.alert AS a
                         JOIN projections.alert_case AS k
                           ON k.ledger = a.ledger
                          AND k.generation = a.generation
                          AND k.stream = a.stream
                        WHERE a.ledger = $1
                          AND a.generation = s.generation
                          AND a.deadline IN ('push', 'claim')
                          AND a.level = 'red'
                          AND a.met_at IS NULL
                          AND a.closed_at IS NULL
                          AND a.withdrawn_at IS NULL
                          AND (   $2
                               OR k.seen && $3
                               OR EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS o (mark, item)
                                           WHERE o.item = k.item
                                             AND o.mark = ANY (k.seen)))
                          AND ($10::text IS NULL OR a.deadline = $10)
                          AND ($11::text IS NULL OR k.organ = $11)
                          AND ($12::text IS NULL
                               OR EXISTS (SELECT FROM unnest(a.posts) AS o (post)
                                           WHERE split_part(o.post, '@', 2) = $12))
                          AND ($13::text IS NULL OR k.item = $13)
                          AND ($14::text IS NULL OR a.case_no = $14)) AS w
                WHERE ($15::text IS NULL OR w.light = $15)) AS q
        WHERE ($8::date IS NULL OR (q.due, q.id) > ($8, $9::text))
        ORDER BY q.due, q.id
        LIMIT $7) AS c ON true
 WHERE s.ledger = $1
   AND s.projection = 'timeout_alerts'
 ORDER BY c.due, c.id;
