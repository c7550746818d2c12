-- The ledger of one import: the queue, the state of every row, and its history. This is what a new ledger is made of;
-- `migrations/` brings older ones to the same tables.
-- What must never happen is refused here, below all code: see the triggers and unique indexes.
-- Times are UTC. A text that is JSON says so.
-- What is checked for every row compares states with OR: SQLite would make a table of a list behind IN for each row,
-- which was a third of the cost of a case.

CREATE TABLE ledger (                   -- exactly one row
    id TEXT NOT NULL,                   -- names this ledger in failures files
    created_at TEXT NOT NULL,           -- ISO 8601
    target TEXT                         -- the API this ledger is pinned to; NULL until a run may send
) STRICT;

CREATE TABLE source (                   -- one export file that was read into this ledger
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,               -- of what was read
    columns TEXT NOT NULL,              -- JSON array: the header
    mapping_name TEXT NOT NULL,
    mapping_sha256 TEXT NOT NULL,
    external_id_field TEXT,             -- custom field that carries the key; NULL: cases cannot be found again by key
    links TEXT,                         -- JSON object: how the mapping links rows to each other; NULL: it does not
    rows INTEGER NOT NULL DEFAULT 0,    -- rows read
    staged INTEGER NOT NULL DEFAULT 0,  -- 0: reading was cut short, its records are dropped and read again
    mapping_place TEXT,                 -- path of the mapping, or name of a built-in one; NULL: not known
    allowed TEXT,                       -- JSON object: column → the only words that it may have; NULL: not known
    unread TEXT                         -- JSON array of [column that is not read, filled cells]; NULL: not known
) STRICT;

CREATE TABLE run (                      -- one time that a process held this ledger
    id INTEGER PRIMARY KEY,
    verb TEXT NOT NULL,
    version TEXT NOT NULL,              -- of case-importer
    started_at TEXT NOT NULL,           -- ISO 8601
    ended_at TEXT,                      -- NULL: still running, or killed
    exit_code INTEGER,
    settings TEXT,                      -- JSON object: what it was to do, and how; no secrets. NULL: it sent nothing
    planned INTEGER                     -- requests that it was about to send when it began; searches not counted
) STRICT;

CREATE TABLE record (                   -- one row of a source
    id INTEGER PRIMARY KEY,             -- input order
    source INTEGER NOT NULL REFERENCES source (id),
    row INTEGER NOT NULL,               -- where it begins in the file
    key TEXT NOT NULL,                  -- external id
    replaces INTEGER,                   -- the record that this row corrects, if its file says so
    state TEXT NOT NULL CHECK (state = 'pending' OR state = 'sending' OR state = 'created' OR state = 'invalid'
        OR state = 'skipped' OR state = 'waiting' OR state = 'refused' OR state = 'unknown' OR state = 'duplicate'),
    attempts INTEGER NOT NULL DEFAULT 0,
    run INTEGER REFERENCES run (id),    -- the run that moved it last
    case_id TEXT,
    http_status INTEGER,                -- what is known about the last move: the status of the answer, if there was one,
    code TEXT,                          -- a word for programs,
    message TEXT,                       -- and a sentence for people
    CHECK (state <> 'created' OR case_id IS NOT NULL),
    CHECK (case_id IS NULL OR (state <> 'pending' AND state <> 'sending' AND state <> 'invalid'))
) STRICT;

-- Cold and large, apart from `record`, so that moving a record does not rewrite it. Dropped by `forget`.
CREATE TABLE content (
    record INTEGER PRIMARY KEY REFERENCES record (id),
    cells TEXT NOT NULL,                -- JSON array: the user's own cells
    errors TEXT,                        -- JSON array of objects: the field errors; NULL: none
    body TEXT,                          -- JSON: what is sent, to the byte; NULL: nothing can be sent
    payload_sha256 TEXT,                -- of the body, compared before the row is marked as sending
    CHECK ((body IS NULL) = (payload_sha256 IS NULL))
) STRICT;

-- What a row says about its parent. Only rows of a mapping that links rows are here.
CREATE TABLE link (
    record INTEGER PRIMARY KEY REFERENCES record (id),
    name TEXT,                          -- what other rows call it by; NULL: its key, and it calls them by theirs
    parent TEXT,                        -- what it calls its parent; NULL: there is none
    parent_key TEXT,                    -- key of the row whose case becomes its parent; NULL: none, or not decided yet
    problem TEXT                        -- why the link is not the one of the file: dropped, or led to the topmost row
) STRICT;

