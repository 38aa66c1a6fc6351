-- How many cards stand how, counted as they move: the board does not read every card there
-- ever was.

SET LOCAL lock_timeout = '5s';

-- Until when the cards that time alone raises are in the count: the time of the newest event of
-- the ledger that is in it.  A reader adds those raised since.  Without a row nothing is counted.
CREATE TABLE projections.alert_counted (
    ledger     text        COLLATE "C" NOT NULL,
    generation integer     NOT NULL,
    until      timestamptz NOT NULL,
    CONSTRAINT counted_until_once PRIMARY KEY (ledger, generation)
);

-- The raised cards, by all that decides who sees them, by level and by how they stand; `digest` is
-- over all of these, which may be too long for an index.  What a card of no case hangs on is NULL.
-- The same few rows change all the time, and no column of the index does.
CREATE TABLE projections.alert_count (
    ledger     text    COLLATE "C" NOT NULL,
    generation integer NOT NULL,
    digest     bytea   NOT NULL,
    item       text    COLLATE "C",
    seen       text[]  COLLATE "C",
    organ      text    COLLATE "C",
    persons    text[]  COLLATE "C" NOT NULL,
    posts      text[]  COLLATE "C" NOT NULL,
    level      text    COLLATE "C" NOT NULL,
    state      text    COLLATE "C" NOT NULL,
    cards      bigint  NOT NULL,
    CONSTRAINT counted_once PRIMARY KEY (ledger, generation, digest),
    CONSTRAINT never_fewer_than_none CHECK (cards >= 0)
) WITH (fillfactor = 50);

-- Cards that a post answers for, for who sees them by nothing else.
-- squawk-ignore require-concurrent-index-creation
CREATE INDEX alert_by_post
    ON projections.alert USING gin (posts)
 WHERE posts <> '{}';

-- How a card stands once it is raised: its ends are instants of events, which have happened.
CREATE VIEW projections.alert_standing AS
SELECT s.ledger, s.generation, s.id, s.stream, s.raised_at, s.item, s.seen, s.organ, s.persons,
       s.posts, s.level, s.state,
       sha256(convert_to(jsonb_build_array(
           s.item, s.seen, s.organ, s.persons, s.posts, s.level, s.state)::text, 'UTF8')) AS digest
  FROM (SELECT a.ledger, a.generation, a.id, a.stream, a.raised_at, k.item, k.seen,
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
                  AND d.alert = a.id) AS n) AS s;

-- Take the cards of these streams out of the count, before they change.
CREATE FUNCTION projections.count_out(of_ledger text, of_generation integer, streams text[])
RETURNS void
LANGUAGE sql
AS $$
    UPDATE projections.alert_count AS c
       SET cards = c.cards - s.cards
      FROM (SELECT a.digest, count(*) AS cards
              FROM projections.alert_standing AS a
             WHERE a.ledger = of_ledger
               AND a.generation = of_generation
               AND a.stream = ANY (streams)
               AND a.raised_at <= (SELECT u.until
                                     FROM projections.alert_counted AS u
                                    WHERE u.ledger = of_ledger
                                      AND u.generation = of_generation)
             GROUP BY a.digest) AS s
     WHERE c.ledger = of_ledger
       AND c.generation = of_generation
       AND c.digest = s.digest;
$$;

-- Take the cards of these streams, and these, into the count as they stand; what nothing stands
-- behind any more goes.
CREATE FUNCTION projections.count_in(
    of_ledger text, of_generation integer, streams text[], ids text[]
) RETURNS void
LANGUAGE sql
AS $$
    INSERT INTO projections.alert_count AS c
           (ledger, generation, digest, item, seen, organ, persons, posts, level, state, cards)
    SELECT a.ledger, a.generation, a.digest, a.item, a.seen, a.organ, a.persons, a.posts, a.level,
           a.state, count(*)
      FROM projections.alert_standing AS a
     WHERE a.ledger = of_ledger
       AND a.generation = of_generation
       AND (a.stream = ANY (streams) OR a.id = ANY (ids))
       AND a.raised_at <= (SELECT u.until
                             FROM projections.alert_counted AS u
                            WHERE u.ledger = of_ledger
                              AND u.generation = of_generation)
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
        ON CONFLICT (ledger, generation, digest)
        DO UPDATE SET cards = c.cards + excluded.cards;
    DELETE FROM projections.alert_count
     WHERE ledger = of_ledger
       AND generation = of_generation
       AND cards = 0;
$$;

-- Take into the count what time alone has raised by an instant: everything, where nothing is
-- counted yet.
CREATE FUNCTION projections.count_raised(of_ledger text, of_generation integer, by_then timestamptz)
RETURNS void
LANGUAGE sql
AS $$
    INSERT INTO projections.alert_count AS c
           (ledger, generation, digest, item, seen, organ, persons, posts, level, state, cards)
    SELECT a.ledger, a.generation, a.digest, a.item, a.seen, a.organ, a.persons, a.posts, a.level,
           a.state, count(*)
      FROM projections.alert_standing AS a
     WHERE a.ledger = of_ledger
       AND a.generation = of_generation
       AND a.raised_at > coalesce((SELECT u.until
                                     FROM projections.alert_counted AS u
                                    WHERE u.ledger = of_ledger
                                      AND u.generation = of_generation), '-infinity')
       AND a.raised_at <= by_then
     GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10
        ON CONFLICT (ledger, generation, digest)
        DO UPDATE SET cards = c.cards + excluded.cards;
    INSERT INTO projections.alert_counted AS u (ledger, generation, until)
    VALUES (of_ledger, of_generation, by_then)
        ON CONFLICT (ledger, generation)
        DO UPDATE SET until = greatest(u.until, excluded.until);
$$;

-- Whoever changes cards and does not count them (a service of the release before that still runs)
-- takes the count away; who counts next counts all there is.
CREATE FUNCTION projections.uncounted() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    IF coalesce(current_setting('caseledger.counting', true), '') <> 'on' THEN
        DELETE FROM projections.alert_count AS c
         WHERE EXISTS (SELECT FROM changed AS a
                        WHERE a.ledger = c.ledger
                          AND a.generation = c.generation);
        DELETE FROM projections.alert_counted AS u
         WHERE EXISTS (SELECT FROM changed AS a
                        WHERE a.ledger = u.ledger
                          AND a.generation = u.generation);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER counted_or_not_inserted AFTER INSERT ON projections.alert
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION projections.uncounted();
CREATE TRIGGER counted_or_not_updated AFTER UPDATE ON projections.alert
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION projections.uncounted();
CREATE TRIGGER counted_or_not_deleted AFTER DELETE ON projections.alert
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION projections.uncounted();

GRANT SELECT, INSERT, UPDATE, DELETE ON projections.alert_counted, projections.alert_count
   TO ledger_project;
GRANT SELECT ON projections.alert_counted, projections.alert_count TO ledger_app, ledger_verify;
GRANT SELECT ON projections.alert_standing TO ledger_project, ledger_app, ledger_verify;
GRANT EXECUTE ON FUNCTION
    projections.count_out(text, integer, text[]),
    projections.count_in(text, integer, text[], text[]),
    projections.count_raised(text, integer, timestamptz)
    TO ledger_project;

-- What is there already, of every generation.
SELECT projections.count_raised(p.ledger, p.generation, e.recorded_at)
  FROM projections.progress AS p
  JOIN ledger.event AS e
    ON e.ledger = p.ledger
   AND e.position = p.next_position - 1
 WHERE p.projection = 'timeout_alerts'
   AND p.sequence = p.ledger;
