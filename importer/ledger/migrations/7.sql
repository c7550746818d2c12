-- Version 7: a row whose key had an unknown outcome is decided on again once that is settled; what an export has in
-- columns that its mapping does not read; `verify` asks the server's clock alone.

DROP TRIGGER record_moves;

CREATE TRIGGER record_moves BEFORE UPDATE OF state ON record
WHEN OLD.state <> NEW.state
    AND (NOT EXISTS (SELECT 1 FROM transition WHERE of = 'record' AND before = OLD.state AND after = NEW.state)
         OR (OLD.state = 'skipped' AND OLD.code IS NOT 'filtered' AND OLD.code IS NOT 'key_unsettled'))
BEGIN
    SELECT RAISE(ABORT, 'this record may not move like that');
END;

ALTER TABLE source ADD COLUMN unread TEXT;        -- JSON array of [column that is not read, filled cells]; NULL: not known

ALTER TABLE verification RENAME COLUMN written_at TO written_after;
UPDATE verification SET written_after = 1e10;     -- not known
