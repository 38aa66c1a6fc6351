-- The one way in: clock, take-over and the append.
--
-- All are functions of the owner, whom nobody logs in as; the service may call them and has
-- no right to write of its own.  Time, position and official numbers are never arguments.

-- What time it is in that ledger: the database's, or the simulated one.
CREATE FUNCTION ledger.now(in_ledger text) RETURNS timestamptz
    LANGUAGE plpgsql VOLATILE
AS $$
DECLARE
    at timestamptz;
BEGIN
    SELECT CASE WHEN c.simulated THEN c.sim_at + (pg_catalog.clock_timestamp() - c.real_at)
                ELSE pg_catalog.clock_timestamp() END
      INTO at
      FROM ledger.clock AS c
     WHERE c.ledger = pg_catalog.split_part(in_ledger, '.', 1);
    IF at IS NULL THEN
        RAISE EXCEPTION 'no ledger %', in_ledger USING ERRCODE = 'LG001';
    END IF;
    RETURN at;
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
    size           bigint;       -- of the ledger before this batch
    held           bigint;       -- the epoch that may write
    before         timestamptz;  -- the newest event's time
    zone           text;
    now_at         timestamptz;
    year           text;         -- of now_at, in the ledger's zone
    header         text;         -- the first line up to the position
    middle         text;         -- and from there to the registers
    moved_stream   text[];       -- reads that are no longer true
    moved_version  bigint[];
    moved          integer[];    -- and the commands that rest on them
    outcomes       text[];       -- a command
    fresh          boolean[];    -- a command: is it appended now
    known_position bigint[];     -- a command: what was stored under its key
    known_events   integer[];
    unread         boolean;
    versions       bigint[];     -- an event
    positions      bigint[];     -- an event; NULL where its command is not appended
    numbers        text[];       -- an event: the inside of its registers
    number_event   integer[];    -- a number given: the event, the register, the number
    number_name    text[];
    number_given   bigint[];
    older          text[];       -- streams that existed before, and where they stand now
    older_version  jsonb;
    older_position jsonb;
