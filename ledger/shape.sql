-- What the database is made of, as rows that can be compared with what our migrations make.

-- name: shape
-- Tables, columns, constraints, indexes, triggers, rules, functions and rights of our schemas.
-- Everything here can be read by any role; nothing depends on the session.
WITH ours AS (
    SELECT c.oid, n.nspname || '.' || c.relname AS place, c.relkind, c.relpersistence, c.relacl,
           c.relowner, c.relispartition, c.relrowsecurity
      FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n
        ON n.oid = c.relnamespace
     WHERE n.nspname IN ('ledger', 'projections')
       AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
), found AS (
    SELECT 'table' AS kind, o.place, '' AS name,
           concat_ws(' ', o.relkind, o.relpersistence, pg_catalog.pg_get_userbyid(o.relowner),
                     CASE WHEN o.relrowsecurity THEN 'row security' END) AS said
      FROM ours AS o
     UNION ALL
    SELECT 'column', o.place, a.attname,
           concat_ws(' ', pg_catalog.format_type(a.atttypid, a.atttypmod),
                     CASE WHEN a.attnotnull THEN 'not null' END,
                     CASE WHEN a.attcollation <> 0 THEN 'collation ' || (
                          SELECT k.collname FROM pg_catalog.pg_collation AS k
                           WHERE k.oid = a.attcollation) END,
                     CASE WHEN a.attgenerated <> '' THEN 'generated' END,
                     pg_catalog.pg_get_expr(d.adbin, d.adrelid))
      FROM ours AS o
      JOIN pg_catalog.pg_attribute AS a
        ON a.attrelid = o.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_catalog.pg_attrdef AS d
        ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     UNION ALL
    -- NOT NULL is told with its column: PostgreSQL 18 has a constraint of it, 17 has not.
    SELECT 'constraint', o.place, k.conname,
           pg_catalog.pg_get_constraintdef(k.oid)
               || CASE WHEN k.convalidated THEN '' ELSE ' NOT VALID' END
      FROM ours AS o
      JOIN pg_catalog.pg_constraint AS k
        ON k.conrelid = o.oid AND k.contype <> 'n'
     UNION ALL
    SELECT 'index', o.place, x.relname,
           pg_catalog.pg_get_indexdef(x.oid)
               || CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' INVALID' END
      FROM ours AS o
      JOIN pg_catalog.pg_index AS i
        ON i.indrelid = o.oid
      JOIN pg_catalog.pg_class AS x
        ON x.oid = i.indexrelid
     UNION ALL
    SELECT 'trigger', o.place, t.tgname,
           pg_catalog.pg_get_triggerdef(t.oid)
               || CASE t.tgenabled WHEN 'A' THEN ' ALWAYS' WHEN 'D' THEN ' DISABLED'
                                   WHEN 'R' THEN ' REPLICA' ELSE '' END
      FROM ours AS o
      JOIN pg_catalog.pg_trigger AS t
        ON t.tgrelid = o.oid AND NOT t.tgisinternal
     UNION ALL
    SELECT 'rule', o.place, r.rulename, pg_catalog.pg_get_ruledef(r.oid)
      FROM ours AS o
      JOIN pg_catalog.pg_rewrite AS r
        ON r.ev_class = o.oid AND (r.rulename <> '_RETURN' OR o.relkind NOT IN ('v', 'm'))
     UNION ALL
    SELECT 'function', n.nspname || '.' || p.proname,
           pg_catalog.pg_get_function_identity_arguments(p.oid),
           concat_ws(' ', l.lanname, pg_catalog.pg_get_userbyid(p.proowner),
                     CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END, p.provolatile,
                     '{' || array_to_string(p.proconfig, '; ') || '}',
                     pg_catalog.pg_get_function_result(p.oid),
                     encode(sha256(convert_to(p.prosrc, 'UTF8')), 'hex'))
      FROM pg_catalog.pg_proc AS p
      JOIN pg_catalog.pg_namespace AS n
        ON n.oid = p.pronamespace
      JOIN pg_catalog.pg_language AS l
        ON l.oid = p.prolang
     WHERE n.nspname IN ('ledger', 'projections')
     UNION ALL
    SELECT 'grant', g.place, CASE g.grantee WHEN 0 THEN 'PUBLIC'
                                            ELSE pg_catalog.pg_get_userbyid(g.grantee) END,
           string_agg(g.privilege || CASE WHEN g.again THEN '*' ELSE '' END, ' '
                      ORDER BY g.privilege COLLATE "C")
      FROM (SELECT o.place, e.grantee, e.privilege_type AS privilege, e.is_grantable AS again
              FROM ours AS o
             CROSS JOIN LATERAL pg_catalog.aclexplode(o.relacl) AS e
             WHERE e.grantee <> o.relowner
             UNION ALL
            SELECT o.place || '.' || a.attname, e.grantee, e.privilege_type, e.is_grantable
              FROM ours AS o
              JOIN pg_catalog.pg_attribute AS a
                ON a.attrelid = o.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped
             CROSS JOIN LATERAL pg_catalog.aclexplode(a.attacl) AS e
             WHERE e.grantee <> o.relowner
             UNION ALL
            SELECT n.nspname || '.' || p.proname || '('
                       || pg_catalog.pg_get_function_identity_arguments(p.oid) || ')',
                   e.grantee, e.privilege_type, e.is_grantable
              FROM pg_catalog.pg_proc AS p
              JOIN pg_catalog.pg_namespace AS n
                ON n.oid = p.pronamespace AND n.nspname IN ('ledger', 'projections')
             CROSS JOIN LATERAL pg_catalog.aclexplode(
                   coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) AS e
             WHERE e.grantee <> p.proowner
             UNION ALL
            SELECT n.nspname, e.grantee, e.privilege_type, e.is_grantable
              FROM pg_catalog.pg_namespace AS n
             CROSS JOIN LATERAL pg_catalog.aclexplode(n.nspacl) AS e
             WHERE n.nspname IN ('ledger', 'projections') AND e.grantee <> n.nspowner) AS g
     GROUP BY g.place, g.grantee
)
SELECT kind, place, name, said FROM found
 ORDER BY kind COLLATE "C", place COLLATE "C", name COLLATE "C";
