-- The places in which a campaign's contacts are, by `campaign::policy::CallingPlace`: its number, and its text. While hours
-- hold a place, no contact of it is touched: that they wait is said here, once for all of them.
CREATE TABLE campaign_places (
    campaign INTEGER NOT NULL REFERENCES campaigns (id),
    place INTEGER NOT NULL,
    text TEXT NOT NULL,
    -- Until when hours hold it, the zone that is closed, the ruling, and when it was made. NULL: they do not.
    held_until INTEGER,
    held_zone TEXT,
    ruling TEXT,
    held_at INTEGER,
    -- How often hours have held it, and since when.
    times_held INTEGER NOT NULL DEFAULT 0,
    held_since INTEGER,
    PRIMARY KEY (campaign, place)
) STRICT;

-- 0: it is not known, and the gate is asked for each contact.
ALTER TABLE contacts ADD COLUMN place INTEGER NOT NULL DEFAULT 0;
CREATE INDEX contacts_by_place ON contacts (campaign, place, due_at, id, stage) WHERE due_at IS NOT NULL;

-- What the gate held or refused last, with its ruling, and how often it has held the contact since when. Earlier versions
-- of the program write each decision to `decisions`.
CREATE TABLE last_decisions (
    contact INTEGER NOT NULL PRIMARY KEY REFERENCES contacts (id),
    campaign INTEGER NOT NULL REFERENCES campaigns (id),
    at INTEGER NOT NULL,
    decision TEXT NOT NULL CHECK (decision IN ('held', 'refused')),
    reason TEXT NOT NULL,
    until INTEGER,
    zone TEXT,
    ruling TEXT,
    times_held INTEGER NOT NULL,
    held_since INTEGER,
    CHECK ((until IS NOT NULL) = (decision = 'held')),
    CHECK ((held_since IS NOT NULL) = (times_held > 0))
) STRICT;
