-- A last day may end at the close of business: what was done later on that day is late.
--
-- Rows that are there already end their days at 24:00, which is what the defaults say.  The
-- release before this one writes no such column and reads none.

SET LOCAL lock_timeout = '5s';

-- `closes` is the local time at which the days of a case end, none for 24:00; the others say that
-- the promise was kept, or the result handed out, later on its day than that.
ALTER TABLE projections.figure_case
  ADD COLUMN closes time,
  ADD COLUMN promised_after_close boolean NOT NULL DEFAULT false,
  ADD COLUMN issue_after_close boolean NOT NULL DEFAULT false;

-- The same of feeding back a bad evaluation.
ALTER TABLE projections.review
  ADD COLUMN after_close boolean NOT NULL DEFAULT false;
