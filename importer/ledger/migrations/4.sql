-- Version 4: case updates set fields as well (kinds 'fields', 'solve' and 'close', next to 'notes').

INSERT INTO transition (of, before, after) VALUES
    ('case update', 'pending', 'dropped');  -- closing a case that a person does not want to be solved

DROP TRIGGER case_update_waits;

-- P15, P16: case updates go only to the case that their row was created as, and in order; a case is solved or closed
-- when the rows below it have come to rest, with all that they still wait for.
CREATE TRIGGER case_update_waits BEFORE UPDATE OF state ON case_update
WHEN NEW.state = 'sending' AND (
    (SELECT state FROM record WHERE id = NEW.record) <> 'created'
    OR EXISTS (SELECT 1 FROM case_update AS earlier WHERE earlier.record = NEW.record
               AND earlier.position < NEW.position AND earlier.state NOT IN ('done', 'dropped'))
    OR NEW.kind IN ('solve', 'close') AND EXISTS (
        SELECT 1 FROM record AS parent JOIN link ON link.parent_key = parent.key
            JOIN record AS child ON child.id = link.record
        WHERE parent.id = NEW.record AND (
            child.state IN ('pending', 'waiting', 'sending', 'unknown')
            OR child.state = 'created' AND EXISTS (
                SELECT 1 FROM case_update AS below WHERE below.record = child.id
                AND below.state IN ('pending', 'sending', 'unknown')
                AND NOT EXISTS (SELECT 1 FROM case_update AS refused WHERE refused.record = child.id
                                AND refused.state = 'refused')))))
BEGIN
    SELECT RAISE(ABORT, 'it is not the turn of this case update');
END;
