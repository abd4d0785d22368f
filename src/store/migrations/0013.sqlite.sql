-- Who may ask over HTTP, what was answered to a key that a client chose, and who changed what.

CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    -- Of the whole token; the token itself is nowhere.
    digest TEXT NOT NULL,
    networks TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,
    last_used_from TEXT,
    revoked_at INTEGER
) STRICT, WITHOUT ROWID;

-- Written in the transaction of what was ordered: a key that is here was carried out, once.
CREATE TABLE idempotency_keys (
    principal TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    drop_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (principal, route, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (at);

-- What whoever ordered a drop over HTTP wants to find again.
CREATE TABLE ordered_drops (
    drop_id TEXT NOT NULL PRIMARY KEY,
    principal TEXT NOT NULL,
    foreign_id TEXT,
    metadata TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX ordered_drops_by_foreign_id ON ordered_drops (foreign_id, drop_id) WHERE foreign_id IS NOT NULL;

-- Each row has the digest of the one before it in its own.
CREATE TABLE audit (
    id INTEGER NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    via TEXT NOT NULL,
    ip TEXT,
    request_id TEXT,
    action TEXT NOT NULL,
    object TEXT NOT NULL,
    before TEXT,
    after TEXT,
    prev_hash TEXT NOT NULL,
    hash TEXT NOT NULL
) STRICT;

INSERT INTO counters (name, value) VALUES ('audit', 0);
