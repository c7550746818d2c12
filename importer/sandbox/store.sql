-- Everything a sandbox account remembers. One row a case, for ever: deleting only moves it (column place).
CREATE TABLE account (
    id TEXT NOT NULL
);
-- The custom fields that the account was told to have, each as a field of GET /cm/meta/va/fields. None: the default ones.
CREATE TABLE custom_fields (
    key TEXT PRIMARY KEY,
    definition TEXT NOT NULL
);
CREATE TABLE cases (
    id INTEGER PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    place INTEGER NOT NULL,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    parent_id TEXT,
    owner_id TEXT,
    priority TEXT,
    type TEXT,
    status TEXT NOT NULL,
    resolution TEXT,
    group_id TEXT NOT NULL,
    requester_id TEXT NOT NULL,
    requester_name TEXT NOT NULL,
    requester_email TEXT NOT NULL,
    custom_fields TEXT NOT NULL,
    notes TEXT NOT NULL
);
CREATE INDEX cases_by_create_at ON cases (created_ms, place);
CREATE INDEX cases_by_update_at ON cases (updated_ms, place);
