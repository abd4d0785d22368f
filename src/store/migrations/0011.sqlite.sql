-- Prompts that were heard in calls, to be recognised: fingerprints, never sound. Ids from 1000000 on are of prompts that come with the
-- program; such a row is what the operator has made of one, and one without a fingerprint is not used any more.
CREATE TABLE prompts (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    origin TEXT NOT NULL CHECK (origin IN ('learnt', 'imported', 'shipped')),
    ends TEXT NOT NULL,
    -- When its beep begins, since the prompt began.
    beep_ms INTEGER,
    length_ms INTEGER NOT NULL,
    prints BLOB NOT NULL,
    label TEXT,
    -- When the operator last said how it ends; ends that were heard before count no more.
    labelled_at INTEGER,
    -- The number in whose call it was learnt.
    number INTEGER,
    made_at INTEGER NOT NULL
) STRICT;

-- Calls in which a prompt was heard. `ends` is how the call ended if that is beyond doubt.
CREATE TABLE prompt_hearings (
    prompt INTEGER NOT NULL,
    call TEXT NOT NULL,
    number INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ends TEXT,
    campaign INTEGER,
    pbx TEXT,
    evidence TEXT,
    PRIMARY KEY (prompt, call)
) STRICT, WITHOUT ROWID;

CREATE INDEX prompt_hearings_by_number ON prompt_hearings (number);

INSERT INTO counters (name, value) VALUES ('prompts', 0);
