-- Who brought contacts back that had come to their end, when and why.
CREATE TABLE requeues (
    id INTEGER NOT NULL PRIMARY KEY,
    campaign INTEGER NOT NULL REFERENCES campaigns (id),
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    because TEXT,
    -- What was asked for: outcomes and refusals, as on the command line.
    which TEXT NOT NULL,
    contacts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX requeues_of_campaign ON requeues (campaign);

-- Each contact that came back, with the outcome or the refusal that it had.
CREATE TABLE requeued (
    contact INTEGER NOT NULL,
    requeue INTEGER NOT NULL REFERENCES requeues (id),
    outcome TEXT,
    refused TEXT,
    PRIMARY KEY (contact, requeue),
    CHECK ((outcome IS NULL) <> (refused IS NULL))
) STRICT, WITHOUT ROWID;

-- Under which rules the contacts of a campaign are held, by the controller that holds them: other rules than these make a
-- controller ask the gate again.
CREATE TABLE held_under (
    campaign INTEGER NOT NULL REFERENCES campaigns (id),
    run TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (campaign, run)
) STRICT, WITHOUT ROWID;

-- Rows whose number was in the campaign and was never called: what they changed, and what they did not.
ALTER TABLE imports ADD COLUMN updated INTEGER NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN unchanged INTEGER NOT NULL DEFAULT 0;

-- Who took a number off a do-not-call list, or a list as a whole (no number), when and why.
CREATE TABLE removals (
    id INTEGER NOT NULL PRIMARY KEY,
    list TEXT NOT NULL,
    number INTEGER,
    -- How many numbers: of a list that went as a whole, all that it had.
    numbers INTEGER NOT NULL,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    because TEXT
) STRICT;
CREATE INDEX removals_of_number ON removals (number) WHERE number IS NOT NULL;
CREATE INDEX removals_of_lists ON removals (list) WHERE number IS NULL;
