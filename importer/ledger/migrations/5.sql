-- Version 5: what the report of a run needs to say how it went. Nothing is decided by it.

ALTER TABLE run ADD COLUMN settings TEXT;       -- JSON object: what it was to do, and how; no secrets. NULL: it sent nothing
ALTER TABLE run ADD COLUMN planned INTEGER;     -- requests that it was about to send when it began to send; searches not counted

CREATE TABLE measurement (              -- a few seconds of a run
    run INTEGER NOT NULL REFERENCES run (id),
    at REAL NOT NULL,                   -- their end, seconds since 1970
    seconds REAL NOT NULL,              -- how long they were
    created INTEGER NOT NULL,           -- rows that became cases
    requests INTEGER NOT NULL,          -- that ended, searches included
    too_fast INTEGER NOT NULL,          -- how many of them were answered with HTTP 429
    waited REAL NOT NULL,               -- seconds for the answers of all of them together
    longest REAL NOT NULL,              -- and for the slowest one
    rate REAL,                          -- requests per second that were allowed at the end; NULL: no limit
    PRIMARY KEY (run, at)
) STRICT, WITHOUT ROWID;

-- Which records had an unknown outcome at some time; few have, so it costs next to nothing.
CREATE INDEX once_unknown ON event (record) WHERE state = 'unknown';
