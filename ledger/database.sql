-- name: databases
-- Which of the names given exist on this server.
SELECT datname
  FROM pg_database
 WHERE datname = ANY ($1);

-- name: create
-- The one database of an embedded cluster.
CREATE DATABASE caseledger;

-- name: close_others
-- Our roles have no business in the databases that every cluster comes with.
REVOKE ALL ON DATABASE postgres, template1 FROM PUBLIC;

-- name: set_password
-- The statement that gives a role its password: a verifier, so the password itself is never
-- sent and never logged.
SELECT format('ALTER ROLE %I PASSWORD %L', $1::text, $2::text);

-- name: me
-- Who is asking, and whether that is more than a plain role (ST-1).
SELECT r.rolname,
       r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolbypassrls
           OR r.rolname = 'ledger_owner' OR pg_has_role('ledger_owner', 'MEMBER') AS mighty
  FROM pg_roles AS r
 WHERE r.rolname = current_user;

-- name: durable
-- The settings without which a commit may be lost or a flipped bit stay unseen (ST-2, ST-13).
SELECT name, setting
  FROM pg_settings
 WHERE name IN ('fsync', 'full_page_writes', 'data_checksums', 'synchronous_commit',
                'server_version_num')
 ORDER BY name;
