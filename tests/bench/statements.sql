-- What only the benchmark asks of a database, as its superuser, in a cluster of its own.

-- name: raw_table
-- What the append stores, without anything that checks it.
CREATE TABLE IF NOT EXISTS public.raw (
    ledger      text        COLLATE "C" NOT NULL,
    position    bigint      NOT NULL,
    stream      text        COLLATE "C" NOT NULL,
    version     bigint      NOT NULL,
    type        text        COLLATE "C" NOT NULL,
    recorded_at timestamptz NOT NULL,
    record      bytea       NOT NULL,
    PRIMARY KEY (ledger, position)
);

-- name: raw_size
-- Where the next row goes.
SELECT coalesce(max(position) + 1, 0) FROM public.raw WHERE ledger = '469002';

-- name: raw_insert
-- One batch in one statement.
INSERT INTO public.raw (ledger, position, stream, version, type, recorded_at, record)
SELECT '469002', $1 + r.n - 1, r.stream, 1, r.type, $2, r.record
  FROM unnest($3::text[], $4::text[], $5::bytea[]) WITH ORDINALITY
       AS r (stream, type, record, n);

-- name: copy_database
-- A database like the template, for a round that begins empty.
SELECT format('CREATE DATABASE %I TEMPLATE %I', $1::text, $2::text);

-- name: new_database
-- The library makes its own table.
SELECT format('CREATE DATABASE %I', $1::text);

-- name: longest_case
-- A case that was walked to its end: what the others are made like.
SELECT e.stream
  FROM ledger.event AS e
 WHERE e.ledger = $1
   AND e.type = 'claimed'
 ORDER BY e.position DESC
 LIMIT 1;

