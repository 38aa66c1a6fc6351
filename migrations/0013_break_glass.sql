-- Whether an act or a refusal was made by break-glass: who reviews it sees which were.

SET LOCAL lock_timeout = '5s';

ALTER TABLE projections.audit
  ADD COLUMN break_glass boolean NOT NULL DEFAULT false;
