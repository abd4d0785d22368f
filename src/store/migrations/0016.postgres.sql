-- Lists that are sent over HTTP: from the first byte to what came of them. The bytes themselves are in the state folder of the
-- server that takes them. They go with their campaign, which earlier versions delete without knowing of them.
CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    campaign BIGINT NOT NULL REFERENCES campaigns (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    -- How it is read: a JSON object.
    reading TEXT NOT NULL,
    is_dry_run BIGINT NOT NULL CHECK (is_dry_run IN (0, 1)),
    who TEXT NOT NULL,
    state TEXT NOT NULL,
    why TEXT,
    bytes BIGINT NOT NULL DEFAULT 0,
    -- Known once all of it is there.
    size BIGINT,
    digest TEXT,
    rows BIGINT NOT NULL DEFAULT 0,
    rows_in_all BIGINT,
    added BIGINT NOT NULL DEFAULT 0,
    updated BIGINT NOT NULL DEFAULT 0,
    unchanged BIGINT NOT NULL DEFAULT 0,
    rejected BIGINT NOT NULL DEFAULT 0,
    rate BIGINT,
    reasons TEXT,
    notes TEXT,
    began_at BIGINT NOT NULL,
    -- When whoever works on it last said so.
    beat_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX uploads_of_campaign ON uploads (campaign, id);
-- The same list into the same campaign is one import, however often it is sent.
CREATE UNIQUE INDEX uploads_by_content ON uploads (campaign, digest, size) WHERE digest IS NOT NULL;

-- Whose contacts they are in another system, and what came of them.
CREATE INDEX contacts_by_foreign_id ON contacts (foreign_id, campaign) WHERE foreign_id IS NOT NULL;
