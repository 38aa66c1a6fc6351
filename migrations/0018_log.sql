-- The transparency log of each sequence: its tree, its checkpoints, and who else signed them.
--
-- Leaf i is the event at position i.  Full tiles are stored, partial ones computed when asked
-- for.  Everything here can be computed again from the events except the checkpoints and what
-- others signed: those are evidence, and are kept for ever.

SET LOCAL lock_timeout = '5s';

-- One row a log.  `origin` is its name among all logs of the world: chosen once, never used
-- again.  `keys` are the verifier keys that sign, the newest last; `frontier` the hashes of the
-- full subtrees, side by side; `signed_size` the size of the newest checkpoint, 0: none yet.
CREATE TABLE ledger.log (
    ledger      text   COLLATE "C" NOT NULL,
    origin      text   COLLATE "C" NOT NULL,
    keys        text[] COLLATE "C" NOT NULL,
    size        bigint NOT NULL DEFAULT 0,
    frontier    bytea  NOT NULL DEFAULT '\x',
    signed_size bigint NOT NULL DEFAULT 0,
    CONSTRAINT log_of_a_sequence PRIMARY KEY (ledger),
    CONSTRAINT origin_is_a_name
        CHECK (octet_length(origin) BETWEEN 1 AND 200 AND origin !~ '[^A-Za-z0-9./:_-]'),
    CONSTRAINT somebody_signs CHECK (cardinality(keys) >= 1),
    CONSTRAINT signed_is_integrated CHECK (signed_size BETWEEN 0 AND size)
) WITH (
    fillfactor = 10,
    autovacuum_vacuum_threshold = 500,
    autovacuum_vacuum_scale_factor = 0
);

-- Full tiles (C2SP tlog-tiles): 256 hashes, and the one over all of them, which is their entry
-- in the level above.
CREATE TABLE ledger.tile (
    ledger text    COLLATE "C" NOT NULL,
    level  integer NOT NULL,
    n      bigint  NOT NULL,
    hashes bytea   NOT NULL,
    root   bytea   NOT NULL,
    CONSTRAINT one_tile_per_place PRIMARY KEY (ledger, level, n),
    CONSTRAINT only_full_tiles CHECK (octet_length(hashes) = 8192 AND octet_length(root) = 32)
);
ALTER TABLE ledger.tile ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Every checkpoint ever signed, with the epoch and the timeline of the server it was signed on.
CREATE TABLE ledger.checkpoint (
    ledger    text        COLLATE "C" NOT NULL,
    size      bigint      NOT NULL,
    root      bytea       NOT NULL,
    note      bytea       NOT NULL,
    signed_at timestamptz NOT NULL,
    epoch     bigint      NOT NULL,
    timeline  integer     NOT NULL,
    CONSTRAINT one_checkpoint_per_size PRIMARY KEY (ledger, size),
    CONSTRAINT a_root_is_a_hash CHECK (octet_length(root) = 32)
);

-- What witnesses signed: one line of each under a checkpoint, at its second since 1970.
CREATE TABLE ledger.cosignature (
    ledger  text   COLLATE "C" NOT NULL,
    size    bigint NOT NULL,
    witness text   COLLATE "C" NOT NULL,
    line    text   COLLATE "C" NOT NULL,
    at      bigint NOT NULL,
    CONSTRAINT one_line_per_witness PRIMARY KEY (ledger, size, witness),
    CONSTRAINT under_a_checkpoint FOREIGN KEY (ledger, size) REFERENCES ledger.checkpoint
);

-- What time-stamping authorities answered (RFC 3161), byte for byte.
CREATE TABLE ledger.time_stamp (
    ledger    text   COLLATE "C" NOT NULL,
    size      bigint NOT NULL,
    authority text   COLLATE "C" NOT NULL,
    token     bytea  NOT NULL,
    CONSTRAINT one_token_per_authority PRIMARY KEY (ledger, size, authority),
    CONSTRAINT on_a_checkpoint FOREIGN KEY (ledger, size) REFERENCES ledger.checkpoint
);

