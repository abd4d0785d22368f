-- Endpoints of webhooks, what is to be sent to them, and what came of it.

CREATE TABLE webhooks (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    url TEXT NOT NULL,
    description TEXT,
    -- Types of events or groups of them, with spaces between; empty: all.
    types TEXT NOT NULL,
    campaign BIGINT,
    full_numbers BIGINT NOT NULL,
    concurrency BIGINT NOT NULL,
    per_second BIGINT,
    ordered BIGINT NOT NULL,
    batch BIGINT NOT NULL,
    linger_ms BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    version BIGINT NOT NULL,
    disabled_at BIGINT,
    disabled_because TEXT,
    -- Of the events up to this number, each that it is told of has a row in webhook_deliveries.
    position BIGINT NOT NULL,
    -- Events that were not kept until it could be told of them.
    missed BIGINT NOT NULL DEFAULT 0,
    -- In a row.
    failures BIGINT NOT NULL DEFAULT 0,
    failing_since BIGINT,
    last_failure_at BIGINT,
    last_success_at BIGINT,
    probe_at BIGINT,
    -- Grows with each order to send something again.
    orders BIGINT NOT NULL DEFAULT 0,
    -- The server that sends to it, one at a time.
    holder TEXT,
    lease_ends BIGINT
);

-- Sealed by a key that is not in the database.
CREATE TABLE webhook_secrets (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook BIGINT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    sealed TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- NULL: the one that counts.
    expires_at BIGINT
);
CREATE INDEX webhook_secrets_of ON webhook_secrets (webhook);

-- A message to an endpoint: one event, or a batch of them.
CREATE TABLE webhook_deliveries (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook BIGINT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    -- The webhook-id, the same however often it is sent.
    message TEXT NOT NULL,
    first_sequence BIGINT NOT NULL,
    last_sequence BIGINT NOT NULL,
    events BIGINT NOT NULL,
    -- The types of its events, with spaces between and around.
    types TEXT NOT NULL,
    -- The bytes that are signed and sent, until they are delivered; NULL: made anew from the events.
    body TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'delivered', 'dead')),
    -- Since it was queued, or ordered to be sent again.
    attempts BIGINT NOT NULL,
    due_at BIGINT,
    -- 1 while the server that holds the endpoint has it in memory.
    taken BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    settled_at BIGINT,
    UNIQUE (webhook, message)
);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (webhook, due_at) WHERE state = 'pending' AND taken = 0;
CREATE INDEX webhook_deliveries_open ON webhook_deliveries (webhook, first_sequence) WHERE state = 'pending';
CREATE INDEX webhook_deliveries_taken ON webhook_deliveries (webhook) WHERE taken = 1;
CREATE INDEX webhook_deliveries_by_state ON webhook_deliveries (webhook, state, id);
CREATE INDEX webhook_deliveries_of ON webhook_deliveries (webhook, id);
CREATE INDEX webhook_deliveries_by_age ON webhook_deliveries (last_sequence);

CREATE TABLE webhook_attempts (
    delivery BIGINT NOT NULL REFERENCES webhook_deliveries (id) ON DELETE CASCADE,
    nth BIGINT NOT NULL,
    at BIGINT NOT NULL,
    took_ms BIGINT NOT NULL,
    status BIGINT,
    fault TEXT,
    -- The beginning of what was answered.
    answer TEXT,
    PRIMARY KEY (delivery, nth)
);

-- Events of the log that are sent again, whether they were delivered or not.
CREATE TABLE webhook_replays (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    webhook BIGINT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
    since BIGINT,
    until BIGINT,
    types TEXT NOT NULL,
    -- Up to which number the log is looked through.
    position BIGINT NOT NULL,
    up_to BIGINT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX webhook_replays_of ON webhook_replays (webhook);
