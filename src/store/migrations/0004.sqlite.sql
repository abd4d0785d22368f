-- How many contacts and drops there are of each kind, but for the contacts that came in since they were counted: `counted`
-- is both. Triggers keep them, so that every statement of every program is counted, and nothing has to remember to.
CREATE TABLE counts (
    campaign INTEGER NOT NULL,
    -- The stage of contacts, or `drop`.
    stage TEXT NOT NULL,
    -- Of contacts their outcome, why they are refused, or why they are held; of drops the caller id; empty if there is none.
    reason TEXT NOT NULL,
    -- Where contacts are that are due, if that is known; else 0.
    place INTEGER NOT NULL,
    -- The zone whose hours hold contacts, or empty.
    zone TEXT NOT NULL,
    -- Of contacts that are `due`, when, rounded up to the minute; else 0.
    until INTEGER NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (campaign, stage, reason, place, zone, until)
) STRICT, WITHOUT ROWID;

-- One row: up to which id contacts are in `counts`. Those behind it have come in since; a trigger for each of them would
-- cost an import a sixth of its time.
CREATE TABLE counts_state (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    counted_to INTEGER NOT NULL
) STRICT;

CREATE VIEW counted AS
    SELECT campaign, stage, reason, place, zone, until, count FROM counts
    UNION ALL
    SELECT campaign, stage, coalesce(outcome, refused, held, ''), CASE stage WHEN 'due' THEN place ELSE 0 END, coalesce(held_zone, ''),
        CASE stage WHEN 'due' THEN (due_at + 59999999) / 60000000 * 60000000 ELSE 0 END, 1
    FROM contacts WHERE id > (SELECT counted_to FROM counts_state);

-- The same from the rows themselves.
CREATE VIEW recounted AS
    SELECT campaign, stage, coalesce(outcome, refused, held, '') AS reason, CASE stage WHEN 'due' THEN place ELSE 0 END AS place, coalesce(held_zone, '') AS zone,
        CASE stage WHEN 'due' THEN (due_at + 59999999) / 60000000 * 60000000 ELSE 0 END AS until,
        count(*) AS count
    FROM contacts GROUP BY 1, 2, 3, 4, 5, 6
    UNION ALL
    SELECT campaign, 'drop', coalesce(caller_id, ''), 0, '', 0, count(*)
    FROM drops WHERE campaign IS NOT NULL GROUP BY campaign, caller_id;

-- One by one, which needs no sorting: of ten million rows it would take minutes.
INSERT INTO counts (campaign, stage, reason, place, zone, until, count)
    SELECT campaign, stage, coalesce(outcome, refused, held, ''), CASE stage WHEN 'due' THEN place ELSE 0 END, coalesce(held_zone, ''),
        CASE stage WHEN 'due' THEN (due_at + 59999999) / 60000000 * 60000000 ELSE 0 END, 1
    FROM contacts WHERE true
    ON CONFLICT DO UPDATE SET count = count + 1;
INSERT INTO counts (campaign, stage, reason, place, zone, until, count)
    SELECT campaign, 'drop', coalesce(caller_id, ''), 0, '', 0, 1 FROM drops WHERE campaign IS NOT NULL
    ON CONFLICT DO UPDATE SET count = count + 1;
INSERT INTO counts_state (id, counted_to) SELECT 1, coalesce(max(id), 0) FROM contacts;

-- Each transaction of an import notes last how many rows it has added.
CREATE TRIGGER imports_count AFTER UPDATE OF rows ON imports BEGIN
    INSERT INTO counts (campaign, stage, reason, place, zone, until, count)
        SELECT campaign, stage, coalesce(outcome, refused, held, ''), CASE stage WHEN 'due' THEN place ELSE 0 END, coalesce(held_zone, ''),
            CASE stage WHEN 'due' THEN (due_at + 59999999) / 60000000 * 60000000 ELSE 0 END, count(*)
        FROM contacts WHERE id > (SELECT counted_to FROM counts_state) GROUP BY 1, 2, 3, 4, 5, 6
        ON CONFLICT DO UPDATE SET count = count + excluded.count;
    UPDATE counts_state SET counted_to = coalesce((SELECT max(id) FROM contacts), 0);
END;

-- What came in by other ways is counted once somebody is about to work with it.
CREATE TRIGGER controllers_count AFTER INSERT ON controllers BEGIN
    INSERT INTO counts (campaign, stage, reason, place, zone, until, count)
        SELECT campaign, stage, coalesce(outcome, refused, held, ''), CASE stage WHEN 'due' THEN place ELSE 0 END, coalesce(held_zone, ''),
            CASE stage WHEN 'due' THEN (due_at + 59999999) / 60000000 * 60000000 ELSE 0 END, 1
        FROM contacts WHERE id > (SELECT counted_to FROM counts_state)
        ON CONFLICT DO UPDATE SET count = count + 1;
    UPDATE counts_state SET counted_to = coalesce((SELECT max(id) FROM contacts), 0);
