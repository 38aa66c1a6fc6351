-- The one way in: clock, take-over and the append.
--
-- All are functions of the owner, whom nobody logs in as; the service may call them and has
-- no right to write of its own.  Time, position and official numbers are never arguments.

-- What time it is in that ledger: the database's, or the simulated one.
CREATE FUNCTION ledger.now(in_ledger text) RETURNS timestamptz
    LANGUAGE plpgsql VOLATILE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    at timestamptz;
BEGIN
    SELECT CASE WHEN c.simulated THEN c.sim_at + (clock_timestamp() - c.real_at)
                ELSE clock_timestamp() END
      INTO STRICT at
      FROM ledger.clock AS c
     WHERE c.ledger = split_part(in_ledger, '.', 1);
    RETURN at;
EXCEPTION
    WHEN no_data_found THEN
        RAISE EXCEPTION 'no ledger %', in_ledger USING ERRCODE = 'LG001';
END
$$;

-- Sets the clock of a simulated ledger, forward only; answers the time it was set to.
CREATE FUNCTION ledger.set_clock(in_ledger text, in_at timestamptz) RETURNS timestamptz
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '2s'
AS $$
DECLARE
    settable boolean;
BEGIN
    -- A statement of its own: the time below is asked after the wait.
    SELECT c.simulated INTO settable
      FROM ledger.clock AS c WHERE c.ledger = in_ledger FOR NO KEY UPDATE;
    IF settable IS NOT TRUE THEN
        RAISE EXCEPTION 'the clock of % cannot be set', in_ledger USING ERRCODE = 'LG004';
    END IF;
    IF in_at < ledger.now(in_ledger) OR in_at IS NULL THEN
        RAISE EXCEPTION 'a clock goes forward only' USING ERRCODE = 'LG005';
    END IF;
    UPDATE ledger.clock AS c SET sim_at = in_at, real_at = clock_timestamp()
     WHERE c.ledger = in_ledger;
    RETURN in_at;
END
$$;

-- Creates a ledger and its open companion sequence, both empty.  For who migrates only: the
-- service cannot start a ledger, least of all one whose clock can be set.
CREATE FUNCTION ledger.open_ledger(in_ledger text, in_zone text, in_simulated_start timestamptz)
    RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM clock_timestamp() AT TIME ZONE in_zone;  -- refuses a zone nobody knows
    INSERT INTO ledger.head (ledger, zone) VALUES (in_ledger, in_zone);
    INSERT INTO ledger.head (ledger, zone) VALUES (in_ledger || '.open', in_zone);
    INSERT INTO ledger.clock (ledger, simulated, sim_at, real_at)
    VALUES (in_ledger, in_simulated_start IS NOT NULL, in_simulated_start,
            CASE WHEN in_simulated_start IS NOT NULL THEN clock_timestamp() END);
END
$$;

