-- name: cases
-- What is known of the cases that a batch goes on with.
SELECT stream, case_no, item, approving, taken_by, delegator, supervising, enforcing, parts
  FROM projections.audit_case
 WHERE ledger = $1
   AND generation = $2
   AND (stream = ANY ($3) OR approving = ANY ($4));

-- name: remove_cases
-- What is known better now.
DELETE FROM projections.audit_case
 WHERE ledger = $1
   AND generation = $2
   AND stream = ANY ($3);

-- name: listed
-- A page of the acts and refusals that a reader may see, in the order of their recording,
-- with the position that the page shows; one row without an act where there is none.
SELECT p.next_position - 1 AS shown_position, c.*
  FROM projections.shown AS s
  JOIN projections.progress AS p
    ON p.ledger = s.ledger
   AND p.generation = s.generation
   AND p.projection = s.projection
   AND p.sequence = s.ledger
  JOIN ledger.head AS h
    ON h.ledger = s.ledger
  LEFT JOIN LATERAL (
       SELECT a.*
         FROM (SELECT CASE WHEN $23::boolean THEN count(*) OVER () END AS total,
                     a.recorded_at, a.refused, a.position, a.occurred_at, a.responsibility, a.action,
                     a.type, a.version, a.case_no, a.item, a.kind, a.person, a.name, a.role,
                     a.organ, a.client, a.delegator, a.late_entry, a.break_glass, a.reason,
                     a.slug, a.rule, a.earlier_position
                FROM projections.audit AS a
                LEFT JOIN projections.audit_case AS k
                  ON k.ledger = a.ledger
                 AND k.generation = a.generation
                 AND k.stream = a.stream
               WHERE a.ledger = $1
                 AND a.generation = s.generation
                 AND (   $2
                      OR k.seen && $3
                      OR EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS o (mark, item)
                                  WHERE o.item = k.item
                                    AND o.mark = ANY (k.seen))
                      OR k.stream IS NULL AND 'O:' || a.organ = ANY ($3)
                      OR $6 AND (a.refused OR a.responsibility = 'administration'))
                 AND ($11::text IS NULL OR a.responsibility = $11)
                 AND ($12::text IS NULL OR a.person = $12)
                 AND ($13::text IS NULL OR a.organ = $13)
                 AND ($14::text IS NULL OR a.action = $14)
                 AND ($15::text IS NULL OR a.item = $15)
                 AND ($16::text IS NULL OR a.case_no = $16)
                 AND ($17::timestamptz IS NULL OR a.recorded_at >= $17)
                 AND ($18::date IS NULL OR a.recorded_at >= $18::timestamp AT TIME ZONE h.zone)
                 AND ($19::timestamptz IS NULL OR a.recorded_at <= $19)
                 AND ($20::date IS NULL OR a.recorded_at < ($20 + 1)::timestamp AT TIME ZONE h.zone)
                 AND ($21::boolean IS NULL OR a.refused = $21)
                 AND ($22::boolean IS NULL OR a.late_entry = $22)) AS a
        WHERE ($8::timestamptz IS NULL
               OR (a.recorded_at, a.refused, a.position) > ($8, $9::boolean, $10::bigint))
        ORDER BY a.recorded_at, a.refused, a.position
        LIMIT $7) AS c ON true
 WHERE s.ledger = $1
   AND s.projection = 'audit_trail'
 ORDER BY c.recorded_at, c.refused, c.position;

-- name: last_acts
-- When each of some posts was last acted in by whoever holds it.
SELECT p.id, a.recorded_at
  FROM projections.shown AS s
 CROSS JOIN unnest($2::text[], $3::text[], $4::text[], $5::text[]) AS p (id, person, role, organ)
 CROSS JOIN LATERAL (
       SELECT recorded_at
         FROM projections.audit
        WHERE ledger = $1
          AND generation = s.generation
          AND person = p.person
          AND role = p.role
          AND organ = p.organ
          AND delegator IS NULL
          AND NOT refused
        ORDER BY recorded_at DESC
        LIMIT 1) AS a
 WHERE s.ledger = $1
   AND s.projection = 'audit_trail';

-- name: rows
-- Everything of a generation, in one order: two generations are compared by these bytes.
SELECT refused, position, recorded_at, occurred_at, responsibility, action, type, stream,
       version, case_no, item, kind, person, name, role, organ, client, delegator, late_entry,
       break_glass, reason, slug, rule, earlier_position
  FROM projections.audit
 WHERE ledger = $1
   AND generation = $2
 ORDER BY refused, position;

-- name: rows_of_cases
-- And what the acts hang on.
SELECT stream, case_no, item, approving, taken_by, delegator, supervising, enforcing, parts, seen
  FROM projections.audit_case
 WHERE ledger = $1
   AND generation = $2
 ORDER BY stream;

-- name: remove
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.audit
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.audit
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));

-- name: remove_all_cases
-- Some rows of a generation that is not shown any more.
DELETE FROM projections.audit_case
 WHERE ctid = ANY (ARRAY (SELECT ctid
                            FROM projections.audit_case
                           WHERE ledger = $1
                             AND generation = $2
                           LIMIT 10000));
