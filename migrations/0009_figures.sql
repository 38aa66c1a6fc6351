-- Figures that people are measured by, evaluations, and the register of each seal.
--
-- Rows can be thrown away and made again, as in 0005: dates and facts stand here, never a
-- percentage and never a light, because those depend on when and for which period somebody
-- asks.

SET LOCAL lock_timeout = '5s';

-- One row a case that a figure may count: when its promise was due and met, when it was handed
-- out, and what went wrong on which day.  `received_on` and `until` are the first and the last
-- day on which a period can have to do with it ('infinity' while something is open).
CREATE TABLE projections.figure_case (
    ledger            text    COLLATE "C" NOT NULL,
    generation        integer NOT NULL,
    stream            text    COLLATE "C" NOT NULL,
    case_no           text    COLLATE "C" NOT NULL,
    received_position bigint  NOT NULL,
    item              text    COLLATE "C",
    organ             text    COLLATE "C",
    unit              text    COLLATE "C",
    seen              text[]  COLLATE "C" NOT NULL,
    source            text    COLLATE "C" NOT NULL,
    kind              text    COLLATE "C",
    given_up          boolean NOT NULL,
    visited           boolean NOT NULL,
    promised_due      date,
    promised_met      date,
    promised_ended    date,
    issue_due         date,
    issue_met         date,
    issue_ended       date,
    deemed_on         date,
    extended_late_on  date[]  NOT NULL,
    unreasoned_on     date,
    ended_on          date,
    own_due           date,
    ended_late        boolean NOT NULL,
    received_on       date    NOT NULL,
    until             date    NOT NULL,
    last_due          date,
    CONSTRAINT figures_of_a_case PRIMARY KEY (ledger, generation, stream)
) WITH (fillfactor = 80);

-- A period asks for what had not ended before it began.
CREATE INDEX figure_case_by_until
    ON projections.figure_case (ledger, generation, until);
-- A calendar moves what is due in its year.
CREATE INDEX figure_case_by_last_due
    ON projections.figure_case (ledger, generation, last_due)
 WHERE last_due IS NOT NULL;

-- One row an evaluation, with how far it has come.  Who evaluated stands nowhere here, and
-- neither does what they wrote: both are theirs.
CREATE TABLE projections.review (
    ledger        text    COLLATE "C" NOT NULL,
    generation    integer NOT NULL,
    stream        text    COLLATE "C" NOT NULL,
    position      bigint  NOT NULL,
    event         text    COLLATE "C" NOT NULL,
    case_no       text    COLLATE "C" NOT NULL,
    number        integer NOT NULL,
    item          text    COLLATE "C",
    organ         text    COLLATE "C",
    unit          text    COLLATE "C",
    seen          text[]  COLLATE "C" NOT NULL,
    source        text    COLLATE "C" NOT NULL,
    officers      text[]  COLLATE "C" NOT NULL,
    named         boolean NOT NULL,
    grade         integer NOT NULL,
    channel       text    COLLATE "C",
    rated_on      date    NOT NULL,
    called_back_on date,
    verified_on   date,
    verdict       text    COLLATE "C",
    rectified_on  date,
    fed_back_on   date,
    closed_on     date,
    state         text    COLLATE "C" NOT NULL,
    due           date,
    met_on        date,
    ended_on      date,
    yellow_at     timestamptz,
    red_at        timestamptz,
    again_grade   integer,
    again_on      date,
    last_due      date,
    CONSTRAINT one_row_per_evaluation PRIMARY KEY (ledger, generation, position),
    CONSTRAINT five_grades CHECK (grade BETWEEN 1 AND 5),
    CONSTRAINT how_far_it_has_come CHECK (state IN (
        'rated', 'called-back', 'verified', 'rectified', 'fed-back', 'closed'))
);

CREATE INDEX review_by_stream
    ON projections.review (ledger, generation, stream);
CREATE INDEX review_by_day
    ON projections.review (ledger, generation, rated_on);
CREATE INDEX review_by_due
    ON projections.review (ledger, generation, due)
 WHERE due IS NOT NULL;

-- One row a use of a seal, in the order of its serials; a void one stays, and says so.
CREATE TABLE projections.seal_use (
    ledger              text        COLLATE "C" NOT NULL,
    generation          integer     NOT NULL,
    seal                text        COLLATE "C" NOT NULL,
    serial              bigint      NOT NULL,
    position            bigint      NOT NULL,
    event               text        COLLATE "C" NOT NULL,
    stream              text        COLLATE "C" NOT NULL,
    case_no             text        COLLATE "C" NOT NULL,
    item                text        COLLATE "C",
    seen                text[]      COLLATE "C" NOT NULL,
    recorded_at         timestamptz NOT NULL,
    occurred_at         timestamptz NOT NULL,
    on_day              date        NOT NULL,
    kind                text        COLLATE "C" NOT NULL,
    document            jsonb       NOT NULL,
    medium              text        COLLATE "C" NOT NULL,
    copies              integer     NOT NULL,
    reason              text        COLLATE "C",
    keeper              text        COLLATE "C",
    keeper_name         text        COLLATE "C",
    requester           text        COLLATE "C",
    authorised_event    text        COLLATE "C",
    authorised_type     text        COLLATE "C",
    authorised_position bigint,
    approver            text        COLLATE "C",
    void                boolean     NOT NULL,
    void_reason         text        COLLATE "C",
    void_position       bigint,
    voided_at           timestamptz,
    voided_by           text        COLLATE "C",
    void_approved_by    text        COLLATE "C",
    replacement         jsonb,
    CONSTRAINT one_use_per_serial PRIMARY KEY (ledger, generation, seal, serial),
    CONSTRAINT a_void_use_says_where CHECK (void = (void_position IS NOT NULL))
);

CREATE INDEX seal_use_by_stream
    ON projections.seal_use (ledger, generation, stream);

GRANT SELECT, INSERT, UPDATE, DELETE ON
    projections.figure_case,
    projections.review,
    projections.seal_use
    TO ledger_project;
GRANT SELECT ON
    projections.figure_case,
    projections.review,
    projections.seal_use
    TO ledger_app, ledger_verify;
