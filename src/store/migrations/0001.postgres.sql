-- Times are microseconds since 1970 UTC, numbers the digits of E.164, enums their slugs, JSON is text.

-- Counters that transactions wait for: `campaign` gives campaigns their versions in the order of their commits;
-- `do_not_call` is held while something is barred, and shared while an intent is written; `ping` is
-- written to see whether anything can be written.
CREATE TABLE counters (
    name TEXT NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);
INSERT INTO counters (name, value) VALUES ('campaign', 0), ('do_not_call', 0), ('ping', 0);

CREATE TABLE campaigns (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    spec TEXT NOT NULL,
    standing TEXT NOT NULL CHECK (standing IN ('running', 'paused', 'cancelling', 'complete', 'cancelled', 'dates_over')),
    why TEXT,
    in_flight TEXT NOT NULL CHECK (in_flight IN ('finish', 'hang_up')),
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL UNIQUE
);

-- The processes that dial. One whose lease has ended is gone once somebody else has ended it.
CREATE TABLE controllers (
    run TEXT NOT NULL PRIMARY KEY,
    pbx TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    lease_ends BIGINT NOT NULL,
    ended_at BIGINT
);

CREATE TABLE imports (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign BIGINT NOT NULL REFERENCES campaigns (id),
    name TEXT NOT NULL,
    size BIGINT NOT NULL,
    digest TEXT NOT NULL,
    bytes BIGINT NOT NULL DEFAULT 0,
    lines BIGINT NOT NULL DEFAULT 0,
    -- Where it was before its last transaction.
    last_bytes BIGINT NOT NULL DEFAULT 0,
    last_lines BIGINT NOT NULL DEFAULT 0,
    rows BIGINT NOT NULL DEFAULT 0,
    rejected BIGINT NOT NULL DEFAULT 0,
    is_complete BIGINT NOT NULL DEFAULT 0 CHECK (is_complete IN (0, 1)),
    began_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    UNIQUE (campaign, digest, size)
);

CREATE TABLE contacts (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign BIGINT NOT NULL REFERENCES campaigns (id),
    import BIGINT REFERENCES imports (id),
    line BIGINT,
    number BIGINT NOT NULL,
    name TEXT,
    zone TEXT,
    state TEXT,
    consent TEXT,
    consent_at BIGINT,
    consent_source TEXT,
    message TEXT,
    foreign_id TEXT,
    others TEXT,
    stage TEXT NOT NULL DEFAULT 'due' CHECK (stage IN ('due', 'leased', 'dialling', 'ended', 'refused')),
    -- When it is due; of a leased one, when its lease ends, so that it is due again by itself. NULL: not open.
    due_at BIGINT,
    -- When it was due before it was leased: its place among the others when it is given back.
    was_due BIGINT,
    -- Whose it is while it is leased or in mid-drop: a controller's run.
    holder TEXT,
    attempts BIGINT NOT NULL DEFAULT 0,
    -- Why it waits until `due_at`, and the zone whose hours hold it.
    held TEXT,
    held_zone TEXT,
    outcome TEXT,
    refused TEXT,
    ended_at BIGINT,
    UNIQUE (number, campaign),
    CHECK ((due_at IS NOT NULL) = (stage IN ('due', 'leased'))),
    CHECK ((holder IS NOT NULL) = (stage IN ('leased', 'dialling'))),
    CHECK ((outcome IS NOT NULL) = (stage = 'ended')),
    CHECK ((refused IS NOT NULL) = (stage = 'refused'))
);
CREATE INDEX contacts_open ON contacts (campaign, due_at, id, stage, held, held_zone) WHERE due_at IS NOT NULL;
CREATE INDEX contacts_held_by ON contacts (holder, stage) WHERE holder IS NOT NULL;
CREATE INDEX contacts_of_campaign ON contacts (campaign, id);
CREATE INDEX contacts_by_outcome ON contacts (campaign, outcome) WHERE outcome IS NOT NULL;
CREATE INDEX contacts_by_refusal ON contacts (campaign, refused, outcome) WHERE refused IS NOT NULL;

CREATE TABLE drops (
    id TEXT NOT NULL PRIMARY KEY,
    campaign BIGINT REFERENCES campaigns (id),
    contact BIGINT REFERENCES contacts (id),
    attempt BIGINT NOT NULL,
    number BIGINT NOT NULL,
    pbx TEXT NOT NULL,
    -- Whose channels it has, and who has to settle it, or has settled it: runs.
    run TEXT NOT NULL,
    holder TEXT NOT NULL,
    technique TEXT NOT NULL CHECK (technique IN ('double', 'single')),
    message TEXT NOT NULL,
    variant TEXT,
    caller_id TEXT,
    ruling TEXT NOT NULL,
    despite_do_not_call BIGINT NOT NULL CHECK (despite_do_not_call IN (0, 1)),
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    outcome TEXT,
    proof TEXT,
    -- Whether the contact's outcome is this one. NULL while it is not known, and outside campaigns.
    is_final BIGINT CHECK (is_final IN (0, 1)),
    busy_legs BIGINT NOT NULL DEFAULT 0,
    drop_legs BIGINT NOT NULL DEFAULT 0,
    released BIGINT NOT NULL DEFAULT 0,
    given_up BIGINT NOT NULL DEFAULT 0,
    answered BIGINT NOT NULL DEFAULT 0,
    short BIGINT NOT NULL DEFAULT 0,
    people BIGINT NOT NULL DEFAULT 0,
    busy_up_ms BIGINT NOT NULL DEFAULT 0,
    drop_up_ms BIGINT NOT NULL DEFAULT 0,
    report TEXT,
    evidence TEXT,
    UNIQUE (contact, attempt),
    CHECK ((outcome IS NOT NULL) = (ended_at IS NOT NULL)),
    CHECK ((contact IS NULL) = (campaign IS NULL))
);
CREATE INDEX drops_to_number ON drops (number, started_at, technique, busy_legs, drop_legs);
CREATE INDEX drops_open ON drops (holder, campaign) WHERE outcome IS NULL;
CREATE INDEX drops_started ON drops (pbx, started_at, campaign);
CREATE INDEX drops_ended ON drops (pbx, ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX drops_of_campaign ON drops (campaign, caller_id);
CREATE INDEX drops_by_end ON drops (campaign, ended_at, outcome, is_final, variant) WHERE ended_at IS NOT NULL;

-- What the gate held or refused, with its ruling; what it allowed stands with the drop.
CREATE TABLE decisions (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign BIGINT NOT NULL REFERENCES campaigns (id),
    contact BIGINT NOT NULL REFERENCES contacts (id),
    at BIGINT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('held', 'refused')),
    reason TEXT NOT NULL,
    until BIGINT,
    zone TEXT,
    ruling TEXT,
    CHECK ((until IS NOT NULL) = (decision = 'held'))
);
CREATE INDEX decisions_on_contact ON decisions (contact, id);

-- Grows with each intent for a number: an intent is written only where it is what its facts said.
CREATE TABLE numbers (
    number BIGINT NOT NULL PRIMARY KEY,
    version BIGINT NOT NULL
);

CREATE TABLE lists (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL
);

CREATE TABLE do_not_call (
    number BIGINT NOT NULL,
    list BIGINT NOT NULL REFERENCES lists (id),
    at BIGINT NOT NULL,
    because TEXT,
    PRIMARY KEY (number, list)
);
