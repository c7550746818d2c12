-- The ledger of one import: the queue, the state of every row, and its history.
-- Everything that must never happen is refused here, below all code: see the triggers and unique indexes.

CREATE TABLE ledger (                   -- exactly one row
    id TEXT NOT NULL,                   -- names this ledger in failures files
    created_at TEXT NOT NULL,           -- UTC, ISO 8601
    target TEXT                         -- the API this ledger is pinned to; NULL until a run may send
) STRICT;

CREATE TABLE source (                   -- one export file that was read into this ledger
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    sha256 TEXT NOT NULL,               -- of what was read
    columns TEXT NOT NULL,              -- JSON array: the header
    mapping_name TEXT NOT NULL,
    mapping_sha256 TEXT NOT NULL,
    stamp TEXT,                         -- custom field that carries the key; NULL: cases cannot be found again by key
    notes TEXT NOT NULL DEFAULT '[]',   -- JSON array: the files of notes that were read with it
    links TEXT,                         -- JSON object: how the mapping links rows to each other; NULL: it does not
    rows INTEGER NOT NULL DEFAULT 0,    -- rows read
    staged INTEGER NOT NULL DEFAULT 0   -- 0: reading was cut short, its records are dropped and read again
) STRICT;

CREATE TABLE run (                      -- one time that a process held this ledger
    id INTEGER PRIMARY KEY,
    verb TEXT NOT NULL,
    version TEXT NOT NULL,              -- of case-importer
    started_at TEXT NOT NULL,
    ended_at TEXT,                      -- NULL: still running, or killed
    exit_code INTEGER
) STRICT;

CREATE TABLE record (                   -- one row of a source
    id INTEGER PRIMARY KEY,             -- input order
    source INTEGER NOT NULL REFERENCES source (id),
    row INTEGER NOT NULL,               -- where it begins in the file
    key TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    run INTEGER REFERENCES run (id),    -- the run that moved it last
    case_id TEXT,
    http_status INTEGER,
    code TEXT,
    message TEXT,
    -- Each list is built anew for every row that is written, so what is nearly always true is asked first.
    CHECK (state = 'pending' OR state = 'sending' OR state = 'created'
           OR state IN ('invalid', 'skipped', 'waiting', 'refused', 'unknown', 'duplicate')),
    CHECK (state <> 'created' OR case_id IS NOT NULL),
    CHECK (case_id IS NULL OR state NOT IN ('pending', 'sending', 'invalid'))
) STRICT;

-- Cold and large, apart from `record`, so that moving a record does not rewrite it. Dropped by `forget`, except for
-- `replaces`: a record that corrects another one keeps a row here, with empty cells.
CREATE TABLE content (
    record INTEGER PRIMARY KEY REFERENCES record (id),
    cells BLOB NOT NULL,                -- JSON array: the user's own cells; see packing.py
    body BLOB,                          -- the JSON that is sent, byte for byte
    errors BLOB,                        -- JSON array of field errors
    replaces INTEGER                    -- the record that this row corrects, if its file says so
) STRICT;

CREATE TABLE orphan (                   -- a row of a file of notes that belongs to no row of its source
    id INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES source (id),
    file INTEGER NOT NULL,              -- which of the files in `source.notes`, from 0
    row INTEGER NOT NULL,               -- where it begins in that file
    key TEXT NOT NULL,
    code TEXT NOT NULL,
    message TEXT NOT NULL,
    cells BLOB NOT NULL                 -- JSON array: the user's own cells
) STRICT;

-- What a row says about the row above it. Only rows of a mapping that links rows are here.
CREATE TABLE link (
    record INTEGER PRIMARY KEY REFERENCES record (id),
    name TEXT,                          -- what other rows call it by; NULL: its key, and it calls them by theirs
    parent TEXT,                        -- what it calls the row above it; NULL: there is none
    above TEXT,                         -- key of the row whose case becomes its parent; NULL: none, or not decided yet
    fate TEXT                           -- why the link is not the one of the file: left out, or led to the topmost row
) STRICT;

CREATE INDEX record_key ON record (key);    -- made again when a first source is entered: see finish_source
CREATE INDEX named ON link (name) WHERE name IS NOT NULL;
CREATE INDEX children ON link (above) WHERE above IS NOT NULL;
CREATE INDEX corrections ON content (replaces) WHERE replaces IS NOT NULL;

