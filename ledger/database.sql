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
