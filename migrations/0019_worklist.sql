-- What waits for whom, by what is due first: the desk asks by stage, among what is not ended.

SET LOCAL lock_timeout = '5s';

-- Views can be made again, so a table of theirs may be locked for a moment.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX current_state_in_work
    ON projections.current_state
       (ledger, generation, stage, (coalesce(next_due, 'infinity'::date)), received_position)
 WHERE closed_on IS NULL;
