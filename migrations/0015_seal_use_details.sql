-- Who asked for a use of a seal, at which terminal and where it was made, as the keeper recorded
-- it.
--
-- Uses of before named neither; `requester` of the register, which is there, then says who had the
-- case in hand.  The release before this one writes no such column and reads none.

SET LOCAL lock_timeout = '5s';

ALTER TABLE projections.seal_use
  ADD COLUMN terminal text COLLATE "C",
  ADD COLUMN place text COLLATE "C";
