-- Complaints (12345): one row each.  Who complains, and what they said, stands nowhere here.
--
-- Rows can be thrown away and made again, as in 0005: what is stored are days and instants,
-- never a light, because that depends on when somebody asks.

SET LOCAL lock_timeout = '5s';

-- `unit` is the organ it was assigned to last; `due` and the two instants are those of what is
-- still to be done.  Of a discreet one, the person it is about is not told.
CREATE TABLE projections.complaint (
    ledger        text    COLLATE "C" NOT NULL,
    generation    integer NOT NULL,
    stream        text    COLLATE "C" NOT NULL,
    position      bigint  NOT NULL,
    number        text    COLLATE "C" NOT NULL,
    kind          text    COLLATE "C" NOT NULL,
    channel       text    COLLATE "C" NOT NULL,
    state         text    COLLATE "C" NOT NULL,
    unit          text    COLLATE "C",
    about_unit    text    COLLATE "C",
    about_person  text    COLLATE "C",
    discreet      boolean NOT NULL,
    case_no       text    COLLATE "C",
    item          text    COLLATE "C",
    seen          text[]  COLLATE "C" NOT NULL,
    registered_on date    NOT NULL,
    assigned_on   date,
    replied_on    date,
    escalated_on  date,
    closed_on     date,
    result        text    COLLATE "C",
    grade         integer,
    due           date,
    yellow_at     timestamptz,
    red_at        timestamptz,
    late          boolean NOT NULL,
    last_due      date,
    CONSTRAINT one_row_per_complaint PRIMARY KEY (ledger, generation, stream),
    CONSTRAINT how_far_a_complaint_has_come CHECK (state IN (
        'registered', 'assigned', 'replied', 'escalated', 'closed'))
);

CREATE INDEX complaint_by_position
    ON projections.complaint (ledger, generation, position);
-- A calendar moves what is due in its year.
CREATE INDEX complaint_by_last_due
    ON projections.complaint (ledger, generation, last_due)
 WHERE last_due IS NOT NULL;

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.complaint TO ledger_project;
GRANT SELECT ON projections.complaint TO ledger_app, ledger_verify;
