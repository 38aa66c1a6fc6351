-- What the ledger means today: rows that can be thrown away and made again.
--
-- Every row belongs to a generation of its projection.  A rebuild fills the next generation
-- beside the one that is shown; which one is shown is one row.  Nothing here is evidence, and
-- no field of a person stands here: staff are named, applicants never.

SET LOCAL lock_timeout = '5s';

-- Which generation of a projection is shown: switching it is an update of this one row.
CREATE TABLE projections.shown (
    ledger     text    COLLATE "C" NOT NULL,
    projection text    COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    CONSTRAINT one_generation_is_shown PRIMARY KEY (ledger, projection),
    CONSTRAINT generations_begin_at_one CHECK (generation >= 1)
);

-- How far a generation has come in each sequence it follows.  It moves in the transaction
-- that writes the rows, and whoever writes holds its row: nothing is skipped or done twice.
-- An event that cannot be applied is named here, and only here does anything stop.
CREATE TABLE projections.progress (
    ledger          text        COLLATE "C" NOT NULL,
    generation      integer     NOT NULL,
    projection      text        COLLATE "C" NOT NULL,
    sequence        text        COLLATE "C" NOT NULL,
    next_position   bigint      NOT NULL DEFAULT 0,
    failed_position bigint,
    failed_at       timestamptz,
    error           text        COLLATE "C",
    CONSTRAINT one_place_per_sequence PRIMARY KEY (ledger, generation, projection, sequence),
    CONSTRAINT positions_are_not_negative CHECK (next_position >= 0),
    CONSTRAINT an_error_has_its_place
        CHECK ((error IS NULL) = (failed_position IS NULL)
           AND (error IS NULL) = (failed_at IS NULL))
) WITH (fillfactor = 50);

-- One row a case, as it stands.  Lights are not stored: the instants are, at which an open
-- deadline turns yellow or red, and a reader compares them with the ledger's clock.
-- `seen` names who has business with it, as relation:organ.
CREATE TABLE projections.current_state (
    ledger            text    COLLATE "C" NOT NULL,
    generation        integer NOT NULL,
    stream            text    COLLATE "C" NOT NULL,
    case_no           text    COLLATE "C" NOT NULL,
    received_position bigint  NOT NULL,
    position          bigint  NOT NULL,
    version           bigint  NOT NULL,
    item              text    COLLATE "C",
    item_name         text    COLLATE "C",
    stage             text    COLLATE "C" NOT NULL,
    responsibility    text    COLLATE "C" NOT NULL,
    officer           text    COLLATE "C",
    unit              text    COLLATE "C",
    organ             text    COLLATE "C",
    parts             text[]  COLLATE "C" NOT NULL,
    seen              text[]  COLLATE "C" NOT NULL,
    source            text    COLLATE "C" NOT NULL,
    received_on       date,
    accepted_on       date,
    decided_on        date,
    issued_on         date,
    closed_on         date,
    outcome           text    COLLATE "C",
    reviewed          boolean NOT NULL,
    statutory_due     date,
    promised_due      date,
    next_deadline     text    COLLATE "C",
    next_due          date,
    last_due          date,
    yellow_at         timestamptz,
    red_at            timestamptz,
    stopped           boolean NOT NULL,
    settled           text    COLLATE "C",
    by_law_at         timestamptz,
    CONSTRAINT current_state_of_a_case PRIMARY KEY (ledger, generation, stream),
    CONSTRAINT one_case_per_receipt UNIQUE (ledger, generation, received_position)
) WITH (fillfactor = 80);

CREATE INDEX current_state_by_number
    ON projections.current_state (ledger, generation, case_no);
CREATE INDEX current_state_by_officer
    ON projections.current_state (ledger, generation, officer, received_position);
CREATE INDEX current_state_by_change
    ON projections.current_state (ledger, generation, position);
-- Small: only what can still be late.
CREATE INDEX current_state_by_red
    ON projections.current_state (ledger, generation, red_at)
 WHERE red_at IS NOT NULL;
-- Smaller: only what waits for a word from the bureau before the law speaks.
CREATE INDEX current_state_by_law
    ON projections.current_state (ledger, generation, by_law_at)
 WHERE by_law_at IS NOT NULL;
-- A calendar moves what is due in its year.
CREATE INDEX current_state_by_last_due
    ON projections.current_state (ledger, generation, last_due)
 WHERE last_due IS NOT NULL;

-- Early, yellow and red cards with the instants at which they are raised, some of them still
-- to come; a reader leaves those out.  `posts` names duties (role@organ): who held the post
-- when the card was raised is an addressee, beside the persons named.
CREATE TABLE projections.alert (
    ledger       text        COLLATE "C" NOT NULL,
    generation   integer     NOT NULL,
    id           text        COLLATE "C" NOT NULL,
    stream       text        COLLATE "C",
    case_no      text        COLLATE "C",
    item         text        COLLATE "C",
    organ        text        COLLATE "C",
    deadline     text        COLLATE "C",
    start        date,
    due          date,
    rule         text        COLLATE "C" NOT NULL,
    level        text        COLLATE "C" NOT NULL,
    policy       text        COLLATE "C",
    raised_at    timestamptz NOT NULL,
    answer_by    date,
    persons      text[]      COLLATE "C" NOT NULL,
    posts        text[]      COLLATE "C" NOT NULL,
    closed_at    timestamptz,
    withdrawn_at timestamptz,
    reason       text        COLLATE "C",
    cause        text        COLLATE "C" NOT NULL,
    CONSTRAINT one_card_per_id PRIMARY KEY (ledger, generation, id),
    CONSTRAINT three_levels CHECK (level IN ('early', 'yellow', 'red')),
    CONSTRAINT a_card_ends_once CHECK (closed_at IS NULL OR withdrawn_at IS NULL),
    CONSTRAINT withdrawn_for_a_reason CHECK ((withdrawn_at IS NULL) = (reason IS NULL)),
    CONSTRAINT causes CHECK (cause IN ('deadline', 'event', 'refusal'))
);

