-- What the sandbox remembers; storage.py reads and writes it.
CREATE TABLE account (id TEXT NOT NULL);
-- The custom fields that the account was told to have. None: the default ones.
CREATE TABLE custom_fields (key TEXT PRIMARY KEY, definition TEXT NOT NULL);
CREATE TABLE cases (
    id INTEGER PRIMARY KEY,
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    place TEXT NOT NULL,
    content TEXT NOT NULL,
    -- What is searched for, under the names that the list of cases has for it.
    agent_id TEXT AS (json_extract(content, '$.owner_id')),
    parent_id TEXT AS (json_extract(content, '$.parent_id')),
    requester_id TEXT AS (json_extract(content, '$.requester_id')),
    requester_name TEXT AS (json_extract(content, '$.requester_name')),
    requester_email TEXT COLLATE NOCASE AS (json_extract(content, '$.requester_email')),
    title TEXT AS (json_extract(content, '$.title')),
    description TEXT AS (json_extract(content, '$.description')),
    status TEXT AS (json_extract(content, '$.status')),
    priority TEXT AS (json_extract(content, '$.priority')),
    type TEXT AS (json_extract(content, '$.type'))
);
CREATE INDEX cases_by_create_at ON cases (created_ms, place);
CREATE INDEX cases_by_update_at ON cases (updated_ms, place);
