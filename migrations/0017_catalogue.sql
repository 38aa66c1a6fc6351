-- The catalogue: baseline items, and how the items of a ledger stand to them.
--
-- Rows can be thrown away and made again, as in 0005.  A row of a file that is set aside says
-- where it is wrong: what a catalogue holds is public.

SET LOCAL lock_timeout = '5s';

ALTER TABLE projections.import_row ADD COLUMN note text COLLATE "C";

CREATE TABLE projections.baseline (
    ledger     text    COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    code       text    COLLATE "C" NOT NULL,
    version    bigint  NOT NULL,
    position   bigint  NOT NULL,
    ended      boolean NOT NULL,
    content    jsonb   NOT NULL,
    CONSTRAINT one_row_per_baseline PRIMARY KEY (ledger, generation, code)
);

-- `standard` is the code of the baseline; `item` is '' where no item follows it.
CREATE TABLE projections.conformity (
    ledger     text    COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    standard   text    COLLATE "C" NOT NULL,
    item       text    COLLATE "C" NOT NULL,
    name       text    COLLATE "C" NOT NULL,
    organ      text    COLLATE "C",
    state      text    COLLATE "C" NOT NULL,
    differs    text[]  COLLATE "C" NOT NULL,
    lacking    text[]  COLLATE "C" NOT NULL,
    position   bigint  NOT NULL,
    CONSTRAINT one_row_per_item_and_baseline PRIMARY KEY (ledger, generation, standard, item),
    CONSTRAINT how_an_item_stands CHECK (state IN (
        'conforming', 'differing', 'incomplete', 'no-baseline', 'not-offered'))
);

-- An item that takes another code leaves the baseline it followed.
CREATE INDEX conformity_by_item
    ON projections.conformity (ledger, generation, item)
 WHERE item <> '';

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.baseline, projections.conformity
   TO ledger_project;
GRANT SELECT ON projections.baseline, projections.conformity TO ledger_app, ledger_verify;
