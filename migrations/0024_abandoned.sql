-- Who threw an import away, and when: the first who did.

SET LOCAL lock_timeout = '5s';

-- Of an import that was thrown away before, nobody knows.  The check is one scan of few rows.
ALTER TABLE projections.import_file
  ADD COLUMN abandoned_by text COLLATE "C",
  ADD COLUMN abandoned_at timestamptz,
  -- squawk-ignore constraint-missing-not-valid
  ADD CONSTRAINT abandoned_by_somebody
      CHECK ((abandoned_at IS NULL) = (abandoned_by IS NULL));
