-- Who read what, to be asked by reader, case and day: the open line of the access log.
--
-- Rows can be thrown away and made again, as in 0005.  Of the sealed line nothing stands here: it
-- is opened by the process that answers an inspection lead, and nowhere stored in clear.

SET LOCAL lock_timeout = '5s';

CREATE TABLE projections.reading (
    ledger      text        COLLATE "C" NOT NULL,
    generation  integer     NOT NULL,
    position    bigint      NOT NULL,
    recorded_at timestamptz NOT NULL,
    refused     boolean     NOT NULL,
    person      text        COLLATE "C",
    organ       text        COLLATE "C",
    what        text        COLLATE "C",
    purpose     text        COLLATE "C",
    CONSTRAINT one_row_per_entry PRIMARY KEY (ledger, generation, position)
);

CREATE INDEX reading_by_person
    ON projections.reading (ledger, generation, person, recorded_at, position)
 WHERE person IS NOT NULL;
CREATE INDEX reading_by_organ
    ON projections.reading (ledger, generation, organ, recorded_at, position);
CREATE INDEX reading_by_time
    ON projections.reading (ledger, generation, recorded_at, position);

CREATE TABLE projections.reading_case (
    ledger     text    COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    case_no    text    COLLATE "C" NOT NULL,
    position   bigint  NOT NULL,
    CONSTRAINT one_row_per_case_read PRIMARY KEY (ledger, generation, case_no, position)
);

CREATE INDEX reading_case_by_entry
    ON projections.reading_case (ledger, generation, position);

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.reading, projections.reading_case
   TO ledger_project;
GRANT SELECT ON projections.reading, projections.reading_case TO ledger_app, ledger_verify;
