-- Matters (one thing, joint handling): what only the matter itself says.
--
-- Rows can be thrown away and made again, as in 0005.  How far a matter has come is told from
-- the rows of its cases (projections.current_state) when somebody asks, and stored nowhere.

SET LOCAL lock_timeout = '5s';

CREATE TABLE projections.matter (
    ledger     text    COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    stream     text    COLLATE "C" NOT NULL,
    position   bigint  NOT NULL,
    number     text    COLLATE "C" NOT NULL,
    name       text    COLLATE "C" NOT NULL,
    kind       text    COLLATE "C" NOT NULL,
    organ      text    COLLATE "C" NOT NULL,
    opened_on  date    NOT NULL,
    items      text[]  COLLATE "C" NOT NULL,
    cases      text[]  COLLATE "C" NOT NULL,
    missing    text[]  COLLATE "C" NOT NULL,
    seen       text[]  COLLATE "C" NOT NULL,
    CONSTRAINT one_row_per_matter PRIMARY KEY (ledger, generation, stream)
);

CREATE INDEX matter_by_position
    ON projections.matter (ledger, generation, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.matter TO ledger_project;
GRANT SELECT ON projections.matter TO ledger_app, ledger_verify;
