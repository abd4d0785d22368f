-- Who may ask over HTTP, what was answered to a key that a client chose, and who changed what.

CREATE TABLE tokens (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    scopes TEXT NOT NULL,
    -- Of the whole token; the token itself is nowhere.
    digest TEXT NOT NULL,
    networks TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT,
    last_used_from TEXT,
    revoked_at BIGINT
);

-- Written in the transaction of what was ordered: a key that is here was carried out, once.
CREATE TABLE idempotency_keys (
    principal TEXT NOT NULL,
    route TEXT NOT NULL,
    key TEXT NOT NULL,
    request TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    drop_id TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (principal, route, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (at);

-- What whoever ordered a drop over HTTP wants to find again.
CREATE TABLE ordered_drops (
    drop_id TEXT NOT NULL PRIMARY KEY,
    principal TEXT NOT NULL,
    foreign_id TEXT,
    metadata TEXT
);
CREATE INDEX ordered_drops_by_foreign_id ON ordered_drops (foreign_id, drop_id) WHERE foreign_id IS NOT NULL;

-- Each row has the digest of the one before it in its own.
CREATE TABLE audit (
    id BIGINT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL,
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
);

INSERT INTO counters (name, value) VALUES ('audit', 0);
