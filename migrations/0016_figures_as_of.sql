-- Since which position a row of figures says what it says: figures are asked for as of a position.
--
-- A row whose case has not moved since then is good for it; the others are told anew from their
-- events.  Rows of before have no such position and are told anew, until something moves them or
-- the view is rebuilt.  The release before this one writes no such column and reads none.

SET LOCAL lock_timeout = '5s';

ALTER TABLE projections.figure_case
  ADD COLUMN moved_position bigint;
ALTER TABLE projections.review
  ADD COLUMN moved_position bigint;
