-- The evidence: heads, streams, events, registers, and the keys of what was asked for.
--
-- Every key begins with the ledger, and no transaction touches the events of two ledgers.
-- Nothing here may be removed by a later release: the tables are the record.

-- One row a ledger: who appends locks it, and whoever holds it gives the next positions.
-- Updated in place all day long, so its pages keep room for the new versions of the row.
CREATE TABLE ledger.head (
    ledger      text        COLLATE "C" NOT NULL,
    size        bigint      NOT NULL DEFAULT 0,
    recorded_at timestamptz,
    epoch       bigint      NOT NULL DEFAULT 0,
    zone        text        COLLATE "C" NOT NULL,
    CONSTRAINT head_of_a_ledger PRIMARY KEY (ledger),
    CONSTRAINT ledger_is_a_name CHECK (ledger ~ '^[a-z0-9][a-z0-9-]{0,39}(\.[a-z]{1,16})?$'),
    CONSTRAINT time_once_there_is_an_event CHECK ((size = 0) = (recorded_at IS NULL)),
    CONSTRAINT size_is_not_negative CHECK (size >= 0)
) WITH (
    fillfactor = 10,
    autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_scale_factor = 0
);

-- What time it is in a ledger.  A real one has the database's clock and nothing sets it; a
-- simulated one (模拟台账) starts at a chosen instant and runs on from there.  Companion
-- sequences (`<ledger>.open`) share the row of their ledger.
CREATE TABLE ledger.clock (
    ledger    text        COLLATE "C" NOT NULL,
    simulated boolean     NOT NULL,
    sim_at    timestamptz,
    real_at   timestamptz,
    CONSTRAINT clock_of_a_ledger PRIMARY KEY (ledger),
    CONSTRAINT only_a_simulated_clock_is_set
        CHECK (simulated = (sim_at IS NOT NULL) AND simulated = (real_at IS NOT NULL))
);

-- A name is checked by what it must not hold: a pattern with a bound such as {1,80} costs
-- eleven microseconds a row, this half of one.
--
-- Where each stream stands: what an act was decided on is compared with this.
CREATE TABLE ledger.stream (
    ledger   text   COLLATE "C" NOT NULL,
    stream   text   COLLATE "C" NOT NULL,
    version  bigint NOT NULL,
    position bigint NOT NULL,
    CONSTRAINT head_of_a_stream PRIMARY KEY (ledger, stream),
    CONSTRAINT stream_is_a_name
        CHECK (octet_length(stream) BETWEEN 1 AND 80 AND stream !~ '[^A-Za-z0-9:._/-]'),
    CONSTRAINT versions_begin_at_one CHECK (version >= 1)
) WITH (
    fillfactor = 70,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02
);

-- Names are checked by what must not be in them: a bounded repetition costs 17 times as much.

-- What happened.  `record` is what is hashed and served; the columns beside it are an index
-- into it.  Nobody can hand in a wrong leaf: the database computes it.
CREATE TABLE ledger.event (
    ledger      text        COLLATE "C" NOT NULL,
    position    bigint      NOT NULL,
    stream      text        COLLATE "C" NOT NULL,
    version     bigint      NOT NULL,
    type        text        COLLATE "C" NOT NULL,
    recorded_at timestamptz NOT NULL,
    record      bytea       NOT NULL,
    leaf        bytea       GENERATED ALWAYS AS (sha256('\x00'::bytea || record)) STORED,
    CONSTRAINT one_event_per_position PRIMARY KEY (ledger, position),
    CONSTRAINT type_is_a_word
        CHECK (octet_length(type) BETWEEN 1 AND 60 AND type !~ '[^a-z0-9-]'),
    CONSTRAINT record_is_small CHECK (octet_length(record) <= 60000)
) PARTITION BY RANGE (position);

-- A record is short and already dense: compressing it costs more than its place.
ALTER TABLE ledger.event ALTER COLUMN record SET STORAGE EXTERNAL;

CREATE INDEX event_by_time ON ledger.event USING brin (recorded_at);

-- Which request was answered with what, so that a repeated one is answered alike.  The key
-- carries its scope (person, client system); the digest is keyed outside the database.
CREATE TABLE ledger.idempotency (
    ledger   text    COLLATE "C" NOT NULL,
    key      text    COLLATE "C" NOT NULL,
    digest   bytea   NOT NULL,
    position bigint  NOT NULL,
    events   integer NOT NULL,
    CONSTRAINT one_answer_per_key PRIMARY KEY (ledger, key),
    CONSTRAINT key_is_short CHECK (octet_length(key) BETWEEN 1 AND 1000),
    CONSTRAINT an_answer_has_events CHECK (events >= 1)
) WITH (
    autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02
);

