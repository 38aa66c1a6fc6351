-- What is asked of a server before anything is served (SECURITY 7).

-- name: me
-- Who is asking, and whether that is more than a plain role (ST-1).
SELECT r.rolname,
       r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolbypassrls
           OR r.rolname = 'ledger_owner'
           OR EXISTS (SELECT FROM pg_catalog.pg_roles AS o
                       WHERE o.rolname = 'ledger_owner'
                         AND pg_catalog.pg_has_role(r.oid, o.oid, 'MEMBER')) AS mighty
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname = current_user;

-- name: roles
-- Our roles: what they are beyond plain ones, and whose members.
SELECT r.rolname AS role,
       r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolbypassrls AS mighty,
       r.rolreplication AS replication, r.rolcanlogin AS login,
       (SELECT array_agg(DISTINCT pg_catalog.pg_get_userbyid(m.roleid)::text
                             || CASE WHEN m.inherit_option THEN ' inherited' ELSE '' END
                             || CASE WHEN m.admin_option THEN ' admin' ELSE '' END)
          FROM pg_catalog.pg_auth_members AS m
         WHERE m.member = r.oid) AS memberships
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname = 'ledger_owner' OR r.rolname = ANY ($1)
 ORDER BY r.rolname;

-- name: writes
-- Rights to change evidence that somebody has, however they came by them; `public` is PUBLIC.
SELECT w.role, n.nspname || '.' || c.relname AS place, p.privilege
  FROM unnest($1::text[] || ARRAY['public']) AS w (role)
 CROSS JOIN pg_catalog.pg_class AS c
  JOIN pg_catalog.pg_namespace AS n
    ON n.oid = c.relnamespace AND n.nspname = 'ledger'
 CROSS JOIN unnest(ARRAY['INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'MAINTAIN', 'TRIGGER',
                         'REFERENCES']) AS p (privilege)
 WHERE c.relkind IN ('r', 'p')
   AND (pg_catalog.has_table_privilege(w.role::name, c.oid, p.privilege)
        OR (p.privilege IN ('INSERT', 'UPDATE', 'REFERENCES')
            AND pg_catalog.has_any_column_privilege(w.role::name, c.oid, p.privilege)))
 ORDER BY 2, 1, 3
 LIMIT 20;

-- name: settings
-- Settings without which a commit may be lost or a flipped bit stay unseen (ST-2, ST-3, ST-13).
SELECT name, setting
  FROM pg_catalog.pg_settings
 WHERE name IN ('fsync', 'full_page_writes', 'data_checksums', 'synchronous_commit',
                'server_version_num', 'synchronous_standby_names', 'password_encryption')
 ORDER BY name;

-- name: standbys
-- Standbys that are attached.  Who is no monitor sees that one is there, not how it is: then a
-- commit waits for it all the same.
SELECT count(*)
  FROM pg_catalog.pg_stat_replication
 WHERE state IS NULL
    OR (state = 'streaming' AND sync_state IN ('sync', 'quorum'));

-- name: set_for_roles
-- What is set for our roles, or for everybody, here or everywhere (ST-4).
SELECT CASE WHEN s.setrole = 0 THEN 'everybody'
            ELSE pg_catalog.pg_get_userbyid(s.setrole)::text END
           || CASE WHEN s.setdatabase = 0 THEN '' ELSE ' in this database' END AS who,
       unnest(s.setconfig) AS setting
  FROM pg_catalog.pg_db_role_setting AS s
 WHERE (s.setdatabase = 0 OR s.setdatabase = (
            SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()))
   AND (s.setrole = 0 OR pg_catalog.pg_get_userbyid(s.setrole) = ANY ($1))
 ORDER BY 1, 2;

-- name: migrations
-- What was applied.
SELECT number, name, sha256
  FROM ledger.migration
 ORDER BY number;

-- name: connection
-- How this connection reaches the server: by a socket (no address), or by TCP and how.
SELECT pg_catalog.inet_server_addr() IS NOT NULL AS tcp, s.ssl, s.version
  FROM (SELECT pg_catalog.pg_backend_pid() AS pid) AS me
  LEFT JOIN pg_catalog.pg_stat_ssl AS s
    ON s.pid = me.pid;
