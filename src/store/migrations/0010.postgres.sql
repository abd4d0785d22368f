-- When a controller last deleted what is too old, as its configuration says: one row. The controllers of a database take turns.
CREATE TABLE prune_turns (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    -- Whose turn it is: a run. NULL: it has come to its end.
    run TEXT,
    began_at BIGINT,
    -- When all was last deleted.
    done_at BIGINT,
    -- When and why it last failed; NULL unless it has since all was last deleted.
    failed_at BIGINT,
    failure TEXT
);
INSERT INTO prune_turns (id) VALUES (1);

-- What was written into the PBX when a controller of it last began: by it the same PBX is known behind another port.
ALTER TABLE pbxes ADD COLUMN marker TEXT;
