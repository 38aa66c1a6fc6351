-- How many cards stand how, counted as they move: the board does not read every card there
-- ever was.

SET LOCAL lock_timeout = '5s';

-- Until when the cards that time alone raises are in the count: a reader adds those raised since.
-- Without a row nothing is counted yet: who follows next counts all there is.  A service of the
-- release before counts nothing, so the two must not follow one ledger at the same time.
CREATE TABLE projections.alert_counted (
    ledger     text        COLLATE "C" NOT NULL,
    generation integer     NOT NULL,
    until      timestamptz NOT NULL,
    CONSTRAINT counted_until_once PRIMARY KEY (ledger, generation)
);

-- The raised cards, by all that decides who sees them, by level and by how they stand.  What a
-- card of no case hangs on is NULL.
CREATE TABLE projections.alert_count (
    ledger     text    COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    item       text    COLLATE "C",
    seen       text[]  COLLATE "C",
    organ      text    COLLATE "C",
    persons    text[]  COLLATE "C" NOT NULL,
    posts      text[]  COLLATE "C" NOT NULL,
    level      text    COLLATE "C" NOT NULL,
    state      text    COLLATE "C" NOT NULL,
    cards      bigint  NOT NULL,
    CONSTRAINT counted_once UNIQUE NULLS NOT DISTINCT
        (ledger, generation, seen, item, organ, persons, posts, level, state)
);

-- What nothing stands behind any more is taken away by this.
CREATE INDEX alert_count_of_none
    ON projections.alert_count (ledger, generation)
 WHERE cards = 0;

-- How a card stands once it is raised: its ends are instants of events, which have happened.
CREATE VIEW projections.alert_standing AS
SELECT a.ledger, a.generation, a.id, a.stream, a.raised_at, k.item, k.seen,
       -- Whose card it is counts only where no case says who sees it.
       CASE WHEN k.stream IS NULL THEN a.organ END AS organ,
       a.persons, a.posts, a.level,
       CASE WHEN a.withdrawn_at IS NOT NULL OR n.withdrawn THEN 'withdrawn'
            WHEN a.closed_at IS NOT NULL THEN 'closed'
            WHEN n.answered IS NOT TRUE THEN 'raised'
            WHEN a.deadline IS NULL OR a.met_at IS NOT NULL THEN 'closed'
            ELSE 'answered' END AS state
  FROM projections.alert AS a
  LEFT JOIN projections.alert_case AS k
    ON k.ledger = a.ledger
   AND k.generation = a.generation
   AND k.stream = a.stream
 CROSS JOIN LATERAL (
       SELECT bool_or(NOT d.withdrawn) AS answered, bool_or(d.withdrawn) AS withdrawn
         FROM projections.alert_answer AS d
        WHERE d.ledger = a.ledger
          AND d.generation = a.generation
          AND d.alert = a.id) AS n;

-- Put the cards of these streams, and these, into the count as they stand, so many times: -1
-- before they change, 1 behind.
CREATE FUNCTION projections.count_cards(
    of_ledger text, of_generation integer, streams text[], ids text[], times integer
) RETURNS void
LANGUAGE sql
AS $$
    INSERT INTO projections.alert_count AS c
           (ledger, generation, item, seen, organ, persons, posts, level, state, cards)
    SELECT a.ledger, a.generation, a.item, a.seen, a.organ, a.persons, a.posts, a.level, a.state,
           times * count(*)
      FROM projections.alert_standing AS a
     WHERE a.ledger = of_ledger
       AND a.generation = of_generation
       AND (a.stream = ANY (streams) OR a.id = ANY (ids))
       AND a.raised_at <= (SELECT u.until
                             FROM projections.alert_counted AS u
                            WHERE u.ledger = of_ledger
                              AND u.generation = of_generation)
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
        ON CONFLICT ON CONSTRAINT counted_once
        DO UPDATE SET cards = c.cards + excluded.cards;
    DELETE FROM projections.alert_count
     WHERE ledger = of_ledger
       AND generation = of_generation
       AND cards = 0;
$$;

-- Put into the count what time alone has raised by an instant.
CREATE FUNCTION projections.count_raised(of_ledger text, of_generation integer, by_then timestamptz)
RETURNS void
LANGUAGE sql
AS $$
    INSERT INTO projections.alert_count AS c
           (ledger, generation, item, seen, organ, persons, posts, level, state, cards)
    SELECT a.ledger, a.generation, a.item, a.seen, a.organ, a.persons, a.posts, a.level, a.state,
           count(*)
      FROM projections.alert_standing AS a
     WHERE a.ledger = of_ledger
       AND a.generation = of_generation
       AND a.raised_at > coalesce((SELECT u.until
                                     FROM projections.alert_counted AS u
                                    WHERE u.ledger = of_ledger
                                      AND u.generation = of_generation), '-infinity')
       AND a.raised_at <= by_then
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
        ON CONFLICT ON CONSTRAINT counted_once
        DO UPDATE SET cards = c.cards + excluded.cards;
    INSERT INTO projections.alert_counted AS u (ledger, generation, until)
    VALUES (of_ledger, of_generation, by_then)
        ON CONFLICT (ledger, generation)
        DO UPDATE SET until = greatest(u.until, excluded.until);
$$;

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.alert_counted, projections.alert_count
   TO ledger_project;
GRANT SELECT ON projections.alert_counted, projections.alert_count TO ledger_app, ledger_verify;
GRANT SELECT ON projections.alert_standing TO ledger_project, ledger_app, ledger_verify;
GRANT EXECUTE ON FUNCTION
    projections.count_cards(text, integer, text[], text[], integer),
    projections.count_raised(text, integer, timestamptz)
    TO ledger_project;
