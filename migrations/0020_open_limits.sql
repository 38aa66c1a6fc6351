-- What is open, few of very many: pushes and claims by what is due first, and cases with a light.

SET LOCAL lock_timeout = '5s';

-- Views can be made again, so a table of theirs may be locked for a moment.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX alert_of_open_links
    ON projections.alert (ledger, generation, due, id)
 WHERE deadline IN ('push', 'claim')
   AND level = 'red'
   AND met_at IS NULL
   AND closed_at IS NULL
   AND withdrawn_at IS NULL;

-- squawk-ignore require-concurrent-index-creation
CREATE INDEX current_state_lit
    ON projections.current_state (ledger, generation)
 WHERE red_at IS NOT NULL
    OR yellow_at IS NOT NULL
    OR stopped
    OR next_due IS NOT NULL;