CREATE TRIGGER never_removed BEFORE DELETE OR TRUNCATE ON ledger.log
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.log ENABLE ALWAYS TRIGGER never_removed;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.tile
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.tile ENABLE ALWAYS TRIGGER never_changed;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.checkpoint
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.checkpoint ENABLE ALWAYS TRIGGER never_changed;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.cosignature
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.cosignature ENABLE ALWAYS TRIGGER never_changed;
CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.time_stamp
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.time_stamp ENABLE ALWAYS TRIGGER never_changed;

-- Begins the log of a sequence.  For who migrates only: an origin is chosen once.
CREATE FUNCTION ledger.open_log(in_ledger text, in_origin text, in_key text) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM ledger.head AS h WHERE h.ledger = in_ledger) THEN
        RAISE EXCEPTION 'no ledger %', in_ledger USING ERRCODE = 'LG001';
    END IF;
    INSERT INTO ledger.log (ledger, origin, keys) VALUES (in_ledger, in_origin, ARRAY[in_key]);
END
$$;

-- Says which keys sign from now on.  For who migrates only.
CREATE FUNCTION ledger.set_log_keys(in_ledger text, in_keys text[]) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE ledger.log AS l SET keys = in_keys WHERE l.ledger = in_ledger;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no log of %', in_ledger USING ERRCODE = 'LG001';
    END IF;
END
$$;

-- Moves the tree of a log on by the events in_from … in_to - 1: the tiles that became full, and
-- the new frontier.  False where somebody else has moved it meanwhile: then look again.
CREATE FUNCTION ledger.integrate(
    in_ledger   text,
    in_epoch    bigint,
    in_from     bigint,
    in_to       bigint,
    in_frontier bytea,
    in_level    integer[],
    in_n        bigint[],
    in_hashes   bytea[],
    in_root     bytea[]
) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '2s'
AS $$
DECLARE
    here bigint;
    held bigint;
    full_size bigint;
BEGIN
    SELECT l.size INTO here
      FROM ledger.log AS l WHERE l.ledger = in_ledger FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no log of %', in_ledger USING ERRCODE = 'LG001';
    END IF;
    SELECT h.epoch, h.size INTO held, full_size
      FROM ledger.head AS h WHERE h.ledger = in_ledger;
    IF held IS DISTINCT FROM in_epoch THEN
        RAISE EXCEPTION 'the writer of epoch % is not the one of %', in_epoch, held
              USING ERRCODE = 'LG002';
    END IF;
    IF here <> in_from THEN
        RETURN false;
    END IF;
    IF in_to < in_from OR in_to > full_size THEN
        RAISE EXCEPTION 'a tree of % events in a ledger of %', in_to, full_size
              USING ERRCODE = 'LG006';
    END IF;
    IF EXISTS (
        SELECT FROM unnest((SELECT in_level), (SELECT in_n), (SELECT in_hashes))
                    AS t (level, n, hashes)
          JOIN ledger.tile AS k
            ON k.ledger = in_ledger AND k.level = t.level AND k.n = t.n
         WHERE k.hashes <> t.hashes) THEN
        RAISE EXCEPTION 'a tile that is stored differs from its events' USING ERRCODE = 'LG006';
    END IF;
    INSERT INTO ledger.tile (ledger, level, n, hashes, root)
    SELECT in_ledger, t.level, t.n, t.hashes, t.root
      FROM unnest((SELECT in_level), (SELECT in_n), (SELECT in_hashes), (SELECT in_root))
           AS t (level, n, hashes, root)
     WHERE NOT EXISTS (
           SELECT FROM ledger.tile AS k
            WHERE k.ledger = in_ledger AND k.level = t.level AND k.n = t.n);
    UPDATE ledger.log AS l SET size = in_to, frontier = in_frontier WHERE l.ledger = in_ledger;
    RETURN true;
END
$$;

-- Stores a signed checkpoint.  False where another one was signed meanwhile: then look again.
-- Only the deployment that may write signs: a fenced one would sign a fork.
CREATE FUNCTION ledger.publish(
    in_ledger text,
    in_epoch  bigint,
    in_before bigint,
    in_size   bigint,
    in_root   bytea,
    in_note   bytea
) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '2s'
AS $$
DECLARE
    signed bigint;
    held   bigint;
