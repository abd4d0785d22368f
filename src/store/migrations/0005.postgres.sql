-- Who brought contacts back that had come to their end, when and why.
CREATE TABLE requeues (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    campaign BIGINT NOT NULL REFERENCES campaigns (id),
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    because TEXT,
    -- What was asked for: outcomes and refusals, as on the command line.
    which TEXT NOT NULL,
    contacts BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX requeues_of_campaign ON requeues (campaign);

-- Each contact that came back, with the outcome or the refusal that it had.
CREATE TABLE requeued (
    contact BIGINT NOT NULL,
    requeue BIGINT NOT NULL REFERENCES requeues (id),
    outcome TEXT,
    refused TEXT,
    PRIMARY KEY (contact, requeue),
    CHECK ((outcome IS NULL) <> (refused IS NULL))
);

-- Under which rules the contacts of a campaign are held, by the controller that holds them: other rules than these make a
-- controller ask the gate again.
CREATE TABLE held_under (
    campaign BIGINT NOT NULL REFERENCES campaigns (id),
    run TEXT NOT NULL,
    digest TEXT NOT NULL,
    PRIMARY KEY (campaign, run)
);

-- Rows whose number was in the campaign and was never called: what they changed, and what they did not.
ALTER TABLE imports ADD COLUMN updated BIGINT NOT NULL DEFAULT 0;
ALTER TABLE imports ADD COLUMN unchanged BIGINT NOT NULL DEFAULT 0;

-- Who took a number off a do-not-call list, or a list as a whole (no number), when and why.
CREATE TABLE removals (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    list TEXT NOT NULL,
    number BIGINT,
    -- How many numbers: of a list that went as a whole, all that it had.
    numbers BIGINT NOT NULL,
    at BIGINT NOT NULL,
    who TEXT NOT NULL,
    because TEXT
);
CREATE INDEX removals_of_number ON removals (number) WHERE number IS NOT NULL;
CREATE INDEX removals_of_lists ON removals (list) WHERE number IS NULL;
