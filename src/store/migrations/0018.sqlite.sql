-- Drops that were ordered over HTTP and that the gate holds: they wait here until it allows them, and are dialled by a controller of
-- their PBX. What is dialled has a row in drops, written in the transaction that marks it here.
ALTER TABLE ordered_drops ADD COLUMN expires_at INTEGER;
-- The trace of whoever ordered it, as W3C Trace Context has it.
ALTER TABLE ordered_drops ADD COLUMN traceparent TEXT;

CREATE TABLE held_drops (
    drop_id TEXT NOT NULL PRIMARY KEY,
    -- 0 once the person is erased.
    number INTEGER NOT NULL,
    pbx TEXT NOT NULL,
    kind TEXT NOT NULL,
    consent TEXT,
    consent_at INTEGER,
    consent_source TEXT,
    -- Rules of the gate that are set aside, and why: a JSON list.
    overrides TEXT,
    message TEXT NOT NULL,
    technique TEXT NOT NULL,
    caller_id TEXT,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'dialled', 'refused', 'ended')),
    -- Why it is held; of one that is refused, why; of one that has ended without a call, its outcome.
    reason TEXT NOT NULL,
    words TEXT,
    ruling TEXT NOT NULL,
    until INTEGER NOT NULL,
    -- When the gate is asked again.
    due_at INTEGER NOT NULL,
    expires_at INTEGER,
    held_at INTEGER NOT NULL,
    settled_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX held_drops_due ON held_drops (pbx, due_at) WHERE state = 'waiting';
CREATE INDEX held_drops_expiring ON held_drops (expires_at) WHERE state = 'waiting' AND expires_at IS NOT NULL;
CREATE INDEX held_drops_waiting ON held_drops (drop_id) WHERE state = 'waiting';
CREATE INDEX held_drops_by_number ON held_drops (number, drop_id);
CREATE INDEX held_drops_settled ON held_drops (settled_at) WHERE settled_at IS NOT NULL;

-- Nothing was dialled, and the intent is taken back; one that waits again is told of by whoever takes it back.
DROP TRIGGER drops_tell_withdrawal;
CREATE TRIGGER drops_tell_withdrawal AFTER DELETE ON drops WHEN OLD.outcome IS NULL
    AND NOT EXISTS (SELECT 1 FROM held_drops WHERE drop_id = OLD.id AND state = 'waiting') BEGIN
    INSERT INTO events (at, type, campaign, contact, drop_id)
        VALUES (CAST(unixepoch('subsec') * 1000000 AS INTEGER), 'drop.withdrawn', OLD.campaign, OLD.contact, OLD.id);
END;

-- What was last told of each gauge of a trunk's budget, so that its controllers tell it once.
CREATE TABLE told_budgets (
    trunk TEXT NOT NULL,
    gauge TEXT NOT NULL,
    state TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (trunk, gauge)
) STRICT, WITHOUT ROWID;

-- When it was last told that refused logins come from an address.
CREATE TABLE told_attacks (
    ip TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
