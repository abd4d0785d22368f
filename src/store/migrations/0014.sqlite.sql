-- What happened, told in the transaction in which it happened, for those who follow: the API's log, its streams and webhooks.
-- Triggers write it, so that every statement of every program is told of. A row says what happened to what; the rest is read
-- from the rows it names, which a person's erasure empties.
CREATE TABLE events (
    -- In the order in which they can be seen. Never given again.
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    type TEXT NOT NULL,
    campaign INTEGER,
    contact INTEGER,
    drop_id TEXT,
    -- The phone number that was put on a do-not-call list, or taken off.
    number INTEGER,
    -- What no other row says: a JSON object.
    detail TEXT
) STRICT;
CREATE INDEX events_at ON events (at);

CREATE TRIGGER drops_tell_start AFTER INSERT ON drops BEGIN
    INSERT INTO events (at, type, campaign, contact, drop_id)
        VALUES (NEW.started_at, 'drop.started', NEW.campaign, NEW.contact, NEW.id);
END;
CREATE TRIGGER drops_tell_end AFTER UPDATE OF outcome ON drops WHEN OLD.outcome IS NULL AND NEW.outcome IS NOT NULL BEGIN
    INSERT INTO events (at, type, campaign, contact, drop_id)
        VALUES (NEW.ended_at, 'drop.ended', NEW.campaign, NEW.contact, NEW.id);
END;
-- Nothing was dialled, and the intent is taken back.
CREATE TRIGGER drops_tell_withdrawal AFTER DELETE ON drops WHEN OLD.outcome IS NULL BEGIN
    INSERT INTO events (at, type, campaign, contact, drop_id)
        VALUES (CAST(unixepoch('subsec') * 1000000 AS INTEGER), 'drop.withdrawn', OLD.campaign, OLD.contact, OLD.id);
END;

CREATE TRIGGER contacts_tell_end AFTER UPDATE OF stage ON contacts
WHEN OLD.stage <> NEW.stage AND NEW.stage IN ('ended', 'refused') BEGIN
    INSERT INTO events (at, type, campaign, contact, detail)
        VALUES (coalesce(NEW.ended_at, CAST(unixepoch('subsec') * 1000000 AS INTEGER)), 'contact.' || NEW.stage, NEW.campaign, NEW.id,
            CASE NEW.stage WHEN 'ended' THEN json_object('outcome', NEW.outcome) ELSE json_object('reason', NEW.refused) END);
END;

CREATE TRIGGER campaigns_tell_creation AFTER INSERT ON campaigns BEGIN
    INSERT INTO events (at, type, campaign, detail)
        VALUES (NEW.created_at, 'campaign.created', NEW.id, json_object('standing', CASE NEW.draft WHEN 1 THEN 'draft' ELSE NEW.standing END));
END;
CREATE TRIGGER campaigns_tell_standing AFTER UPDATE OF standing ON campaigns WHEN OLD.standing <> NEW.standing BEGIN
    INSERT INTO events (at, type, campaign, detail)
        VALUES (NEW.changed_at, 'campaign.' || NEW.standing, NEW.id, json_object('why', NEW.why));
END;
CREATE TRIGGER campaigns_tell_change AFTER UPDATE OF spec ON campaigns WHEN OLD.spec <> NEW.spec BEGIN
    INSERT INTO events (at, type, campaign) VALUES (NEW.changed_at, 'campaign.changed', NEW.id);
END;
CREATE TRIGGER campaigns_tell_deletion AFTER DELETE ON campaigns BEGIN
    INSERT INTO events (at, type, campaign, detail)
        VALUES (CAST(unixepoch('subsec') * 1000000 AS INTEGER), 'campaign.deleted', OLD.id, json_object('campaign', OLD.name));
END;

CREATE TRIGGER imports_tell_end AFTER UPDATE OF is_complete ON imports WHEN OLD.is_complete = 0 AND NEW.is_complete = 1 BEGIN
    INSERT INTO events (at, type, campaign, detail)
        VALUES (NEW.changed_at, 'import.complete', NEW.campaign,
            json_object('import', NEW.id, 'list', NEW.name, 'rows', NEW.rows, 'rejected', NEW.rejected));
END;

CREATE TRIGGER controllers_tell_start AFTER INSERT ON controllers WHEN coalesce(NEW.is_single, 0) = 0 BEGIN
    INSERT INTO events (at, type, detail)
        VALUES (NEW.began_at, 'controller.started', json_object('run', NEW.run, 'pbx', NEW.pbx));
END;
CREATE TRIGGER controllers_tell_end AFTER UPDATE OF ended_at ON controllers
WHEN OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND coalesce(NEW.is_single, 0) = 0 BEGIN
    INSERT INTO events (at, type, detail)
        VALUES (NEW.ended_at, 'controller.stopped', json_object('run', NEW.run, 'pbx', NEW.pbx));
END;
