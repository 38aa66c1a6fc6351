-- Where the rows of an import wait: read, judged, and not yet in the ledger.
--
-- Nothing here is evidence.  A committed row is a case in the ledger, kept from being taken
-- twice by its idempotency key and by the name of its stream; were these tables lost, the
-- upload could be made again and would find every case there already.

SET LOCAL ROLE ledger_owner;
SET LOCAL lock_timeout = '5s';

-- One uploaded file with its mapping, and how far it has come.
--   receiving   rows are being read; what a broken connection leaves is swept away later
--   staged      every row is judged; waits for the head of the bureau
--   committing  somebody committed it: rows go into the ledger, and go on after a crash
--   committed   every row is a case or is set aside
CREATE TABLE projections.import_file (
    ledger       text        COLLATE "C" NOT NULL,
    id           text        COLLATE "C" NOT NULL,
    state        text        COLLATE "C" NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    digest       bytea       NOT NULL,
    system       text        COLLATE "C" NOT NULL,
    item         text        COLLATE "C" NOT NULL,
    name         text        COLLATE "C" NOT NULL,
    mapping      bytea       NOT NULL,
    sha256       text        COLLATE "C" NOT NULL,
    size         bigint      NOT NULL,
    rows         bigint      NOT NULL,
    quarantined  bigint      NOT NULL,
    recorded     bigint      NOT NULL,
    events       bigint      NOT NULL,
    position     bigint      NOT NULL,
    answer       bytea,
    uploaded_by  text        COLLATE "C" NOT NULL,
    uploaded_at  timestamptz NOT NULL,
    started_at   timestamptz NOT NULL,
    commit_key   text        COLLATE "C",
    committed_by text        COLLATE "C",
    appointment  text        COLLATE "C",
    organ        text        COLLATE "C",
    committed_at timestamptz,
    done_at      timestamptz,
    CONSTRAINT import_file_of_a_ledger PRIMARY KEY (ledger, id),
    CONSTRAINT state_is_known
        CHECK (state IN ('receiving', 'staged', 'committing', 'committed')),
    CONSTRAINT committed_by_somebody
        CHECK ((state IN ('committing', 'committed')) = (committed_by IS NOT NULL)),
    CONSTRAINT rows_add_up CHECK (quarantined + recorded <= rows)
);

-- The same upload sent again is answered with the first one.
CREATE UNIQUE INDEX one_import_per_key ON projections.import_file (ledger, key)
 WHERE state <> 'receiving';

-- What has to be gone on with after a start.
CREATE INDEX import_to_go_on_with ON projections.import_file (ledger, id)
 WHERE state = 'committing';

-- One row of such a file as it was read, and what became of it.
CREATE TABLE projections.import_row (
    ledger   text   COLLATE "C" NOT NULL,
    import   text   COLLATE "C" NOT NULL,
    row      bigint NOT NULL,
    id       text   COLLATE "C",
    state    text   COLLATE "C" NOT NULL,
    code     text   COLLATE "C",
    raw      bytea  NOT NULL,
    position bigint,
    case_no  text   COLLATE "C",
    CONSTRAINT import_row_of_a_file PRIMARY KEY (ledger, import, row),
    CONSTRAINT row_state_is_known CHECK (state IN ('ready', 'quarantined', 'recorded')),
    CONSTRAINT quarantined_with_a_code CHECK ((state = 'quarantined') = (code IS NOT NULL)),
    CONSTRAINT recorded_at_a_position CHECK ((state = 'recorded') = (position IS NOT NULL))
) WITH (
    fillfactor = 80,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_analyze_scale_factor = 0.02
);

CREATE INDEX import_row_waiting ON projections.import_row (ledger, import, row)
 WHERE state = 'ready';

CREATE INDEX import_row_set_aside ON projections.import_row (ledger, import, code, row)
 WHERE state = 'quarantined';

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.import_file, projections.import_row
   TO ledger_project;

RESET ROLE;
