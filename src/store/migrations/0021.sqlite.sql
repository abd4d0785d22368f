-- Calls that came back. A program of an earlier version knows nothing of them.
CREATE TABLE callbacks (
    id TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    -- Who called; NULL if that was withheld, 0 once the person is erased.
    number INTEGER,
    -- The number that they called, as the PBX has it.
    called TEXT,
    pbx TEXT NOT NULL,
    -- The last drop to whoever called, from that number.
    drop_id TEXT,
    campaign INTEGER,
    contact INTEGER,
    variant TEXT,
    ended_at INTEGER,
    -- NULL while the call is up.
    outcome TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX callbacks_of_campaign ON callbacks (campaign, contact) WHERE campaign IS NOT NULL;
CREATE INDEX callbacks_by_number ON callbacks (number, at) WHERE number IS NOT NULL;
CREATE INDEX callbacks_at ON callbacks (at);
CREATE INDEX callbacks_open ON callbacks (pbx, at) WHERE ended_at IS NULL;

-- When the contact called back first, and what came of it last.
ALTER TABLE contacts ADD COLUMN called_back_at INTEGER;
ALTER TABLE contacts ADD COLUMN callback TEXT;