END;

CREATE TRIGGER contacts_changed
AFTER UPDATE OF campaign, stage, due_at, place, held, held_zone, outcome, refused ON contacts
WHEN OLD.id <= (SELECT counted_to FROM counts_state) BEGIN
    UPDATE counts SET count = count - 1 WHERE campaign = OLD.campaign AND stage = OLD.stage
        AND reason = coalesce(OLD.outcome, OLD.refused, OLD.held, '') AND place = CASE OLD.stage WHEN 'due' THEN OLD.place ELSE 0 END AND zone = coalesce(OLD.held_zone, '')
        AND until = CASE OLD.stage WHEN 'due' THEN (OLD.due_at + 59999999) / 60000000 * 60000000 ELSE 0 END;
    INSERT INTO counts (campaign, stage, reason, place, zone, until, count)
        VALUES (NEW.campaign, NEW.stage, coalesce(NEW.outcome, NEW.refused, NEW.held, ''), CASE NEW.stage WHEN 'due' THEN NEW.place ELSE 0 END, coalesce(NEW.held_zone, ''),
            CASE NEW.stage WHEN 'due' THEN (NEW.due_at + 59999999) / 60000000 * 60000000 ELSE 0 END, 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
    DELETE FROM counts WHERE campaign = OLD.campaign AND stage = OLD.stage
        AND reason = coalesce(OLD.outcome, OLD.refused, OLD.held, '') AND place = CASE OLD.stage WHEN 'due' THEN OLD.place ELSE 0 END AND zone = coalesce(OLD.held_zone, '')
        AND until = CASE OLD.stage WHEN 'due' THEN (OLD.due_at + 59999999) / 60000000 * 60000000 ELSE 0 END
        AND count = 0;
END;

-- The id of the last contact is given again once that is gone.
CREATE TRIGGER contacts_gone AFTER DELETE ON contacts WHEN OLD.id <= (SELECT counted_to FROM counts_state) BEGIN
    UPDATE counts SET count = count - 1 WHERE campaign = OLD.campaign AND stage = OLD.stage
        AND reason = coalesce(OLD.outcome, OLD.refused, OLD.held, '') AND place = CASE OLD.stage WHEN 'due' THEN OLD.place ELSE 0 END AND zone = coalesce(OLD.held_zone, '')
        AND until = CASE OLD.stage WHEN 'due' THEN (OLD.due_at + 59999999) / 60000000 * 60000000 ELSE 0 END;
    DELETE FROM counts WHERE campaign = OLD.campaign AND stage = OLD.stage
        AND reason = coalesce(OLD.outcome, OLD.refused, OLD.held, '') AND place = CASE OLD.stage WHEN 'due' THEN OLD.place ELSE 0 END AND zone = coalesce(OLD.held_zone, '')
        AND until = CASE OLD.stage WHEN 'due' THEN (OLD.due_at + 59999999) / 60000000 * 60000000 ELSE 0 END
        AND count = 0;
    UPDATE counts_state SET counted_to = coalesce((SELECT max(id) FROM contacts WHERE id < OLD.id), 0)
        WHERE counted_to = OLD.id;
END;

CREATE TRIGGER drops_added AFTER INSERT ON drops WHEN NEW.campaign IS NOT NULL BEGIN
    INSERT INTO counts (campaign, stage, reason, place, zone, until, count)
        VALUES (NEW.campaign, 'drop', coalesce(NEW.caller_id, ''), 0, '', 0, 1)
        ON CONFLICT DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER drops_gone AFTER DELETE ON drops WHEN OLD.campaign IS NOT NULL BEGIN
    UPDATE counts SET count = count - 1 WHERE campaign = OLD.campaign AND stage = 'drop'
        AND reason = coalesce(OLD.caller_id, '') AND place = 0 AND zone = '' AND until = 0;
    DELETE FROM counts WHERE campaign = OLD.campaign AND stage = 'drop'
        AND reason = coalesce(OLD.caller_id, '') AND place = 0 AND zone = '' AND until = 0 AND count = 0;
END;

CREATE TRIGGER drops_changed AFTER UPDATE OF campaign, caller_id ON drops BEGIN
    UPDATE counts SET count = count - 1 WHERE campaign = OLD.campaign AND stage = 'drop'
        AND reason = coalesce(OLD.caller_id, '') AND place = 0 AND zone = '' AND until = 0;
    INSERT INTO counts (campaign, stage, reason, place, zone, until, count)
        SELECT NEW.campaign, 'drop', coalesce(NEW.caller_id, ''), 0, '', 0, 1 WHERE NEW.campaign IS NOT NULL
        ON CONFLICT DO UPDATE SET count = count + 1;
    DELETE FROM counts WHERE campaign = OLD.campaign AND stage = 'drop'
        AND reason = coalesce(OLD.caller_id, '') AND place = 0 AND zone = '' AND until = 0 AND count = 0;
END;