BEGIN
    IF current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN
        PERFORM set_config('synchronous_commit', 'on', true);
    END IF;
    SELECT l.signed_size INTO signed
      FROM ledger.log AS l WHERE l.ledger = in_ledger FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no log of %', in_ledger USING ERRCODE = 'LG001';
    END IF;
    SELECT h.epoch INTO held FROM ledger.head AS h WHERE h.ledger = in_ledger;
    IF held IS DISTINCT FROM in_epoch THEN
        RAISE EXCEPTION 'the writer of epoch % is not the one of %', in_epoch, held
              USING ERRCODE = 'LG002';
    END IF;
    IF signed <> in_before OR in_size <= signed THEN
        RETURN false;
    END IF;
    INSERT INTO ledger.checkpoint (ledger, size, root, note, signed_at, epoch, timeline)
    VALUES (in_ledger, in_size, in_root, in_note, clock_timestamp(), in_epoch,
            ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer);
    UPDATE ledger.log AS l SET signed_size = in_size WHERE l.ledger = in_ledger;
    RETURN true;
END
$$;

-- Keeps what a witness signed; false where its line under that checkpoint is kept already.
CREATE FUNCTION ledger.keep_cosignature(
    in_ledger text, in_size bigint, in_witness text, in_line text, in_at bigint
) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '2s'
AS $$
BEGIN
    INSERT INTO ledger.cosignature (ledger, size, witness, line, at)
    VALUES (in_ledger, in_size, in_witness, in_line, in_at);
    RETURN true;
EXCEPTION
    WHEN unique_violation THEN
        RETURN false;
END
$$;

-- Keeps what a time-stamping authority answered; false where one of it is kept already.
CREATE FUNCTION ledger.keep_time_stamp(
    in_ledger text, in_size bigint, in_authority text, in_token bytea
) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '2s'
AS $$
BEGIN
    INSERT INTO ledger.time_stamp (ledger, size, authority, token)
    VALUES (in_ledger, in_size, in_authority, in_token);
    RETURN true;
EXCEPTION
    WHEN unique_violation THEN
        RETURN false;
END
$$;

-- A ledger has two companion sequences: the open line of its access log, with refusals, and the
-- sealed line of inspection.  Those that are there already get their sealed line now.
CREATE OR REPLACE FUNCTION ledger.open_ledger(
    in_ledger text, in_zone text, in_simulated_start timestamptz
) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    PERFORM clock_timestamp() AT TIME ZONE in_zone;  -- refuses a zone nobody knows
    INSERT INTO ledger.head (ledger, zone) VALUES (in_ledger, in_zone);
    INSERT INTO ledger.head (ledger, zone) VALUES (in_ledger || '.open', in_zone);
    INSERT INTO ledger.head (ledger, zone) VALUES (in_ledger || '.sealed', in_zone);
    INSERT INTO ledger.clock (ledger, simulated, sim_at, real_at)
    VALUES (in_ledger, in_simulated_start IS NOT NULL, in_simulated_start,
            CASE WHEN in_simulated_start IS NOT NULL THEN clock_timestamp() END);
END
$$;

INSERT INTO ledger.head (ledger, zone, epoch)
SELECT h.ledger || '.sealed', h.zone, h.epoch
  FROM ledger.head AS h
 WHERE strpos(h.ledger, '.') = 0
   AND NOT EXISTS (SELECT FROM ledger.head AS s WHERE s.ledger = h.ledger || '.sealed');

REVOKE ALL ON FUNCTION
    ledger.open_log(text, text, text), ledger.set_log_keys(text, text[]),
    ledger.integrate(text, bigint, bigint, bigint, bytea, integer[], bigint[], bytea[], bytea[]),
    ledger.publish(text, bigint, bigint, bigint, bytea, bytea),
    ledger.keep_cosignature(text, bigint, text, text, bigint),
    ledger.keep_time_stamp(text, bigint, text, bytea)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    ledger.integrate(text, bigint, bigint, bigint, bytea, integer[], bigint[], bytea[], bytea[]),
    ledger.publish(text, bigint, bigint, bigint, bytea, bytea),
    ledger.keep_cosignature(text, bigint, text, text, bigint),
    ledger.keep_time_stamp(text, bigint, text, bytea)
    TO ledger_app;
GRANT SELECT ON ledger.log, ledger.tile, ledger.checkpoint, ledger.cosignature, ledger.time_stamp
    TO ledger_app, ledger_verify;
