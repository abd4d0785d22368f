-- Drops that were ordered over HTTP and that the gate holds: they wait here until it allows them, and are dialled by a controller of
-- their PBX. What is dialled has a row in drops, written in the transaction that marks it here.
ALTER TABLE ordered_drops ADD COLUMN expires_at BIGINT;
-- The trace of whoever ordered it, as W3C Trace Context has it.
ALTER TABLE ordered_drops ADD COLUMN traceparent TEXT;

CREATE TABLE held_drops (
    drop_id TEXT NOT NULL PRIMARY KEY,
    -- 0 once the person is erased.
    number BIGINT NOT NULL,
    pbx TEXT NOT NULL,
    kind TEXT NOT NULL,
    consent TEXT,
    consent_at BIGINT,
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
    until BIGINT NOT NULL,
    -- When the gate is asked again.
    due_at BIGINT NOT NULL,
    expires_at BIGINT,
    held_at BIGINT NOT NULL,
    settled_at BIGINT
);
CREATE INDEX held_drops_due ON held_drops (pbx, due_at) WHERE state = 'waiting';
CREATE INDEX held_drops_expiring ON held_drops (expires_at) WHERE state = 'waiting' AND expires_at IS NOT NULL;
CREATE INDEX held_drops_waiting ON held_drops (drop_id) WHERE state = 'waiting';
CREATE INDEX held_drops_by_number ON held_drops (number, drop_id);
CREATE INDEX held_drops_settled ON held_drops (settled_at) WHERE settled_at IS NOT NULL;

-- Nothing was dialled, and the intent is taken back; one that waits again is told of by whoever takes it back.
CREATE OR REPLACE FUNCTION aftertone_tell_of_drops() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO events (at, type, campaign, contact, drop_id)
            SELECT started_at, 'drop.started', campaign, contact, id FROM added;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO events (at, type, campaign, contact, drop_id)
            SELECT aftertone_now(), 'drop.withdrawn', campaign, contact, id FROM gone WHERE outcome IS NULL
            AND NOT EXISTS (SELECT 1 FROM held_drops WHERE held_drops.drop_id = gone.id AND held_drops.state = 'waiting');
    ELSE
        INSERT INTO events (at, type, campaign, contact, drop_id)
            SELECT added.ended_at, 'drop.ended', added.campaign, added.contact, added.id
            FROM added JOIN gone ON gone.id = added.id WHERE gone.outcome IS NULL AND added.outcome IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$;

-- What was last told of each gauge of a trunk's budget, so that its controllers tell it once.
CREATE TABLE told_budgets (
    trunk TEXT NOT NULL,
    gauge TEXT NOT NULL,
    state TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (trunk, gauge)
);

-- When it was last told that refused logins come from an address.
CREATE TABLE told_attacks (
    ip TEXT NOT NULL PRIMARY KEY,
    at BIGINT NOT NULL
);
