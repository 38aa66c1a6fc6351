-- The cards of one case, on its page and where its number is asked for, among very many.

SET LOCAL lock_timeout = '5s';

-- Views can be made again, so a table of theirs may be locked for a moment.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX alert_by_case_no
    ON projections.alert (ledger, generation, case_no, raised_at, id)
 WHERE case_no IS NOT NULL;
