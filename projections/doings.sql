-- name: told
-- What a person ($7) or an organ ($8) did, as far as a reader may see: lines of how often each
-- act was done, of who did it, and of cases in which one person stood in two lines of duty,
-- with the position that they show.  Which line a role stands in is told by $9 and $10.
WITH at AS (
       SELECT s.generation, p.next_position
         FROM projections.shown AS s
         JOIN projections.progress AS p
           ON p.ledger = s.ledger
          AND p.generation = s.generation
          AND p.projection = s.projection
          AND p.sequence = s.ledger
        WHERE s.ledger = $1
          AND s.projection = 'audit_trail'),
     seen AS (
       SELECT a.refused, a.position, a.recorded_at, a.responsibility, a.action, a.case_no,
              a.person, a.name, a.organ, l.line
         FROM at
         JOIN projections.audit AS a
           ON a.ledger = $1
          AND a.generation = at.generation
         LEFT JOIN unnest($9::text[], $10::text[]) AS l (role, line)
           ON l.role = a.role
         LEFT JOIN projections.audit_case AS k
           ON k.ledger = a.ledger
          AND k.generation = a.generation
          AND k.stream = a.stream
        WHERE (   $2
               OR k.seen && $3
               OR EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS o (mark, item)
                           WHERE o.item = k.item
                             AND o.mark = ANY (k.seen))
               OR k.stream IS NULL AND 'O:' || a.organ = ANY ($3))
          AND ($7::text IS NULL OR a.person = $7)),
     own AS (
       SELECT seen.*
         FROM seen
        WHERE $8::text IS NULL OR seen.organ = $8),
     -- Somebody of an organ may have acted on the same case for another one.
     crossed AS (
       SELECT seen.person, min(seen.name) AS name, seen.case_no, count(*) AS number,
              max(seen.recorded_at) AS last_at, array_agg(DISTINCT seen.line) AS lines
         FROM seen
        WHERE NOT seen.refused
          AND seen.line IS NOT NULL
          AND seen.case_no IS NOT NULL
          -- Who stands in one line alone crosses none.
          AND seen.person IN (SELECT one.person
                                FROM seen AS one
                               WHERE one.person IN (SELECT own.person FROM own)
                                 AND NOT one.refused
                               GROUP BY one.person
                              HAVING min(one.line) <> max(one.line))
        GROUP BY seen.person, seen.case_no
       HAVING count(DISTINCT seen.line) > 1
        ORDER BY last_at DESC
        LIMIT $6)
SELECT 'at' AS block, NULL AS person, NULL AS name, NULL AS one, NULL AS two, NULL AS case_no,
       at.next_position AS number, NULL::timestamptz AS last_at, NULL::text[] AS lines
  FROM at
 UNION ALL
SELECT 'did', NULL, NULL, own.responsibility, own.action, NULL, count(*), max(own.recorded_at),
       NULL
  FROM own
 WHERE NOT own.refused
 GROUP BY own.responsibility, own.action
 UNION ALL
SELECT 'refused', NULL, NULL, own.responsibility, own.action, NULL, count(*),
       max(own.recorded_at), NULL
  FROM own
 WHERE own.refused
 GROUP BY own.responsibility, own.action
 UNION ALL
SELECT 'who', own.person, min(own.name), own.responsibility, NULL, NULL, count(*),
       max(own.recorded_at), NULL
  FROM own
 WHERE own.person IS NOT NULL
   AND NOT own.refused
 GROUP BY own.person, own.responsibility
 UNION ALL
SELECT 'crossed', crossed.person, crossed.name, NULL, NULL, crossed.case_no, crossed.number,
       crossed.last_at, crossed.lines
  FROM crossed;
