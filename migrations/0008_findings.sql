-- What the findings are computed from: facts and measures of cases, without a verdict.
--
-- Thresholds are policy and are compared when somebody reads, so that another number asks
-- another question of the same rows.  Rows can be thrown away and made again, as in 0005.

-- One row a case: what rules compare cases by.  `applicant` and `agent` are digests under a
-- key outside the database: who has only the database cannot tell whose they are.
CREATE TABLE projections.finding_case (
    ledger            text        COLLATE "C" NOT NULL,
    generation        integer     NOT NULL,
    stream            text        COLLATE "C" NOT NULL,
    case_no           text        COLLATE "C" NOT NULL,
    item              text        COLLATE "C",
    item_version      bigint,
    limited           boolean     NOT NULL,
    organ             text        COLLATE "C",
    own               boolean     NOT NULL,
    applicant         text        COLLATE "C",
    agent             text        COLLATE "C",
    received_position bigint      NOT NULL,
    received_at       timestamptz NOT NULL,
    accepted_position bigint,
    accepted_at       timestamptz,
    decided_position  bigint,
    decided_at        timestamptz,
    decider           text        COLLATE "C",
    ended_at          timestamptz,
    route             text        COLLATE "C" NOT NULL,
    last_position     bigint      NOT NULL,
    first_day         date        NOT NULL,
    last_day          date        NOT NULL,
    CONSTRAINT findings_of_a_case PRIMARY KEY (ledger, generation, stream)
);

CREATE INDEX finding_case_by_applicant
    ON projections.finding_case (ledger, generation, applicant)
 WHERE applicant IS NOT NULL;
CREATE INDEX finding_case_by_item
    ON projections.finding_case (ledger, generation, item, accepted_at);
-- A calendar set anew counts the days of these once more.
CREATE INDEX finding_case_by_last_day
    ON projections.finding_case (ledger, generation, last_day);

-- One row an act of a case.  `at` is when it was recorded; of acts of other systems and of
-- the law when they happened.  `after` and `gap_s` are the act before it and the time since.
CREATE TABLE projections.finding_act (
    ledger        text        COLLATE "C" NOT NULL,
    generation    integer     NOT NULL,
    stream        text        COLLATE "C" NOT NULL,
    position      bigint      NOT NULL,
    at            timestamptz NOT NULL,
    type          text        COLLATE "C" NOT NULL,
    action        text        COLLATE "C" NOT NULL,
    step          text        COLLATE "C" NOT NULL,
    person        text        COLLATE "C",
    organ         text        COLLATE "C",
    client        text        COLLATE "C",
    branch        text        COLLATE "C",
    staff         boolean     NOT NULL,
    own           boolean     NOT NULL,
    late          boolean     NOT NULL,
    working       boolean     NOT NULL,
    after         text        COLLATE "C",
    gap_s         numeric,
    seal          text        COLLATE "C",
    grade         integer,
    terminal      text        COLLATE "C",
    verdict       text        COLLATE "C",
    alert         text        COLLATE "C",
    days_left     integer,
    days_in_month integer,
    CONSTRAINT one_fact_per_act PRIMARY KEY (ledger, generation, position)
);

CREATE INDEX finding_act_by_stream
    ON projections.finding_act (ledger, generation, stream, position);

-- One row a refusal on record that concerns a case; positions are those of the companion.
CREATE TABLE projections.finding_refusal (
    ledger      text        COLLATE "C" NOT NULL,
    generation  integer     NOT NULL,
    position    bigint      NOT NULL,
    stream      text        COLLATE "C" NOT NULL,
    action      text        COLLATE "C" NOT NULL,
    person      text        COLLATE "C" NOT NULL,
    rule        text        COLLATE "C",
    recorded_at timestamptz NOT NULL,
    CONSTRAINT one_fact_per_refusal PRIMARY KEY (ledger, generation, position)
);

-- What a rule measured of one case.  Where time alone completes it, it is not measured yet:
-- then `reached` has the instants at which the measure becomes 1, 2, 3 …, or `since` and
-- `step` say from when it grows by how much.
CREATE TABLE projections.finding (
    ledger     text        COLLATE "C" NOT NULL,
    generation integer     NOT NULL,
    stream     text        COLLATE "C" NOT NULL,
    measure    text        COLLATE "C" NOT NULL,
    part       text        COLLATE "C",
    positions  bigint[]    NOT NULL,
    came_at    timestamptz NOT NULL,
    measured   numeric,
    beside     numeric,
    officer    text        COLLATE "C",
    unit       text        COLLATE "C",
    same       boolean,
    since      timestamptz,
    step       text        COLLATE "C",
    reached    timestamptz[],
    CONSTRAINT a_measure_has_its_events CHECK (cardinality(positions) > 0),
    CONSTRAINT growing_by_a_step CHECK ((since IS NULL) = (step IS NULL)),
    CONSTRAINT steps CHECK (step IN ('day', 'month'))
);

CREATE INDEX finding_by_stream
    ON projections.finding (ledger, generation, stream);
CREATE INDEX finding_by_measure
    ON projections.finding (ledger, generation, measure, came_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON
    projections.finding_case,
    projections.finding_act,
    projections.finding_refusal,
    projections.finding
    TO ledger_project;
GRANT SELECT ON
    projections.finding_case,
    projections.finding_act,
    projections.finding_refusal,
    projections.finding
    TO ledger_app, ledger_verify;