-- name: clone_events
-- Cases like that one, from number $5 up to number $6, the first event at position $3.
INSERT INTO ledger.event (ledger, position, stream, version, type, recorded_at, record)
SELECT $1::text, made.position, made.stream, made.version, made.type, $4,
       convert_to('{"ledger":"' || $1::text || '","position":' || made.position
                  || ',"recorded_at":"'
                  || to_char($4::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
                  || '","registers":{' || made.registers || E'}}\n'
                  || replace(made.body, $2, made.stream), 'UTF8')
  FROM (SELECT $3 + (k.n - $5) * t.many + t.version - 1 AS position,
               'case:' || md5('like the first ' || k.n) AS stream,
               t.version, t.type, t.body,
               (SELECT coalesce(string_agg('"' || g.key || '":' || g.value::bigint + k.n, ','
                                           ORDER BY g.key COLLATE "C"), '')
                  FROM jsonb_each_text(t.registers) AS g) AS registers
          FROM generate_series($5::bigint, $6::bigint) AS k (n)
         CROSS JOIN (
               SELECT e.version, e.type,
                      (split_part(e.text, E'\n', 1)::jsonb) -> 'registers' AS registers,
                      substr(e.text, strpos(e.text, E'\n') + 1) AS body,
                      count(*) OVER () AS many
                 FROM (SELECT version, type, convert_from(record, 'UTF8') AS text
                         FROM ledger.event
                        WHERE ledger = $1 AND stream = $2) AS e) AS t) AS made
 ORDER BY made.position;

-- name: clone_streams
-- Where each of them stands.
INSERT INTO ledger.stream (ledger, stream, version, position)
SELECT $1::text, 'case:' || md5('like the first ' || k.n), $3::bigint,
       $2 + (k.n - $4 + 1) * $3::bigint - 1
  FROM generate_series($4::bigint, $5::bigint) AS k (n);

-- name: clone_registers
-- The official numbers they were given.
INSERT INTO ledger.register (ledger, name, number, position)
SELECT r.ledger, r.name, r.number + k.n, $3 + (k.n - $5) * $4 + e.version - 1
  FROM ledger.event AS e
  JOIN ledger.register AS r
    ON r.ledger = e.ledger
   AND r.position = e.position
 CROSS JOIN generate_series($5::bigint, $6::bigint) AS k (n)
 WHERE e.ledger = $1
   AND e.stream = $2;

-- name: clone_keys
-- One key an act, as they would have been sent.
INSERT INTO ledger.idempotency (ledger, key, digest, position, events)
SELECT $1::text, 'somebody|zc|' || md5('a key ' || p.n), sha256('\x00'::bytea), p.n, 1
  FROM generate_series($2::bigint, $3::bigint) AS p (n);

-- name: clone_head
-- The ledger is as large as that now.
UPDATE ledger.head SET size = $2 WHERE ledger = $1;

-- name: settle
-- What autovacuum would have done by the time a ledger is that large.
VACUUM (ANALYZE) ledger.event, ledger.stream, ledger.register, ledger.idempotency;

-- name: checkpoint
-- Pages written now are not written in the middle of a round.
CHECKPOINT;

-- name: head_of
-- How large a ledger is.
SELECT size, recorded_at FROM ledger.head WHERE ledger = $1;

-- name: begun
-- Where a case with a number begins in the ledger, its stream, and how many events it has.
SELECT f.position, f.stream, s.version AS many
  FROM ledger.register AS r
  JOIN ledger.event AS f
    ON f.ledger = r.ledger
   AND f.position = r.position
  JOIN ledger.stream AS s
    ON s.ledger = f.ledger
   AND s.stream = f.stream
 WHERE r.ledger = $1
   AND r.name = 'case/2026'
   AND r.number = $2;

-- name: clones_of_views
-- The statements that write what the views say of cases like one ($2, which begins at $3 and has
-- $4 events): of those from number $6 up to number $7, the first of which begins at $5, received
-- one after the other over the $8 days before it, and each in the hands of one of 25 of a staff.
SELECT format(
           'INSERT INTO projections.%1$I (%2$s) SELECT %3$s FROM projections.%1$I AS t '
           'CROSS JOIN generate_series(%6$s::bigint, %7$s::bigint) AS k (n) '
           'CROSS JOIN LATERAL (VALUES ((-%8$s * (%7$s - k.n) / (%7$s - %6$s + 1))::integer, '
           '%5$s + (k.n - %6$s) * %4$s - %9$s)) AS moved (days, by) '
           'WHERE t.ledger = %10$L AND t.stream = %11$L',
           c.table_name, string_agg(quote_ident(c.column_name), ', '),
           string_agg(
               CASE WHEN c.column_name = 'stream' THEN $$'case:' || md5('like the first ' || k.n)$$
                    WHEN c.column_name = 'id' THEN 'md5(t.id || k.n)'
                    WHEN c.column_name = 'case_no'
                    THEN $$left(t.case_no, -6) || lpad((right(t.case_no, 6)::bigint + k.n)::text, 6, '0')$$
                    WHEN c.column_name = 'applicant' THEN 'md5(t.applicant || k.n / 3)'
                    WHEN c.column_name = 'serial' THEN 't.serial + k.n'
                    WHEN c.column_name IN ('person', 'officer', 'decider', 'taken_by')
                    THEN format($$t.%I || coalesce('-' || nullif(k.n %% 25, 0), '')$$, c.column_name)
                    WHEN c.column_name = 'persons'
                    THEN $$ARRAY(SELECT p || coalesce('-' || nullif(k.n % 25, 0), '') FROM unnest(t.persons) AS p)$$
                    WHEN c.data_type = 'date' THEN format('t.%I + moved.days', c.column_name)
                    WHEN c.data_type = 'timestamp with time zone'
                    THEN format('t.%I + make_interval(days => moved.days)', c.column_name)
                    WHEN c.udt_name IN ('_date', '_timestamptz')
                    THEN format('CASE WHEN t.%1$I IS NOT NULL THEN ARRAY(SELECT x + make_interval(days => moved.days) FROM unnest(t.%1$I) AS x)::%2$I END', c.column_name, c.udt_name)
                    WHEN c.column_name LIKE '%position' THEN format('t.%I + moved.by', c.column_name)
                    WHEN c.column_name = 'positions'
                    THEN 'ARRAY(SELECT x + moved.by FROM unnest(t.positions) AS x)'
                    ELSE format('t.%I', c.column_name) END, ', '),
           $4::bigint, $5::bigint, $6::bigint, $7::bigint, $8::integer, $3::bigint, $1::text,
           $2::text) AS statement
  FROM information_schema.columns AS c
 WHERE c.table_schema = 'projections'
   AND EXISTS (SELECT FROM information_schema.tables AS b
                WHERE b.table_schema = c.table_schema
                  AND b.table_name = c.table_name
                  AND b.table_type = 'BASE TABLE')
   AND EXISTS (SELECT FROM information_schema.columns AS s
                WHERE s.table_schema = c.table_schema
                  AND s.table_name = c.table_name
                  AND s.column_name = 'stream')
 GROUP BY c.table_name
 ORDER BY c.table_name;

-- name: views_there
-- The views are where the ledger is.
UPDATE projections.progress AS p
   SET next_position = h.size
  FROM ledger.head AS h
 WHERE h.ledger = p.sequence
   AND p.ledger = $1;

-- name: counted
-- How many cards stand how, as their follower would have counted them by now.
SELECT projections.count_raised(s.ledger, s.generation, ledger.now(s.ledger))
  FROM projections.shown AS s
 WHERE s.ledger = $1
   AND s.projection = 'timeout_alerts';

-- name: settle_all
-- What autovacuum would have done by then, of the views too.
VACUUM (ANALYZE);

-- name: every_event
-- What a check cannot do without: each record with the columns that it is held against.
SELECT position, stream, version, type, recorded_at, record, leaf
  FROM ledger.event
 WHERE ledger = $1
 ORDER BY position;
