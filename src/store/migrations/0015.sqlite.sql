-- Endpoints of webhooks, what is to be sent to them, and what came of it.

CREATE TABLE webhooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL,
    description TEXT,
    -- Types of events or groups of them, with spaces between; empty: all.
    types TEXT NOT NULL,
    campaign INTEGER,
    full_numbers INTEGER NOT NULL,
    concurrency INTEGER NOT NULL,
    per_second INTEGER,
    ordered INTEGER NOT NULL,
    batch INTEGER NOT NULL,
    linger_ms INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    created_by TEXT NOT NULL,
    version INTEGER NOT NULL,
    disabled_at INTEGER,
    disabled_because TEXT,
    -- Of the events up to this number, each that it is told of has a row in webhook_deliveries.
    position INTEGER NOT NULL,
    -- Events that were not kept until it could be told of them.
    missed INTEGER NOT NULL DEFAULT 0,
    -- In a row.
    failures INTEGER NOT NULL DEFAULT 0,
    failing_since INTEGER,
    last_failure_at INTEGER,
    last_success_at INTEGER,
    probe_at INTEGER,
    -- Grows with each order to send something again.
    orders INTEGER NOT NULL DEFAULT 0,
    -- The server that sends to it, one at a time.
    holder TEXT,
    lease_ends INTEGER
) STRICT;

-- Sealed by a key that is not in the database.
CREATE TABLE webhook_secrets (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook INTEGER NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    sealed TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- NULL: the one that counts.
    expires_at INTEGER
) STRICT;
CREATE INDEX webhook_secrets_of ON webhook_secrets (webhook);

-- A message to an endpoint: one event, or a batch of them.
CREATE TABLE webhook_deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook INTEGER NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    -- The webhook-id, the same however often it is sent.
    message TEXT NOT NULL,
    first_sequence INTEGER NOT NULL,
    last_sequence INTEGER NOT NULL,
    events INTEGER NOT NULL,
    -- The types of its events, with spaces between and around.
    types TEXT NOT NULL,
    -- The bytes that are signed and sent, until they are delivered; NULL: made anew from the events.
    body TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    -- Since it was queued, or ordered to be sent again.
    attempts INTEGER NOT NULL,
    due_at INTEGER,
    -- 1 while the server that holds the endpoint has it in memory.
    taken INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    settled_at INTEGER,
    UNIQUE (webhook, message)
) STRICT;
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook, due_at) WHERE state = 'pending' AND taken = 0;
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (webhook, first_sequence) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_taken ON webhook_deliveries (webhook) WHERE taken = 1;
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (webhook, state, id);
CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook, id);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (last_sequence);

CREATE TABLE webhook_attempts (
    delivery INTEGER NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    nth INTEGER NOT NULL,
    at INTEGER NOT NULL,
    took_ms INTEGER NOT NULL,
    status INTEGER,
    fault TEXT,
    -- The beginning of what was answered.
    answer TEXT,
    PRIMARY KEY (delivery, nth)
) STRICT, WITHOUT ROWID;

-- Events of the log that are sent again, whether they were delivered or not.
CREATE TABLE webhook_replays (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook INTEGER NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    since INTEGER,
    until INTEGER,
    types TEXT NOT NULL,
    -- Up to which number the log is looked through.
    position INTEGER NOT NULL,
    up_to INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
CREATE INDEX webhook_replays_of ON webhook_replays (webhook);