-- Promise P1: of all rows with one key, at most one may be, or may have been, at the server.
-- Not a unique index: that would be written at every move, which is a third of the cost of a case.
CREATE TRIGGER one_case_per_key BEFORE UPDATE OF state, key ON record
WHEN (NEW.state = 'sending' OR NEW.state = 'created' OR NEW.state = 'unknown' OR NEW.state = 'duplicate')
    AND NOT (NEW.key = OLD.key AND (OLD.state = 'sending' OR OLD.state = 'created'
                                    OR OLD.state = 'unknown' OR OLD.state = 'duplicate'))
    AND EXISTS (SELECT 1 FROM record AS other WHERE other.key = NEW.key AND other.id <> NEW.id
                AND other.state IN ('sending', 'created', 'unknown', 'duplicate'))
BEGIN
    SELECT RAISE(ABORT, 'another record with this key may be at the server');
END;

CREATE TRIGGER one_case_per_key_from_the_start BEFORE INSERT ON record
WHEN (NEW.state = 'sending' OR NEW.state = 'created' OR NEW.state = 'unknown' OR NEW.state = 'duplicate')
    AND EXISTS (SELECT 1 FROM record AS other WHERE other.key = NEW.key
                AND other.state IN ('sending', 'created', 'unknown', 'duplicate'))
BEGIN
    SELECT RAISE(ABORT, 'another record with this key may be at the server');
END;

-- Promise P2: a case id answers for one row only.
CREATE UNIQUE INDEX one_row_per_case ON record (case_id) WHERE case_id IS NOT NULL;

-- Cells that begin with a blank lean on the body: what they point at must be a JSON text after every change.
CREATE TRIGGER cells_lean_on_body BEFORE UPDATE OF cells, body ON content
WHEN substr(NEW.cells, 1, 1) = x'20' AND (NEW.body IS NULL OR EXISTS (
    SELECT 1 FROM json_each(CAST(NEW.cells AS TEXT)) AS cell WHERE cell.type = 'array'
    AND NOT json_valid(CAST(substr(NEW.body, 1 + json_extract(cell.value, '$[0]'), json_extract(cell.value, '$[1]')) AS TEXT))))
BEGIN
    SELECT RAISE(ABORT, 'a body changes together with the cells that lean on it');
END;

-- Notes for which one call has no room. They follow their case by updates, strictly one after another.
CREATE TABLE addition (                 -- one update
    record INTEGER NOT NULL REFERENCES record (id),
    part INTEGER NOT NULL,              -- 1, 2, …: the order in which they go
    notes INTEGER NOT NULL,             -- how many notes it carries
    state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0,
    run INTEGER REFERENCES run (id),    -- the run that moved it last
    http_status INTEGER,
    code TEXT,
    message TEXT,
    body BLOB NOT NULL,                 -- the JSON that is sent, byte for byte
    PRIMARY KEY (record, part),
    CHECK (state IN ('pending', 'sending', 'done', 'refused', 'unknown', 'dropped'))
) STRICT;

CREATE INDEX addition_state ON addition (state, record);

CREATE TRIGGER addition_moves BEFORE UPDATE OF state ON addition
WHEN OLD.state <> NEW.state AND OLD.state || ' ' || NEW.state NOT IN (
    'pending sending',                  -- the fence
    'sending done', 'sending refused',
    'sending pending',                  -- proven not taken, and worth another attempt
    'sending unknown',                  -- anything else, and every crash
    'unknown done', 'unknown pending',  -- looked up, or a person decided
    'unknown dropped', 'refused dropped', 'refused done',   -- a person decided
    'refused pending')                  -- a person asked for it
BEGIN
    SELECT RAISE(ABORT, 'this addition may not move like that');
END;

-- Promise P15: notes go only to the case that their row was created as, and in order.
CREATE TRIGGER addition_waits BEFORE UPDATE OF state ON addition
WHEN NEW.state = 'sending' AND (
    (SELECT state FROM record WHERE id = NEW.record) <> 'created'
    OR EXISTS (SELECT 1 FROM addition AS earlier WHERE earlier.record = NEW.record AND earlier.part < NEW.part
               AND earlier.state NOT IN ('done', 'dropped')))
BEGIN
    SELECT RAISE(ABORT, 'it is not the turn of this addition');
END;

CREATE TRIGGER addition_stays BEFORE DELETE ON addition WHEN OLD.attempts > 0
BEGIN
    SELECT RAISE(ABORT, 'an addition that was sent is never dropped');
END;

CREATE TABLE addition_event (           -- the history of additions: appended by the trigger below, never changed
    id INTEGER PRIMARY KEY,
    record INTEGER NOT NULL,
    part INTEGER NOT NULL,
    run INTEGER,
    at REAL NOT NULL,                   -- seconds since 1970 by the wall clock
    state TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    http_status INTEGER,
    code TEXT,
    message TEXT
) STRICT;

