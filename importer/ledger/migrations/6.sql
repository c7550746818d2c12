-- Version 6: what the fix-and-replay workbook and `explain` need to know of a mapping, and the searches for cases.

ALTER TABLE source ADD COLUMN mapping_place TEXT; -- path of the mapping, or name of a built-in one; NULL: not known
ALTER TABLE source ADD COLUMN allowed TEXT;       -- JSON object: column → the only words that it may have; NULL: not known

CREATE TABLE search (                   -- one time that the outcome of a row was searched for in the list of cases
    id INTEGER PRIMARY KEY,
    record INTEGER NOT NULL REFERENCES record (id),
    run INTEGER NOT NULL REFERENCES run (id),
    at REAL NOT NULL,                   -- when it ended, seconds since 1970
    result TEXT NOT NULL,               -- 'found', 'duplicate', 'not_created', or 'undecided'
    message TEXT                        -- why it is undecided
) STRICT;
