-- Times are microseconds since 1970 UTC, numbers the digits of E.164, enums their slugs, JSON is text.

-- Counters that transactions wait for: `campaign` gives campaigns their versions in the order of their commits;
-- `do_not_call` is held while something is barred, and shared while an intent is written; `ping` is
-- written to see whether anything can be written.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO counters (name, value) VALUES ('campaign', 0), ('do_not_call', 0), ('ping', 0);

CREATE TABLE campaigns (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    standing TEXT NOT NULL CHECK (standing IN ('running', 'paused', 'cancelling', 'complete', 'cancelled', 'dates_over')),
    why TEXT,
    in_flight TEXT NOT NULL CHECK (in_flight IN ('finish', 'hang_up')),
    created_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    version INTEGER NOT NULL UNIQUE
) STRICT;

-- The processes that dial. One whose lease has ended is gone once somebody else has ended it.
CREATE TABLE controllers (
    run TEXT NOT NULL PRIMARY KEY,
    pbx TEXT NOT NULL,
    began_at INTEGER NOT NULL,
    lease_ends INTEGER NOT NULL,
    ended_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE imports (
    id INTEGER NOT NULL PRIMARY KEY,
    campaign INTEGER NOT NULL REFERENCES campaigns (id),
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    digest TEXT NOT NULL,
    bytes INTEGER NOT NULL DEFAULT 0,
    lines INTEGER NOT NULL DEFAULT 0,
    -- Where it was before its last transaction.
    last_bytes INTEGER NOT NULL DEFAULT 0,
    last_lines INTEGER NOT NULL DEFAULT 0,
    rows INTEGER NOT NULL DEFAULT 0,
    rejected INTEGER NOT NULL DEFAULT 0,
    is_complete INTEGER NOT NULL DEFAULT 0 CHECK (is_complete IN (0, 1)),
    began_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    UNIQUE (campaign, digest, size)
) STRICT;

CREATE TABLE contacts (
    id INTEGER NOT NULL PRIMARY KEY,
    campaign INTEGER NOT NULL REFERENCES campaigns (id),
    import INTEGER REFERENCES imports (id),
    line INTEGER,
    number INTEGER NOT NULL,
    name TEXT,
    zone TEXT,
    state TEXT,
    consent TEXT,
    consent_at INTEGER,
    consent_source TEXT,
    message TEXT,
    foreign_id TEXT,
    others TEXT,
    stage TEXT NOT NULL DEFAULT 'due' CHECK (stage IN ('due', 'leased', 'dialling', 'ended', 'refused')),
    -- When it is due; of a leased one, when its lease ends, so that it is due again by itself. NULL: not open.
    due_at INTEGER,
    -- When it was due before it was leased: its place among the others when it is given back.
    was_due INTEGER,
    -- Whose it is while it is leased or in mid-drop: a controller's run.
    holder TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Why it waits until `due_at`, and the zone whose hours hold it.
    held TEXT,
    held_zone TEXT,
    outcome TEXT,
    refused TEXT,
    ended_at INTEGER,
    UNIQUE (number, campaign),
    CHECK ((due_at IS NOT NULL) = (stage IN ('due', 'leased'))),
    CHECK ((holder IS NOT NULL) = (stage IN ('leased', 'dialling'))),
    CHECK ((outcome IS NOT NULL) = (stage = 'ended')),
    CHECK ((refused IS NOT NULL) = (stage = 'refused'))
) STRICT;
CREATE INDEX contacts_open ON contacts (campaign, due_at, id, stage, held, held_zone) WHERE due_at IS NOT NULL;
CREATE INDEX contacts_held_by ON contacts (holder, stage) WHERE holder IS NOT NULL;
CREATE INDEX contacts_of_campaign ON contacts (campaign, id);
CREATE INDEX contacts_by_outcome ON contacts (campaign, outcome) WHERE outcome IS NOT NULL;
CREATE INDEX contacts_by_refusal ON contacts (campaign, refused, outcome) WHERE refused IS NOT NULL;

CREATE TABLE drops (
    id TEXT NOT NULL PRIMARY KEY,
    campaign INTEGER REFERENCES campaigns (id),
    contact INTEGER REFERENCES contacts (id),
    attempt INTEGER NOT NULL,
    number INTEGER NOT NULL,
    pbx TEXT NOT NULL,
    -- Whose channels it has, and who has to settle it, or has settled it: runs.
    run TEXT NOT NULL,
    holder TEXT NOT NULL,
    technique TEXT NOT NULL CHECK (technique IN ('double', 'single')),
    message TEXT NOT NULL,
    variant TEXT,
    caller_id TEXT,
    ruling TEXT NOT NULL,
    despite_do_not_call INTEGER NOT NULL CHECK (despite_do_not_call IN (0, 1)),
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    outcome TEXT,
    proof TEXT,
    -- Whether the contact's outcome is this one. NULL while it is not known, and outside campaigns.
    is_final INTEGER CHECK (is_final IN (0, 1)),
    busy_legs INTEGER NOT NULL DEFAULT 0,
    drop_legs INTEGER NOT NULL DEFAULT 0,
    released INTEGER NOT NULL DEFAULT 0,
    given_up INTEGER NOT NULL DEFAULT 0,
    answered INTEGER NOT NULL DEFAULT 0,
    short INTEGER NOT NULL DEFAULT 0,
    people INTEGER NOT NULL DEFAULT 0,
    busy_up_ms INTEGER NOT NULL DEFAULT 0,
    drop_up_ms INTEGER NOT NULL DEFAULT 0,
    report TEXT,
    evidence TEXT,
    UNIQUE (contact, attempt),
    CHECK ((outcome IS NOT NULL) = (ended_at IS NOT NULL)),
    CHECK ((contact IS NULL) = (campaign IS NULL))
) STRICT;
CREATE INDEX drops_to_number ON drops (number, started_at, technique, busy_legs, drop_legs);
CREATE INDEX drops_open ON drops (holder, campaign) WHERE outcome IS NULL;
CREATE INDEX drops_started ON drops (pbx, started_at, campaign);
CREATE INDEX drops_ended ON drops (pbx, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX drops_of_campaign ON drops (campaign, caller_id);
CREATE INDEX drops_by_end ON drops (campaign, ended_at, outcome, is_final, variant) WHERE ended_at IS NOT NULL;

-- What the gate held or refused, with its ruling; what it allowed stands with the drop.
CREATE TABLE decisions (
    id INTEGER NOT NULL PRIMARY KEY,
    campaign INTEGER NOT NULL REFERENCES campaigns (id),
    contact INTEGER NOT NULL REFERENCES contacts (id),
    at INTEGER NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('held', 'refused')),
    reason TEXT NOT NULL,
    until INTEGER,
    zone TEXT,
    ruling TEXT,
    CHECK ((until IS NOT NULL) = (decision = 'held'))
) STRICT;
CREATE INDEX decisions_on_contact ON decisions (contact, id);

-- Grows with each intent for a number: an intent is written only where it is what its facts said.
CREATE TABLE numbers (
    number INTEGER NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE lists (
    id INTEGER NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE do_not_call (
    number INTEGER NOT NULL,
    list INTEGER NOT NULL REFERENCES lists (id),
    at INTEGER NOT NULL,
    because TEXT,
    PRIMARY KEY (number, list)
) STRICT, WITHOUT ROWID;