CREATE TRIGGER addition_moved AFTER UPDATE OF state ON addition WHEN OLD.state <> NEW.state
BEGIN
    INSERT INTO addition_event (record, part, run, at, state, attempt, http_status, code, message)
    VALUES (NEW.record, NEW.part, NEW.run, (julianday('now') - 2440587.5) * 86400.0, NEW.state, NEW.attempts,
            NEW.http_status, NEW.code, NEW.message);
END;

CREATE TRIGGER addition_event_is_kept BEFORE UPDATE ON addition_event -- but `forget` may drop its words
WHEN NEW.message IS NOT NULL
    OR (NEW.id, NEW.record, NEW.part, NEW.run, NEW.at, NEW.state, NEW.attempt, NEW.http_status, NEW.code)
        IS NOT (OLD.id, OLD.record, OLD.part, OLD.run, OLD.at, OLD.state, OLD.attempt, OLD.http_status, OLD.code)
BEGIN
    SELECT RAISE(ABORT, 'history is only appended');
END;

CREATE TRIGGER addition_event_stays BEFORE DELETE ON addition_event
BEGIN
    SELECT RAISE(ABORT, 'history is only appended');
END;

CREATE TABLE event (                    -- the history: appended by the trigger below, never changed
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

CREATE TABLE distrusted (               -- answers that said "not created" about a case: such answers prove nothing
    status INTEGER PRIMARY KEY,         -- of HTTP
    record INTEGER NOT NULL REFERENCES record (id)  -- of which it was said
) STRICT;

CREATE TABLE transition (
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (before, after)
) STRICT, WITHOUT ROWID;

INSERT INTO transition (before, after) VALUES
    ('pending', 'sending'),             -- the fence
    ('pending', 'skipped'),             -- another record answers for its key
    ('pending', 'invalid'),             -- mapped anew
    ('pending', 'waiting'), ('waiting', 'pending'), ('waiting', 'invalid'), ('waiting', 'skipped'),
    ('sending', 'created'),
    ('sending', 'refused'),
    ('sending', 'pending'),             -- proven not created, and worth another attempt
    ('sending', 'unknown'),             -- anything else, and every crash
    ('unknown', 'created'), ('unknown', 'duplicate'), ('unknown', 'pending'), ('unknown', 'refused'),
    ('unknown', 'skipped'), ('duplicate', 'created'), ('duplicate', 'skipped'),     -- a person decided
    ('created', 'unknown'),             -- two answers claimed one case, or one that denied it proved wrong
    ('pending', 'unknown'), ('waiting', 'unknown'), ('refused', 'unknown'),     -- the same
    ('refused', 'pending'), ('refused', 'skipped'), ('refused', 'invalid'), ('refused', 'waiting'),
    ('invalid', 'pending'), ('invalid', 'skipped'), ('invalid', 'waiting'),
    ('skipped', 'pending'), ('skipped', 'invalid'), ('skipped', 'waiting');     -- only if a mapping left it out, and another one does not

CREATE TRIGGER record_moves BEFORE UPDATE OF state ON record
WHEN OLD.state <> NEW.state
    AND (NOT EXISTS (SELECT 1 FROM transition WHERE before = OLD.state AND after = NEW.state)
         OR (OLD.state = 'skipped' AND OLD.code IS NOT 'left_out'))
BEGIN
    SELECT RAISE(ABORT, 'this record may not move like that');
END;

-- A row is sent only as a child of the very case that the row above it is.
CREATE TRIGGER parent_first BEFORE UPDATE OF state ON record
WHEN NEW.state = 'sending' AND EXISTS (SELECT 1 FROM link WHERE record = NEW.id AND above IS NOT NULL)
BEGIN
    SELECT RAISE(ABORT, 'its parent is not the case that it names') WHERE NOT EXISTS (
        SELECT 1 FROM link JOIN record AS up ON up.key = link.above AND up.state = 'created'
            JOIN content ON content.record = link.record
        WHERE link.record = NEW.id AND json_extract(CAST(content.body AS TEXT), '$.parent_id') = up.case_id);
END;

CREATE TRIGGER record_moved AFTER UPDATE OF state ON record WHEN OLD.state <> NEW.state
BEGIN
    INSERT INTO event (record, run, at, state, attempt, case_id, http_status, code, message)
    VALUES (NEW.id, NEW.run, (julianday('now') - 2440587.5) * 86400.0, NEW.state, NEW.attempts,
            NEW.case_id, NEW.http_status, NEW.code, NEW.message);
END;

CREATE TRIGGER record_stays BEFORE DELETE ON record WHEN OLD.attempts > 0
BEGIN
    SELECT RAISE(ABORT, 'a record that was sent is never dropped');
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

PRAGMA user_version = 2;
