-- The places in which a campaign's contacts are, by `campaign::policy::CallingPlace`: its number, and its text. While hours
-- hold a place, no contact of it is touched: that they wait is said here, once for all of them.
CREATE TABLE campaign_places (
    campaign BIGINT NOT NULL REFERENCES campaigns (id),
    place BIGINT NOT NULL,
    text TEXT NOT NULL,
    -- Until when hours hold it, the zone that is closed, the ruling, and when it was made. NULL: they do not.
    held_until BIGINT,
    held_zone TEXT,
    ruling TEXT,
    held_at BIGINT,
    -- How often hours have held it, and since when.
    times_held BIGINT NOT NULL DEFAULT 0,
    held_since BIGINT,
    PRIMARY KEY (campaign, place)
);

-- 0: it is not known, and the gate is asked for each contact.
ALTER TABLE contacts ADD COLUMN place BIGINT NOT NULL DEFAULT 0;
CREATE INDEX contacts_by_place ON contacts (campaign, place, due_at, id, stage) WHERE due_at IS NOT NULL;

-- What the gate held or refused last, with its ruling, and how often it has held the contact since when. Earlier versions
-- of the program write each decision to `decisions`.
CREATE TABLE last_decisions (
    contact BIGINT NOT NULL PRIMARY KEY REFERENCES contacts (id),
    campaign BIGINT NOT NULL REFERENCES campaigns (id),
    at BIGINT NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('held', 'refused')),
    reason TEXT NOT NULL,
    until BIGINT,
    zone TEXT,
    ruling TEXT,
    times_held BIGINT NOT NULL,
    held_since BIGINT,
    CHECK ((until IS NOT NULL) = (decision = 'held')),
    CHECK ((held_since IS NOT NULL) = (times_held > 0))
);
