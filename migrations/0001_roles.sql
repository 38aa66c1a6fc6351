-- migrate: as-creator
--
-- Schemas, roles, and the journal of these files: who may come in, before there is anything
-- to see.  Run once by whoever may create roles; every later file runs as `ledger_owner`.
-- Roles belong to the whole server, not to this database: each statement about them looks
-- first, so that a second database on the same server changes nothing.

DO $roles$
DECLARE
    wanted   record;
    owner_of text := current_user;
BEGIN
    FOR wanted IN
        SELECT *
          FROM (VALUES
              -- Owns everything and can never log in.
              ('ledger_owner',   'NOLOGIN', -1),
              -- May become the owner; used by `migrate` only.
              ('ledger_migrate', 'LOGIN',    4),
              -- The service: reads, and appends through functions.  Nothing else.
              ('ledger_app',     'LOGIN',   40),
              -- The projections: reads events, writes what they mean.
              ('ledger_project', 'LOGIN',   16),
              -- People's own tools: views only.
              ('ledger_read',    'LOGIN',   16),
              -- Derives everything again from the evidence.
              ('ledger_verify',  'LOGIN',    8),
              -- Streams the write-ahead log to a copy.
              ('ledger_backup',  'LOGIN',    4)
          ) AS r (role, login, connections)
    LOOP
        CONTINUE WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.role);
        BEGIN
            EXECUTE format(
                'CREATE ROLE %I %s NOINHERIT NOSUPERUSER NOCREATEDB NOCREATEROLE CONNECTION LIMIT %s',
                wanted.role, wanted.login, wanted.connections
            );
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- another database of this server made it in this very moment
        END;
    END LOOP;

    IF NOT pg_has_role('ledger_migrate', 'ledger_owner', 'SET') THEN
        GRANT ledger_owner TO ledger_migrate WITH INHERIT FALSE, SET TRUE;
    END IF;
    -- A creator that is no superuser must be able to hand over what it makes here.
    IF NOT pg_has_role(owner_of, 'ledger_owner', 'SET') THEN
        EXECUTE format('GRANT ledger_owner TO %I WITH INHERIT TRUE, SET TRUE', owner_of);
    END IF;
END
$roles$;

-- What only a superuser may say.  A hosted server says no, and works without.
DO $superuser$
DECLARE
    name regprocedure;
BEGIN
    IF NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
        RAISE NOTICE 'not a superuser: give ledger_backup REPLICATION by hand, and large objects stay open';
        RETURN;
    END IF;
    IF NOT (SELECT rolreplication FROM pg_roles WHERE rolname = 'ledger_backup') THEN
        ALTER ROLE ledger_backup REPLICATION;
    END IF;
    -- Large objects would be a store that no table right governs.
    FOR name IN
        SELECT oid::regprocedure
          FROM pg_proc
         WHERE pronamespace = 'pg_catalog'::regnamespace
           AND proname ~ '^lo(_|read$|write$)'
    LOOP
        EXECUTE format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', name);
    END LOOP;
END
$superuser$;

-- Limits that hold whatever a client asks for at first.  The service has no
-- statement_timeout: it would cut an append whose outcome is then unknown.
DO $limits$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT *
          FROM (VALUES
              ('ledger_app',     'lock_timeout',                        '2s'),
              ('ledger_app',     'idle_in_transaction_session_timeout', '5s'),
              ('ledger_project', 'lock_timeout',                        '5s'),
              ('ledger_project', 'idle_in_transaction_session_timeout', '60s'),
              ('ledger_read',    'statement_timeout',                   '30s'),
              ('ledger_read',    'idle_in_transaction_session_timeout', '60s'),
              ('ledger_read',    'default_transaction_read_only',       'on'),
              ('ledger_verify',  'default_transaction_read_only',       'on')
          ) AS s (role, setting, value)
    LOOP
        CONTINUE WHEN EXISTS (
            SELECT
              FROM pg_db_role_setting
             WHERE setdatabase = 0
               AND setrole = to_regrole(wanted.role)
               AND wanted.setting || '=' || wanted.value = ANY (setconfig)
        );
        EXECUTE format('ALTER ROLE %I SET %I = %L', wanted.role, wanted.setting, wanted.value);
    END LOOP;
END
$limits$;

-- Nobody makes temporary tables or anything in `public`: both are places from which a name
-- could be taken over.
DO $database$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO ledger_migrate, ledger_app, ledger_project, ledger_read, '
        'ledger_verify, ledger_backup',
        current_database()
    );
END
$database$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE ledger_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;
ALTER DEFAULT PRIVILEGES FOR ROLE ledger_owner REVOKE USAGE ON TYPES FROM PUBLIC;

-- The evidence.
CREATE SCHEMA ledger AUTHORIZATION ledger_owner;
GRANT USAGE ON SCHEMA ledger TO ledger_migrate, ledger_app, ledger_project, ledger_verify;

-- What it means today; may be thrown away and made again.
CREATE SCHEMA projections AUTHORIZATION ledger_owner;
GRANT USAGE ON SCHEMA projections TO ledger_app, ledger_project, ledger_read, ledger_verify;

-- Which of these files were applied, with what content: an applied file is never edited.
CREATE TABLE ledger.migration (
    number     integer     NOT NULL,
    name       text        COLLATE "C" NOT NULL,
    sha256     bytea       NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT one_file_per_number PRIMARY KEY (number),
    CONSTRAINT numbers_begin_at_one CHECK (number >= 1)
);
ALTER TABLE ledger.migration OWNER TO ledger_owner;
GRANT SELECT ON ledger.migration TO ledger_migrate, ledger_app, ledger_project, ledger_verify;
