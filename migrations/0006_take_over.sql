-- Who may write: a deployment with its number.

-- Fences off older deployments.  A deployment is a number, larger than that of any before it;
-- from here on only calls with that number are served.  An older one that wakes up, or that
-- opens this ledger late, takes nothing back.  Answers the number in force.
CREATE FUNCTION ledger.take_over(in_ledger text, in_epoch bigint) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '2s'
AS $$
DECLARE
    held bigint;
BEGIN
    SELECT h.epoch INTO held
      FROM ledger.head AS h WHERE h.ledger = in_ledger FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no ledger %', in_ledger USING ERRCODE = 'LG001';
    END IF;
    IF held >= in_epoch THEN
        RETURN held;
    END IF;
    UPDATE ledger.head AS h SET epoch = in_epoch WHERE h.ledger = in_ledger;
    RETURN in_epoch;
END
$$;

REVOKE ALL ON FUNCTION ledger.take_over(text, bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.take_over(text, bigint) TO ledger_app;

-- The one before it counted up without saying for whom: an old deployment could fence a new one.
-- No release has called it.
-- squawk-ignore ban-drop-function
DROP FUNCTION ledger.take_over(text);
