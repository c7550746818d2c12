-- Version 7: what the report says about the columns of an export that its mapping does not read.

ALTER TABLE source ADD COLUMN unread TEXT;        -- JSON array of [column that is not read, filled cells]; NULL: not known
