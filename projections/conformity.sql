-- name: of_items
-- Under which baselines some items stood.
SELECT standard
  FROM projections.conformity
 WHERE ledger = $1
   AND generation = $2
   AND item = ANY ($3)
   AND item <> '';

-- name: under
-- The items that stand under some baselines.
SELECT item
  FROM projections.conformity
 WHERE ledger = $1
   AND generation = $2
   AND standard = ANY ($3)
   AND item <> '';

-- name: baselines
-- Some baselines as they stand.
SELECT code, version, position, ended, content
  FROM projections.baseline
 WHERE ledger = $1
   AND generation = $2
   AND code = ANY ($3);

-- name: remove_baselines
-- What is known better now.
DELETE FROM projections.baseline
 WHERE ledger = $1
   AND generation = $2
   AND code = ANY ($3);

-- name: remove_some
-- What is compared anew.
DELETE FROM projections.conformity
 WHERE ledger = $1
   AND generation = $2
   AND standard = ANY ($3);

-- name: listed
-- A page of items and baselines by the code they share, with the position that the page shows;
-- one row without a code where there is none.
SELECT p.next_position - 1 AS shown_position, c.*
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  LEFT JOIN LATERAL (
       SELECT r.*
         FROM (SELECT t.*, CASE WHEN $9::boolean THEN count(*) OVER () END AS total
                 FROM projections.conformity AS t
                WHERE t.ledger = $1
                  AND t.generation = s.generation
                  AND ($5::text IS NULL OR t.state = $5)
                  AND ($6::text IS NULL OR $6 = ANY (t.differs || t.lacking))
                  AND ($7::text IS NULL OR t.organ = $7)
                  AND ($8::text IS NULL OR t.standard = $8)) AS r
        WHERE ($3::text IS NULL OR (r.standard, r.item) > ($3, $4))
        ORDER BY r.standard, r.item
        LIMIT $2) AS c ON true
 WHERE s.ledger = $1
   AND s.projection = 'conformity'
 ORDER BY c.standard, c.item;

-- name: summary
-- How many stand how, and how often each element differs or is lacking.
SELECT p.next_position - 1 AS shown_position,
       json_build_object(
           'baselines', (SELECT count(*)
                           FROM projections.baseline AS b
                          WHERE b.ledger = $1
                            AND b.generation = s.generation
                            AND NOT b.ended),
           'states', (SELECT json_object_agg(k.state, k.items)
                        FROM (SELECT t.state, count(*) AS items
                                FROM projections.conformity AS t
                               WHERE t.ledger = $1
                                 AND t.generation = s.generation
                               GROUP BY t.state) AS k),
           'differs', (SELECT json_object_agg(k.element, k.items)
                         FROM (SELECT e.element, count(*) AS items
                                 FROM projections.conformity AS t
                                CROSS JOIN LATERAL unnest(t.differs) AS e (element)
                                WHERE t.ledger = $1
                                  AND t.generation = s.generation
                                GROUP BY e.element) AS k),
           'lacking', (SELECT json_object_agg(k.element, k.items)
                         FROM (SELECT e.element, count(*) AS items
                                 FROM projections.conformity AS t
                                CROSS JOIN LATERAL unnest(t.lacking) AS e (element)
                                WHERE t.ledger = $1
                                  AND t.generation = s.generation
                                GROUP BY e.element) AS k))::text AS told
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
 WHERE s.ledger = $1
   AND s.projection = 'conformity';

-- name: baseline
-- One baseline as it is shown.
SELECT b.code, b.version, b.position, b.ended, b.content
  FROM projections.shown AS s
  JOIN projections.baseline AS b
    ON b.ledger = s.ledger
   AND b.generation = s.generation
 WHERE s.ledger = $1
   AND s.projection = 'conformity'
   AND b.code = $2;

-- name: baseline_rows
-- Everything of a generation, in one order: two generations are compared by these bytes.
SELECT code, version, position, ended, content
  FROM projections.baseline
 WHERE ledger = $1
   AND generation = $2
 ORDER BY code;

-- name: rows
-- The same of how items stand.
SELECT standard, item, name, organ, state, differs, lacking, position
  FROM projections.conformity
 WHERE ledger = $1
   AND generation = $2
 ORDER BY standard, item;

-- name: remove_baseline
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.baseline
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.baseline
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));

-- name: remove
-- The same of how items stand.
DELETE FROM projections.conformity
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.conformity
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));