-- Every official number ever given (登记簿, 文号), one row each and never a counter: a gap
-- would show, and where it is.
CREATE TABLE ledger.register (
    ledger   text   COLLATE "C" NOT NULL,
    name     text   COLLATE "C" NOT NULL,
    number   bigint NOT NULL,
    position bigint NOT NULL,
    CONSTRAINT one_place_per_number PRIMARY KEY (ledger, name, number),
    CONSTRAINT register_is_a_name
        CHECK (octet_length(name) BETWEEN 1 AND 120 AND name !~ '[^A-Za-z0-9/._-]'),
    CONSTRAINT numbers_begin_at_one CHECK (number >= 1)
) WITH (
    autovacuum_vacuum_insert_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02
);

-- Refuses what never happens to evidence.  A tripwire: a superuser can remove it, and the
-- log, not this, is the proof.
CREATE FUNCTION ledger.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RAISE EXCEPTION '% on %.% is never done', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME
          USING ERRCODE = 'insufficient_privilege';
END
$$;

CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.event
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.event ENABLE ALWAYS TRIGGER never_changed;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.register
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.register ENABLE ALWAYS TRIGGER never_changed;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.idempotency
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.idempotency ENABLE ALWAYS TRIGGER never_changed;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON ledger.stream
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.stream ENABLE ALWAYS TRIGGER never_removed;
CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON ledger.head
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.head ENABLE ALWAYS TRIGGER never_removed;

-- Makes the partition of the 10 million positions after the last one, once the ledger has
-- filled half of that; answers its first position, or NULL when none was wanted.  The table
-- is made beside and attached: nobody waits behind readers.  Two at once: the second finds
-- the name taken, which is all the guard it needs.
CREATE FUNCTION ledger.next_partition(in_ledger text) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '2s'
AS $$
DECLARE
    width  CONSTANT bigint := 10000000;
    filled bigint;
    made   bigint;
    name   text;
BEGIN
    SELECT coalesce(max(substr(c.relname, 7)::bigint) + 1, 0) INTO made
      FROM pg_class AS c
     WHERE c.relnamespace = 'ledger'::regnamespace
       AND c.relkind = 'r'
       AND c.relname ~ '^event_[0-9]+$';
    SELECT h.size INTO filled FROM ledger.head AS h WHERE h.ledger = in_ledger;
    IF made > 0 AND coalesce(filled, 0) < made * width - width / 2 THEN
        RETURN NULL;
    END IF;
    name := format('event_%s', lpad(made::text, 4, '0'));
    EXECUTE format(
        'CREATE TABLE ledger.%I (LIKE ledger.event INCLUDING ALL)
         WITH (autovacuum_vacuum_insert_scale_factor = 0.02,
               autovacuum_analyze_scale_factor = 0.02,
               toast_tuple_target = 8160)', name);
    -- The guard of versions behind `stream`: a partitioned table cannot have it as a whole.
    EXECUTE format(
        'CREATE UNIQUE INDEX %1$I ON ledger.%2$I (ledger, stream, version)',
        name || '_one_event_per_version', name);
    EXECUTE format(
        'CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.%1$I
         FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change()', name);
    EXECUTE format('ALTER TABLE ledger.%1$I ENABLE ALWAYS TRIGGER never_changed', name);
    EXECUTE format(
        'ALTER TABLE ledger.event ATTACH PARTITION ledger.%1$I FOR VALUES FROM (%2$s) TO (%3$s)',
        name, made * width, (made + 1) * width);
    RETURN made * width;
EXCEPTION
    WHEN duplicate_table THEN
        RETURN NULL;
END
$$;

SELECT ledger.next_partition('');

REVOKE ALL ON FUNCTION ledger.refuse_change(), ledger.next_partition(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.next_partition(text) TO ledger_app;
GRANT SELECT ON ledger.head, ledger.clock, ledger.stream, ledger.event, ledger.idempotency,
                ledger.register
    TO ledger_app, ledger_verify;
GRANT SELECT ON ledger.head, ledger.clock, ledger.stream, ledger.event, ledger.register
    TO ledger_project;
