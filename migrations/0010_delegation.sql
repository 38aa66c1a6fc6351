-- For whom somebody acted by delegation: the audit trail names both.

SET LOCAL lock_timeout = '5s';

ALTER TABLE projections.audit
  ADD COLUMN delegator text COLLATE "C";