BEGIN
    -- Any role can switch this off for itself; an append is durable all the same.
    IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
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

    -- Every look-up is by index, whatever the statistics say (LATERAL, OFFSET 0).  Arrays are
    -- handed to `unnest` as (SELECT …), which hides their length from the planner: it plans
    -- once, and not anew for each batch (a single caller waited twice as long).
    -- What many commands read alike is looked up once.
    SELECT array_agg(r.stream), array_agg(r.version) INTO moved_stream, moved_version
      FROM (SELECT DISTINCT u.stream COLLATE "C" AS stream, u.version
              FROM unnest((SELECT in_read_stream), (SELECT in_read_version))
                   AS u (stream, version)) AS r
      LEFT JOIN LATERAL (
           SELECT s.version FROM ledger.stream AS s
            WHERE s.ledger = in_ledger AND s.stream = r.stream OFFSET 0) AS s ON true
     WHERE r.version <> coalesce(s.version, 0);
    IF moved_stream IS NOT NULL THEN
        SELECT array_agg(DISTINCT r.command) INTO moved
          FROM unnest((SELECT in_read_command), (SELECT in_read_stream), (SELECT in_read_version))
               AS r (command, stream, version)
         WHERE (r.stream COLLATE "C", r.version) IN (
               SELECT m.stream COLLATE "C", m.version
                 FROM unnest((SELECT moved_stream), (SELECT moved_version)) AS m (stream, version));
    END IF;
    SELECT array_agg(c.outcome ORDER BY c.n), array_agg(c.outcome = 'appended' ORDER BY c.n),
           array_agg(c.position ORDER BY c.n), array_agg(c.events ORDER BY c.n)
      INTO outcomes, fresh, known_position, known_events
      FROM (SELECT k.n, i.position, i.events,
                   CASE WHEN i.digest = k.digest THEN 'replayed'
                        WHEN i.digest IS NOT NULL THEN 'key-reused'
                        WHEN k.n = ANY (moved) THEN 'moved'
                        ELSE 'appended' END AS outcome
              FROM unnest((SELECT in_key), (SELECT in_digest)) WITH ORDINALITY AS k (key, digest, n)
              LEFT JOIN LATERAL (
                   SELECT i.digest, i.position, i.events FROM ledger.idempotency AS i
                    WHERE i.ledger = in_ledger AND i.key = k.key OFFSET 0) AS i ON true) AS c;

    -- Number what is left.  Its reads are true, so a stream stands where it was read.
    SELECT array_agg(p.version ORDER BY p.n), array_agg(p.position ORDER BY p.n),
           bool_or(p.unread)
      INTO versions, positions, unread
      FROM (SELECT e.n, e.unread,
                   CASE WHEN e.fresh THEN coalesce(s.version, 0) + row_number() OVER (
                       PARTITION BY e.fresh, e.stream ORDER BY e.n) END AS version,
                   CASE WHEN e.fresh THEN size - 1 + row_number() OVER (
                       PARTITION BY e.fresh ORDER BY e.command, e.n) END AS position
              FROM (SELECT u.command, u.stream COLLATE "C" AS stream, u.n,
                           fresh[u.command] AS fresh,
                           (u.command, u.stream COLLATE "C") NOT IN (
                               SELECT r.command, r.stream COLLATE "C"
                                 FROM unnest((SELECT in_read_command), (SELECT in_read_stream))
                                      AS r (command, stream)) AS unread
                      FROM unnest((SELECT in_event_command), (SELECT in_event_stream))
                           WITH ORDINALITY AS u (command, stream, n)) AS e
              LEFT JOIN LATERAL (
                   SELECT s.version FROM ledger.stream AS s
                    WHERE s.ledger = in_ledger AND s.stream = e.stream OFFSET 0) AS s
                ON true) AS p;
    IF unread THEN
        RAISE EXCEPTION 'an event of a stream that was not read' USING ERRCODE = 'LG003';
    END IF;

    IF cardinality(in_number_event) > 0 THEN
        -- One more than the highest given so far: no gap, no reuse.
        SELECT array_agg(w.event), array_agg(w.name), array_agg(w.number)
          INTO number_event, number_name, number_given
          FROM (SELECT n.event, n.name,
                       n.nth + coalesce(first_value(l.number) OVER (
                           PARTITION BY n.name ORDER BY n.nth), 0) AS number
                  FROM (SELECT u.event, u.name COLLATE "C" AS name, row_number() OVER (
                                   PARTITION BY u.name COLLATE "C" ORDER BY u.position) AS nth
                          FROM (SELECT i.event, replace(i.register, '%Y', year) AS name,
                                       positions[i.event] AS position
                                  FROM unnest((SELECT in_number_event), (SELECT in_number_register))
                                       AS i (event, register)) AS u
                         WHERE u.position IS NOT NULL) AS n
                  LEFT JOIN LATERAL (
                       SELECT r.number FROM ledger.register AS r
                        WHERE n.nth = 1 AND r.ledger = in_ledger AND r.name = n.name
                        ORDER BY r.number DESC LIMIT 1) AS l ON true) AS w;
        INSERT INTO ledger.register (ledger, name, number, position)
        SELECT in_ledger, n.name, n.number, positions[n.event]
          FROM unnest((SELECT number_event), (SELECT number_name), (SELECT number_given))
               AS n (event, name, number);
        SELECT array_agg(e.inside ORDER BY e.n) INTO numbers
          FROM (SELECT a.n, string_agg(a.pair, ',' ORDER BY a.name) AS inside
                  FROM (SELECT generate_series(1, cardinality(positions)) AS n,
                               NULL::text AS pair, NULL::text COLLATE "C" AS name
                         UNION ALL
                        SELECT n.event, '"' || n.name || '":' || n.number, n.name
                          FROM unnest((SELECT number_event), (SELECT number_name),
                                      (SELECT number_given)) AS n (event, name, number)) AS a
                 GROUP BY a.n) AS e;
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
      FROM unnest((SELECT positions), (SELECT in_event_stream), (SELECT versions),
                  (SELECT in_event_type), (SELECT numbers), (SELECT in_event_body))
           AS e (position, stream, version, type, inside, body)
     WHERE e.position IS NOT NULL;

    -- Streams that did not exist are inserted, the others moved.
    IF 1 = ANY (versions) THEN
        INSERT INTO ledger.stream (ledger, stream, version, position)
        SELECT in_ledger, e.stream, max(e.version), max(e.position)
          FROM unnest((SELECT in_event_stream), (SELECT versions), (SELECT positions))
               AS e (stream, version, position)
         WHERE e.position IS NOT NULL
         GROUP BY e.stream
        HAVING min(e.version) = 1;
    END IF;
    IF 1 < ANY (versions) THEN
        SELECT array_agg(s.stream),
               jsonb_object_agg(s.stream, s.version), jsonb_object_agg(s.stream, s.position)
          INTO older, older_version, older_position
          FROM (SELECT e.stream, max(e.version) AS version, max(e.position) AS position
                  FROM unnest((SELECT in_event_stream), (SELECT versions), (SELECT positions))
                       AS e (stream, version, position)
                 WHERE e.position IS NOT NULL
                 GROUP BY e.stream
                HAVING min(e.version) > 1) AS s;
        UPDATE ledger.stream AS s
           SET version = (older_version ->> s.stream)::bigint,
               position = (older_position ->> s.stream)::bigint
         WHERE s.ledger = in_ledger AND s.stream = ANY ((SELECT older)::text[]);
    END IF;

    INSERT INTO ledger.idempotency (ledger, key, digest, position, events)
    SELECT in_ledger, in_key[e.command], in_digest[e.command], min(e.position), count(*)
      FROM unnest((SELECT in_event_command), (SELECT positions)) AS e (command, position)
     WHERE e.position IS NOT NULL
     GROUP BY e.command;
    UPDATE ledger.head AS h
       SET size = h.size + cardinality(array_remove(positions, NULL)), recorded_at = now_at
     WHERE h.ledger = in_ledger AND true = ANY (fresh);

    RETURN QUERY
    SELECT a.command, outcomes[a.command], min(a.position), sum(a.events)::integer,
           CASE WHEN fresh[a.command] THEN now_at END,
           CASE WHEN fresh[a.command] AND numbers IS NOT NULL
                THEN '[' || string_agg('{' || a.inside || '}', ',' ORDER BY a.n) || ']' END
      FROM (SELECT k.n::integer AS command, k.position, k.events, NULL::text AS inside, 0 AS n
              FROM unnest((SELECT known_position), (SELECT known_events)) WITH ORDINALITY
                   AS k (position, events, n)
             UNION ALL
            SELECT e.command, e.position, 1, coalesce(e.inside, ''), e.n
              FROM unnest((SELECT in_event_command), (SELECT positions), (SELECT numbers))
                   WITH ORDINALITY AS e (command, position, inside, n)
             WHERE e.position IS NOT NULL) AS a
     GROUP BY a.command
     ORDER BY a.command;
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