-- Fences off whoever wrote before: from here on only calls with the new epoch are served.
CREATE FUNCTION ledger.take_over(in_ledger text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '2s'
AS $$
DECLARE
    now_held bigint;
BEGIN
    UPDATE ledger.head AS h SET epoch = h.epoch + 1
     WHERE h.ledger = in_ledger RETURNING h.epoch INTO now_held;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no ledger %', in_ledger USING ERRCODE = 'LG001';
    END IF;
    RETURN now_held;
END
$$;

-- Appends what a batch of commands asks for; one row a command.
--
-- A command is a key with its digest, the streams it was decided on with the versions seen
-- (every stream it writes among them; 0: does not exist yet), its events in order, and the
-- registers an event wants a number of (`%Y` becomes the year in the ledger's zone).  The
-- caller sees to it that no two commands of a batch share a key or a stream that one of
-- them writes; then checking all of them against the state before the batch is exact.
--
-- `registers` is a JSON list, one object an event, or NULL where the batch asked for none.
CREATE FUNCTION ledger.append(
    in_ledger          text,
    in_epoch           bigint,
    in_key             text[],
    in_digest          bytea[],
    in_read_command    integer[],
    in_read_stream     text[],
    in_read_version    bigint[],
    in_event_command   integer[],
    in_event_stream    text[],
    in_event_type      text[],
    in_event_body      bytea[],
    in_number_event    integer[],
    in_number_register text[]
) RETURNS TABLE (
    command        integer,
    outcome        text,
    first_position bigint,
    events         integer,
    recorded_at    timestamptz,
    registers      text
)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '2s'
AS $$
DECLARE
    size        bigint;       -- of the ledger before this batch
    held        bigint;       -- the epoch that may write
    before      timestamptz;  -- the newest event's time
    zone        text;
    now_at      timestamptz;
    year        text;         -- of now_at, in the ledger's zone
    header      text;         -- the first line up to the position
    middle      text;         -- and from there to the registers
    outcomes    text[];       -- a command
    fresh       boolean[];    -- a command: is it appended now
    firsts      bigint[];     -- a command: its first position
    counts      integer[];    -- a command: its events
    given       text[];       -- a command: the registers of its events
    versions    bigint[];     -- an event
    positions   bigint[];     -- an event; NULL where its command is not appended
    numbers     text[];       -- an event: the inside of its registers
    number_of   integer[];    -- a number given: the event, the register, the number
    number_in   text[];
    number_is   bigint[];
    moving      text[];       -- streams that existed before, and where they stand now
    to_version  jsonb;
    to_position jsonb;
    appended    integer;
BEGIN
    -- Any role can switch this off for itself; an append is durable all the same.
    IF current_setting('synchronous_commit') <> 'remote_apply' THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;

    -- The lock is a statement of its own: a statement sees the tables as they were when it
    -- began, so one that locks and reads on would give a position twice.
    SELECT h.size, h.epoch, h.recorded_at, h.zone INTO size, held, before, zone
      FROM ledger.head AS h WHERE h.ledger = in_ledger FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no ledger %', in_ledger USING ERRCODE = 'LG001';
    END IF;
    IF held IS DISTINCT FROM in_epoch THEN
        RAISE EXCEPTION 'the writer of epoch % is not the one of %', in_epoch, held
              USING ERRCODE = 'LG002';
    END IF;
    now_at := greatest(ledger.now(in_ledger), before);  -- after the wait, never before it
    year := to_char(now_at AT TIME ZONE zone, 'YYYY');

    -- Every look-up is by index, whatever the statistics say (LATERAL, OFFSET 0).
    SELECT array_agg(c.outcome ORDER BY c.command),
           array_agg(c.outcome = 'appended' ORDER BY c.command),
           array_agg(c.position ORDER BY c.command),
           array_agg(c.events ORDER BY c.command)
      INTO outcomes, fresh, firsts, counts
      FROM (SELECT f.command, max(f.position) AS position, max(f.events) AS events,
                   CASE WHEN bool_or(f.same) THEN 'replayed'
                        WHEN bool_or(NOT f.same) THEN 'key-reused'
                        WHEN bool_or(f.moved) THEN 'moved'
                        ELSE 'appended' END AS outcome
              FROM (SELECT k.n AS command, i.digest = k.digest AS same, false AS moved,
                           i.position, i.events
                      FROM unnest(in_key, in_digest) WITH ORDINALITY AS k (key, digest, n)
                      LEFT JOIN LATERAL (
                           SELECT i.digest, i.position, i.events FROM ledger.idempotency AS i
                            WHERE i.ledger = in_ledger AND i.key = k.key OFFSET 0) AS i ON true
                     UNION ALL
                    SELECT r.command, NULL, r.version <> coalesce(s.version, 0), NULL, NULL
                      FROM unnest(in_read_command, in_read_stream, in_read_version)
                           AS r (command, stream, version)
                      LEFT JOIN LATERAL (
                           SELECT s.version FROM ledger.stream AS s
                            WHERE s.ledger = in_ledger AND s.stream = r.stream OFFSET 0) AS s
                        ON true) AS f
             GROUP BY f.command) AS c;

    -- Number what is left: an event's version follows the version its command read.
    SELECT array_agg(CASE WHEN fresh[p.command] THEN p.version END ORDER BY p.n),
           array_agg(CASE WHEN fresh[p.command] THEN size - 1 + p.nth END ORDER BY p.n)
      INTO versions, positions
      FROM (SELECT v.command, v.n,
                   first_value(v.version) OVER stream
                       + count(*) FILTER (WHERE v.n > 0) OVER stream AS version,
                   count(*) FILTER (WHERE v.n > 0 AND fresh[v.command]) OVER place AS nth
              FROM (SELECT r.command, r.stream COLLATE "C" AS stream, r.version, 0 AS n
                      FROM unnest(in_read_command, in_read_stream, in_read_version)
                           AS r (command, stream, version)
                     UNION ALL
                    SELECT e.command, e.stream COLLATE "C", NULL, e.n
                      FROM unnest(in_event_command, in_event_stream) WITH ORDINALITY
                           AS e (command, stream, n)) AS v
            WINDOW stream AS (PARTITION BY v.command, v.stream ORDER BY v.n),
                   place AS (ORDER BY v.command, v.n)) AS p
     WHERE p.n > 0;
    IF cardinality(array_remove(versions, NULL)) <> cardinality(array_remove(positions, NULL)) THEN
        RAISE EXCEPTION 'an event of a stream that was not read' USING ERRCODE = 'LG003';
    END IF;

    SELECT array_agg(c.first ORDER BY c.command), array_agg(c.events ORDER BY c.command)
      INTO firsts, counts
      FROM (SELECT a.command, min(a.position) AS first, sum(a.events)::integer AS events
              FROM (SELECT k.n AS command, k.position, k.events
                      FROM unnest(firsts, counts) WITH ORDINALITY AS k (position, events, n)
                     UNION ALL
                    SELECT e.command, e.position, 1
                      FROM unnest(in_event_command, positions) AS e (command, position)
                     WHERE e.position IS NOT NULL) AS a
             GROUP BY a.command) AS c;

    IF cardinality(in_number_event) > 0 THEN
        -- One more than the highest given so far: no gap, no reuse.
        SELECT array_agg(w.event), array_agg(w.name),
               array_agg(coalesce(w.last, 0) + w.nth)
          INTO number_of, number_in, number_is
          FROM (SELECT n.event, n.name, l.number AS last,
                       row_number() OVER (PARTITION BY n.name ORDER BY positions[n.event]) AS nth
                  FROM (SELECT u.event, replace(u.register, '%Y', year) COLLATE "C" AS name
                          FROM unnest(in_number_event, in_number_register)
                               AS u (event, register)
                         WHERE positions[u.event] IS NOT NULL) AS n
                  LEFT JOIN LATERAL (
                       SELECT r.number FROM ledger.register AS r
                        WHERE r.ledger = in_ledger AND r.name = n.name
                        ORDER BY r.number DESC LIMIT 1) AS l ON true) AS w;
        INSERT INTO ledger.register (ledger, name, number, position)
        SELECT in_ledger, n.name, n.number, positions[n.event]
          FROM unnest(number_of, number_in, number_is) AS n (event, name, number);
        SELECT array_agg(e.inside ORDER BY e.n) INTO numbers
          FROM (SELECT a.n, string_agg(a.pair, ',' ORDER BY a.name) AS inside
                  FROM (SELECT generate_series(1, cardinality(positions)) AS n,
                               NULL::text AS pair, NULL::text COLLATE "C" AS name
                         UNION ALL
                        SELECT n.event, '"' || n.name || '":' || n.number, n.name
                          FROM unnest(number_of, number_in, number_is)
                               AS n (event, name, number)) AS a
                 GROUP BY a.n) AS e;
        SELECT array_agg(c.given ORDER BY c.command) INTO given
          FROM (SELECT e.command,
                       '[' || string_agg('{' || coalesce(e.inside, '') || '}', ',' ORDER BY e.n)
                           || ']' AS given
                  FROM unnest(in_event_command, numbers) WITH ORDINALITY
                       AS e (command, inside, n)
                 GROUP BY e.command) AS c;
    END IF;

    -- The header is made here and depends on nothing of the session.
    header := '{"ledger":"' || in_ledger || '","position":';
    middle := ',"recorded_at":"'
        || to_char(now_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","registers":{';
    INSERT INTO ledger.event (ledger, position, stream, version, type, recorded_at, record)
    SELECT in_ledger, e.position, e.stream, e.version, e.type, now_at,
           convert_to(header || e.position || middle || coalesce(e.inside, '') || E'}}\n', 'UTF8')
               || e.body
      FROM unnest(positions, in_event_stream, versions, in_event_type, numbers, in_event_body)
           AS e (position, stream, version, type, inside, body)
     WHERE e.position IS NOT NULL;

    -- Streams that did not exist are inserted, the others moved.
    INSERT INTO ledger.stream (ledger, stream, version, position)
    SELECT in_ledger, e.stream, max(e.version), max(e.position)
      FROM unnest(in_event_stream, versions, positions) AS e (stream, version, position)
     WHERE e.position IS NOT NULL
     GROUP BY e.stream
    HAVING min(e.version) = 1;
    SELECT array_agg(h.stream),
           jsonb_object_agg(h.stream, h.version), jsonb_object_agg(h.stream, h.position)
      INTO moving, to_version, to_position
      FROM (SELECT e.stream, max(e.version) AS version, max(e.position) AS position
              FROM unnest(in_event_stream, versions, positions) AS e (stream, version, position)
             WHERE e.position IS NOT NULL
             GROUP BY e.stream
            HAVING min(e.version) > 1) AS h;
    IF moving IS NOT NULL THEN
        UPDATE ledger.stream AS s
           SET version = (to_version ->> s.stream)::bigint,
               position = (to_position ->> s.stream)::bigint
         WHERE s.ledger = in_ledger AND s.stream = ANY (moving);
    END IF;

    INSERT INTO ledger.idempotency (ledger, key, digest, position, events)
    SELECT in_ledger, c.key, c.digest, c.position, c.events
      FROM unnest(in_key, in_digest, firsts, counts, fresh) AS c (key, digest, position, events, fresh)
     WHERE c.fresh;
    appended := cardinality(array_remove(positions, NULL));
    IF appended > 0 THEN
        UPDATE ledger.head AS h SET size = h.size + appended, recorded_at = now_at
         WHERE h.ledger = in_ledger;
    END IF;

    RETURN QUERY
    SELECT c.n::integer, c.outcome, c.position, c.events,
           CASE WHEN c.fresh THEN now_at END, CASE WHEN c.fresh THEN c.given END
      FROM unnest(outcomes, firsts, counts, fresh, given) WITH ORDINALITY
           AS c (outcome, position, events, fresh, given, n);
END
$$;

REVOKE ALL ON FUNCTION
    ledger.now(text),
    ledger.set_clock(text, timestamptz),
    ledger.open_ledger(text, text, timestamptz),
    ledger.take_over(text),
    ledger.append(text, bigint, text[], bytea[], integer[], text[], bigint[], integer[],
                  text[], text[], bytea[], integer[], text[])
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.now(text),
    ledger.set_clock(text, timestamptz),
    ledger.take_over(text),
    ledger.append(text, bigint, text[], bytea[], integer[], text[], bigint[], integer[],
                  text[], text[], bytea[], integer[], text[])
    TO ledger_app;
GRANT EXECUTE ON FUNCTION ledger.now(text) TO ledger_project, ledger_verify;
