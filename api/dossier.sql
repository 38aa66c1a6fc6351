-- Which checkpoint a dossier is made under.

-- name: cosigned
-- Of the newest checkpoints that cover a size and were cosigned or stamped, the one by the most
-- witnesses; of those one with a time stamp.
SELECT recent.size
  FROM (SELECT size, lines, stamps
          FROM (SELECT c.size,
                       (SELECT count(*) FROM ledger.cosignature AS s
                         WHERE s.ledger = c.ledger AND s.size = c.size) AS lines,
                       (SELECT count(*) FROM ledger.time_stamp AS t
                         WHERE t.ledger = c.ledger AND t.size = c.size) AS stamps
                  FROM ledger.checkpoint AS c
                 WHERE c.ledger = $1
                   AND c.size >= $2
                 ORDER BY c.size DESC
                 LIMIT 200) AS newest
         WHERE lines + stamps > 0) AS recent
 ORDER BY recent.lines DESC, recent.stamps > 0 DESC, recent.size DESC
 LIMIT 1;

-- name: oldest_over
-- The oldest checkpoint that covers a size: it stays the same however the log grows.
SELECT size
  FROM ledger.checkpoint
 WHERE ledger = $1
   AND size >= $2
 ORDER BY size
 LIMIT 1;
