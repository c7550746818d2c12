-- Version 3: what `verify` found when it read cases back. No record moves because of it.

CREATE TABLE verification_plan (        -- the last verification; no row: there was none
    begun_at TEXT NOT NULL,             -- ISO 8601
    ended_at TEXT,                      -- NULL: not finished
    sample TEXT,                        -- as it was given, such as '5%'; NULL: all cases
    deep INTEGER NOT NULL,              -- 1: each case is read on its own as well
    doubles INTEGER NOT NULL            -- 1: the whole list is searched for second cases
) STRICT;

CREATE TABLE verification (             -- one finding about one case
    record INTEGER NOT NULL REFERENCES record (id),
    position INTEGER NOT NULL,          -- 0: the worst, which is the verdict of the case
    written_at REAL NOT NULL,           -- our last write to the case, seconds since 1970
    verdict TEXT,                       -- NULL: the case is not read back yet
    field TEXT,                         -- '': it is about the whole case
    sent TEXT,                          -- texts, or the parts of them that differ; NULL: forgotten
    found TEXT,
    update_at TEXT,                     -- ISO 8601, as the list shows it; NULL: not shown
    at TEXT,                            -- ISO 8601
    PRIMARY KEY (record, position)
) STRICT;

CREATE TABLE double_case (              -- a case that has the external id of another case of ours
    case_id TEXT PRIMARY KEY,
    record INTEGER NOT NULL REFERENCES record (id),
    field TEXT NOT NULL,                -- which has the external id
    update_at TEXT,
    at TEXT NOT NULL
) STRICT;
