-- What supervision does to cards and to subjects, as the views show it.

-- When the duty behind a red card was done: answered and done, the card is closed.
ALTER TABLE projections.alert
  ADD COLUMN met_at timestamptz;

-- Who answered or withdrew which card, and when.  Cards are told anew with their case; this is
-- not, and it is known also of cards that hang on a refusal.
CREATE TABLE projections.alert_answer (
    ledger     text        COLLATE "C" NOT NULL,
    generation integer     NOT NULL,
    position   bigint      NOT NULL,
    alert      text        COLLATE "C" NOT NULL,
    at         timestamptz NOT NULL,
    person     text        COLLATE "C",
    withdrawn  boolean     NOT NULL,
    reason     text        COLLATE "C",
    CONSTRAINT one_row_per_answer PRIMARY KEY (ledger, generation, position)
);

CREATE INDEX alert_answer_by_alert
    ON projections.alert_answer (ledger, generation, alert);

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.alert_answer TO ledger_project;
GRANT SELECT ON projections.alert_answer TO ledger_app, ledger_verify;

-- Until when the subject of a case is under a sanction.
ALTER TABLE projections.current_state
  ADD COLUMN sanctioned_until date;

-- The column is new and empty: the index holds nothing, and blocks for one scan.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX current_state_sanctioned
    ON projections.current_state (ledger, generation, sanctioned_until)
 WHERE sanctioned_until IS NOT NULL;
