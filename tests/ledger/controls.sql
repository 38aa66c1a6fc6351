-- What the tests of the store compare with: ways that do not hold.

-- name: sequence_table
-- Positions by a sequence: given before the commit, in an order that is not that of commits.
CREATE TABLE public.by_sequence (position bigserial, text text);

-- name: sequence_insert
-- One event the unsafe way.
INSERT INTO public.by_sequence (text) VALUES ($1);

-- name: sequence_since
-- A follower that reads on from a position.
SELECT position, text FROM public.by_sequence WHERE position > $1 ORDER BY position;

-- name: many_events
-- A large ledger, made quickly and not analysed: as the append would have written it.
INSERT INTO ledger.event (ledger, position, stream, version, type, recorded_at, record)
SELECT $1, n, 'case:' || n / 10, n % 10 + 1, 'received', now(), '{}'
  FROM generate_series(0, $2::bigint - 1) AS n;

-- name: many_streams
-- Its stream heads.
INSERT INTO ledger.stream (ledger, stream, version, position)
SELECT $1, 'case:' || n, 10, n * 10 + 9
  FROM generate_series(0, $2::bigint / 10 - 1) AS n;

-- name: many_keys
-- Its keys.
INSERT INTO ledger.idempotency (ledger, key, digest, position, events)
SELECT $1, 'key-' || n, 'd', n, 1
  FROM generate_series(0, $2::bigint - 1) AS n;

-- name: many_numbers
-- Its official numbers.
INSERT INTO ledger.register (ledger, name, number, position)
SELECT $1, 'case/2026', n + 1, n
  FROM generate_series(0, $2::bigint - 1) AS n;

-- name: many_head
-- And its head.
UPDATE ledger.head SET size = $2, recorded_at = now() WHERE ledger = $1;