CREATE INDEX alert_by_time
    ON projections.alert (ledger, generation, raised_at, id);
CREATE INDEX alert_by_stream
    ON projections.alert (ledger, generation, stream)
 WHERE stream IS NOT NULL;
CREATE INDEX alert_of_refusals
    ON projections.alert (ledger, generation, raised_at)
 WHERE cause = 'refusal';

-- What the cards of a case hang on: its number, who sees it, and from which day to which a
-- calendar set anew would move its limits.
CREATE TABLE projections.alert_case (
    ledger     text    COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    stream     text    COLLATE "C" NOT NULL,
    item       text    COLLATE "C",
    organ      text    COLLATE "C",
    seen       text[]  COLLATE "C" NOT NULL,
    first_day  date,
    last_day   date,
    CONSTRAINT alerts_of_a_case PRIMARY KEY (ledger, generation, stream)
);

CREATE INDEX alert_case_by_last_day
    ON projections.alert_case (ledger, generation, last_day)
 WHERE last_day IS NOT NULL;

-- Who held which post from when to when: names the addressees of a card.
CREATE TABLE projections.alert_post (
    ledger      text        COLLATE "C" NOT NULL,
    generation  integer     NOT NULL,
    appointment text        COLLATE "C" NOT NULL,
    post        text        COLLATE "C" NOT NULL,
    person      text        COLLATE "C" NOT NULL,
    since       timestamptz NOT NULL,
    until       timestamptz,
    CONSTRAINT one_row_per_appointment PRIMARY KEY (ledger, generation, appointment)
);

CREATE INDEX alert_post_by_post
    ON projections.alert_post (ledger, generation, post);

-- One row an act, and one a refusal; positions of the two are of two sequences, so time,
-- which both take from one clock, orders them among each other.
CREATE TABLE projections.audit (
    ledger           text        COLLATE "C" NOT NULL,
    generation       integer     NOT NULL,
    refused          boolean     NOT NULL,
    position         bigint      NOT NULL,
    recorded_at      timestamptz NOT NULL,
    occurred_at      timestamptz NOT NULL,
    responsibility   text        COLLATE "C" NOT NULL,
    action           text        COLLATE "C" NOT NULL,
    type             text        COLLATE "C" NOT NULL,
    stream           text        COLLATE "C" NOT NULL,
    version          bigint      NOT NULL,
    case_no          text        COLLATE "C",
    item             text        COLLATE "C",
    kind             text        COLLATE "C" NOT NULL,
    person           text        COLLATE "C",
    name             text        COLLATE "C",
    role             text        COLLATE "C",
    organ            text        COLLATE "C",
    client           text        COLLATE "C",
    late_entry       boolean     NOT NULL,
    reason           text        COLLATE "C",
    slug             text        COLLATE "C",
    rule             text        COLLATE "C",
    earlier_position bigint,
    CONSTRAINT one_row_per_act PRIMARY KEY (ledger, generation, refused, position)
);

CREATE INDEX audit_by_time
    ON projections.audit (ledger, generation, recorded_at, refused, position);
CREATE INDEX audit_by_case
    ON projections.audit (ledger, generation, case_no, recorded_at, refused, position)
 WHERE case_no IS NOT NULL;
CREATE INDEX audit_by_person
    ON projections.audit (ledger, generation, person, recorded_at, refused, position)
 WHERE person IS NOT NULL;

-- What the acts of a case hang on: its number, its item, its organs, and who sees it now.
CREATE TABLE projections.audit_case (
    ledger      text    COLLATE "C" NOT NULL,
    generation  integer NOT NULL,
    stream      text    COLLATE "C" NOT NULL,
    case_no     text    COLLATE "C" NOT NULL,
    item        text    COLLATE "C" NOT NULL,
    approving   text    COLLATE "C" NOT NULL,
    taken_by    text    COLLATE "C",
    delegator   text    COLLATE "C",
    supervising text[]  COLLATE "C" NOT NULL,
    enforcing   text[]  COLLATE "C" NOT NULL,
    parts       text[]  COLLATE "C" NOT NULL,
    seen        text[]  COLLATE "C" NOT NULL,
    CONSTRAINT acts_of_a_case PRIMARY KEY (ledger, generation, stream)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON
    projections.shown,
    projections.progress,
    projections.current_state,
    projections.alert,
    projections.alert_case,
    projections.alert_post,
    projections.audit,
    projections.audit_case
    TO ledger_project;
GRANT SELECT ON
    projections.shown,
    projections.progress,
    projections.current_state,
    projections.alert,
    projections.alert_case,
    projections.alert_post,
    projections.audit,
    projections.audit_case
    TO ledger_app, ledger_verify;