-- What is sent to a case after it was created, strictly in order: notes for which the first request has no room, then
-- what the mapping says under `after_create`.
CREATE TABLE case_update (
    record INTEGER NOT NULL REFERENCES record (id),
    position INTEGER NOT NULL,          -- 1, 2, …: the order in which they go
    kind TEXT NOT NULL,                 -- what it carries: 'notes', 'fields', 'solve' or 'close'
    items INTEGER NOT NULL,             -- how many of them
    state TEXT NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'sending', 'done', 'refused', 'unknown', 'dropped')),
    attempts INTEGER NOT NULL DEFAULT 0,
    run INTEGER REFERENCES run (id),    -- the run that moved it last
    http_status INTEGER,
    code TEXT,
    message TEXT,
    body TEXT,                          -- JSON: what is sent, to the byte; NULL: forgotten
    payload_sha256 TEXT,                -- of the body, compared before it is marked as sending
    PRIMARY KEY (record, position),
    CHECK ((body IS NULL) = (payload_sha256 IS NULL))
) STRICT;

CREATE TABLE contested_case_id (        -- was reported for more than one row: an answer that gives it proves nothing
    case_id TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE companion_file (           -- a file with further entries of the rows of a source, such as their notes
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source (id),
    position INTEGER NOT NULL,          -- which of the companion files of its source, from 0
    name TEXT NOT NULL,                 -- what the mapping calls it
    path TEXT NOT NULL,                 -- where it was
    sha256 TEXT NOT NULL,               -- of what was read
    columns TEXT NOT NULL,              -- JSON array: the header
    rows INTEGER NOT NULL,              -- rows read
    without_row INTEGER,                -- how many of them belong to no row; NULL: the source is not a whole export
    rows_without INTEGER                -- how many rows of the source have no entry in it; NULL likewise
) STRICT;

CREATE TABLE orphan (                   -- a row of a companion file that belongs to no row of its source
    id INTEGER PRIMARY KEY,
    file INTEGER NOT NULL REFERENCES companion_file (id),
    row INTEGER NOT NULL,               -- where it begins in that file
    key TEXT NOT NULL,                  -- what it says to belong to, as it stands there
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    cells TEXT NOT NULL                 -- JSON array: the user's own cells
) STRICT;

CREATE TABLE event (                    -- the history of records: appended by a trigger, never changed
    id INTEGER PRIMARY KEY,
    record INTEGER NOT NULL,
    run INTEGER,
    at REAL NOT NULL,                   -- seconds since 1970 by the wall clock
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    case_id TEXT,
    http_status INTEGER,
    code TEXT,
    message TEXT
) STRICT;

CREATE TABLE case_update_event (        -- the history of case updates: likewise
    id INTEGER PRIMARY KEY,
    record INTEGER NOT NULL,
    position INTEGER NOT NULL,
    run INTEGER,
    at REAL NOT NULL,
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    http_status INTEGER,
    code TEXT,
    message TEXT
) STRICT;

CREATE TABLE search (                   -- one time that the outcome of a row was searched for in the list of cases
    id INTEGER PRIMARY KEY,
    record INTEGER NOT NULL REFERENCES record (id),
    run INTEGER NOT NULL REFERENCES run (id),
    at REAL NOT NULL,                   -- when it ended, seconds since 1970
    result TEXT NOT NULL,               -- 'found', 'duplicate', 'not_created', or 'undecided'
    message TEXT                        -- why it is undecided
) STRICT;

CREATE TABLE measurement (              -- a few seconds of a run, for its report: nothing is decided by it
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

-- What `verify` found when it read cases back. No record moves because of it.

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
    written_after REAL NOT NULL,        -- our last write to the case, seconds after its creation at most
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

CREATE INDEX record_key ON record (key);    -- made again when a first source is entered: see finish_source
CREATE INDEX corrections ON record (replaces) WHERE replaces IS NOT NULL;
CREATE INDEX link_name ON link (name) WHERE name IS NOT NULL;
CREATE INDEX children ON link (parent_key) WHERE parent_key IS NOT NULL;
CREATE INDEX case_update_state ON case_update (state, record);
CREATE INDEX companion_files ON companion_file (source);
-- Which records had an unknown outcome at some time; few have, so it costs next to nothing.
CREATE INDEX once_unknown ON event (record) WHERE state = 'unknown';

-- How records and case updates may move ------------------------------------------------------------------------------

CREATE TABLE transition (
    of TEXT NOT NULL,                   -- 'record' or 'case update'
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (of, before, after)
) STRICT, WITHOUT ROWID;

INSERT INTO transition (of, before, after) VALUES
    ('record', 'pending', 'sending'),       -- marked as sending, before anything leaves
    ('record', 'pending', 'skipped'),       -- another record answers for its key
    ('record', 'pending', 'invalid'),       -- mapped anew
    ('record', 'pending', 'waiting'), ('record', 'waiting', 'pending'), ('record', 'waiting', 'invalid'),
    ('record', 'waiting', 'skipped'),
    ('record', 'sending', 'created'), ('record', 'sending', 'refused'),
    ('record', 'sending', 'pending'),       -- proven not created, and worth another attempt
    ('record', 'sending', 'unknown'),       -- anything else, and every crash
    ('record', 'unknown', 'created'), ('record', 'unknown', 'duplicate'), ('record', 'unknown', 'pending'),
    ('record', 'unknown', 'refused'),
    ('record', 'unknown', 'skipped'), ('record', 'duplicate', 'created'),
    ('record', 'duplicate', 'skipped'),     -- a person decided
    ('record', 'created', 'unknown'),       -- its case id was reported for another row too
    ('record', 'refused', 'pending'), ('record', 'refused', 'skipped'), ('record', 'refused', 'invalid'),
    ('record', 'refused', 'waiting'),
    ('record', 'invalid', 'pending'), ('record', 'invalid', 'skipped'), ('record', 'invalid', 'waiting'),
    ('record', 'skipped', 'pending'), ('record', 'skipped', 'invalid'),
    ('record', 'skipped', 'waiting'),       -- only if a mapping filtered it, and another one does not; or if its key had an
                                            -- unknown outcome, which is settled
    -- a ledger that is made again from an account (`rebuild`) knows of no row whether it is a case already
    ('record', 'pending', 'unknown'), ('record', 'waiting', 'unknown'), ('case update', 'pending', 'unknown'),
    ('case update', 'pending', 'sending'),
    ('case update', 'pending', 'dropped'),  -- closing a case that a person does not want to be solved
    ('case update', 'sending', 'done'), ('case update', 'sending', 'refused'),
    ('case update', 'sending', 'pending'),  -- proven not taken, and worth another attempt
    ('case update', 'sending', 'unknown'),  -- anything else, and every crash
    ('case update', 'unknown', 'done'), ('case update', 'unknown', 'pending'),  -- the case was read, or a person decided
    ('case update', 'unknown', 'dropped'), ('case update', 'refused', 'dropped'),
    ('case update', 'refused', 'done'),     -- a person decided
    ('case update', 'refused', 'pending');  -- a person asked for it

CREATE TRIGGER record_moves BEFORE UPDATE OF state ON record
WHEN OLD.state <> NEW.state
    AND (NOT EXISTS (SELECT 1 FROM transition WHERE of = 'record' AND before = OLD.state AND after = NEW.state)
         OR (OLD.state = 'skipped' AND OLD.code IS NOT 'filtered' AND OLD.code IS NOT 'key_unsettled'))
BEGIN
    SELECT RAISE(ABORT, 'this record may not move like that');
END;

CREATE TRIGGER case_update_moves BEFORE UPDATE OF state ON case_update
WHEN OLD.state <> NEW.state
    AND NOT EXISTS (SELECT 1 FROM transition WHERE of = 'case update' AND before = OLD.state AND after = NEW.state)
BEGIN
    SELECT RAISE(ABORT, 'this case update may not move like that');
END;

-- Promises -----------------------------------------------------------------------------------------------------------

-- P1: of all rows with one key, at most one may be, or may have been, at the server.
-- Not a unique index: that would be written at every move, which is a third of the cost of a case.
CREATE TRIGGER one_case_per_key BEFORE UPDATE OF state, key ON record
WHEN (NEW.state = 'sending' OR NEW.state = 'created' OR NEW.state = 'unknown' OR NEW.state = 'duplicate')
    AND (NEW.key <> OLD.key OR NOT (OLD.state = 'sending' OR OLD.state = 'created' OR OLD.state = 'unknown'
                                    OR OLD.state = 'duplicate'))
    AND EXISTS (SELECT 1 FROM record AS other WHERE other.key = NEW.key AND other.id <> NEW.id
                AND other.state IN ('sending', 'created', 'unknown', 'duplicate'))
BEGIN
    SELECT RAISE(ABORT, 'another record with this key may be a case already');
END;

CREATE TRIGGER one_case_per_key_from_the_start BEFORE INSERT ON record
WHEN (NEW.state = 'sending' OR NEW.state = 'created' OR NEW.state = 'unknown' OR NEW.state = 'duplicate')
    AND EXISTS (SELECT 1 FROM record AS other WHERE other.key = NEW.key
                AND other.state IN ('sending', 'created', 'unknown', 'duplicate'))
BEGIN
    SELECT RAISE(ABORT, 'another record with this key may be a case already');
END;

-- P2: a case id answers for one row only; if it was reported for several, an answer that gives it proves nothing.
CREATE UNIQUE INDEX one_row_per_case ON record (case_id) WHERE case_id IS NOT NULL;

CREATE TRIGGER contested_case_id_proves_nothing BEFORE UPDATE OF state ON record
WHEN OLD.state = 'sending' AND NEW.state = 'created'
    AND EXISTS (SELECT 1 FROM contested_case_id WHERE case_id = NEW.case_id)
BEGIN
    SELECT RAISE(ABORT, 'this case id was reported for more than one row');
END;

-- A row is sent only as a child of the very case that its parent is.
CREATE TRIGGER parent_first BEFORE UPDATE OF state ON record
WHEN NEW.state = 'sending' AND EXISTS (SELECT 1 FROM link WHERE record = NEW.id AND parent_key IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'its parent is not the case that it names') WHERE NOT EXISTS (
        SELECT 1 FROM link JOIN record AS parent ON parent.key = link.parent_key AND parent.state = 'created'
            JOIN content ON content.record = link.record
        WHERE link.record = NEW.id AND json_extract(content.body, '$.parent_id') = parent.case_id);
END;

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

-- History, and what was sent, stays -----------------------------------------------------------------------------------

CREATE TRIGGER record_stays BEFORE DELETE ON record WHEN OLD.attempts > 0
BEGIN
    SELECT RAISE(ABORT, 'a record that was sent is never deleted');
END;

CREATE TRIGGER case_update_stays BEFORE DELETE ON case_update WHEN OLD.attempts > 0
BEGIN
    SELECT RAISE(ABORT, 'a case update that was sent is never deleted');
END;

CREATE TRIGGER record_moved AFTER UPDATE OF state ON record WHEN OLD.state <> NEW.state
BEGIN
    INSERT INTO event (record, run, at, state, attempt, case_id, http_status, code, message)
    VALUES (NEW.id, NEW.run, (julianday('now') - 2440587.5) * 86400.0, NEW.state, NEW.attempts, NEW.case_id, NEW.http_status, NEW.code,
            NEW.message);
END;

CREATE TRIGGER case_update_moved AFTER UPDATE OF state ON case_update WHEN OLD.state <> NEW.state
BEGIN
    INSERT INTO case_update_event (record, position, run, at, state, attempt, http_status, code, message)
    VALUES (NEW.record, NEW.position, NEW.run, (julianday('now') - 2440587.5) * 86400.0, NEW.state, NEW.attempts, NEW.http_status, NEW.code,
            NEW.message);
END;

CREATE TRIGGER event_is_kept BEFORE UPDATE ON event -- but `forget` may drop its words
WHEN NEW.message IS NOT NULL
    OR (NEW.id, NEW.record, NEW.run, NEW.at, NEW.state, NEW.attempt, NEW.case_id, NEW.http_status, NEW.code)
        IS NOT (OLD.id, OLD.record, OLD.run, OLD.at, OLD.state, OLD.attempt, OLD.case_id, OLD.http_status, OLD.code)
BEGIN
    SELECT RAISE(ABORT, 'history is only appended');
END;

CREATE TRIGGER event_stays BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'history is only appended');
END;

CREATE TRIGGER case_update_event_is_kept BEFORE UPDATE ON case_update_event
WHEN NEW.message IS NOT NULL
    OR (NEW.id, NEW.record, NEW.position, NEW.run, NEW.at, NEW.state, NEW.attempt, NEW.http_status, NEW.code)
        IS NOT (OLD.id, OLD.record, OLD.position, OLD.run, OLD.at, OLD.state, OLD.attempt, OLD.http_status, OLD.code)
BEGIN
    SELECT RAISE(ABORT, 'history is only appended');
END;

CREATE TRIGGER case_update_event_stays BEFORE DELETE ON case_update_event
BEGIN
    SELECT RAISE(ABORT, 'history is only appended');
END;
