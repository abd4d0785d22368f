-- In the order in which programs that dial take them; and given up before the server takes any wait for a deadlock, so that no
-- program of an earlier version is taken back for this step: it is the step that tries again.
SET LOCAL lock_timeout = '250ms';
LOCK TABLE controllers, campaigns, imports, contacts, drops IN SHARE ROW EXCLUSIVE MODE;

-- What happened, told in the transaction in which it happened, for those who follow: the API's log, its streams and webhooks.
-- Triggers write it, so that every statement of every program is told of. A row says what happened to what; the rest is read
-- from the rows it names, which a person's erasure empties.
CREATE TABLE events (
    -- In the order of writing, which is not that of commits.
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- In the order in which they can be seen: whoever reads numbers what was committed since, one reader behind the other, so
    -- that no event comes up behind a later one, and no transaction that tells waits for another. NULL until then.
    sequence BIGINT UNIQUE,
    at BIGINT NOT NULL,
    type TEXT NOT NULL,
    campaign BIGINT,
    contact BIGINT,
    drop_id TEXT,
    -- The phone number that was put on a do-not-call list, or taken off.
    number BIGINT,
    -- What no other row says: a JSON object.
    detail TEXT
);
CREATE INDEX events_at ON events (at);
CREATE INDEX events_without_sequence ON events (id) WHERE sequence IS NULL;

INSERT INTO counters (name, value) VALUES ('events', 0);

CREATE FUNCTION aftertone_now() RETURNS BIGINT LANGUAGE sql AS
    'SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)';

CREATE FUNCTION aftertone_tell_of_drops() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO events (at, type, campaign, contact, drop_id)
            SELECT started_at, 'drop.started', campaign, contact, id FROM added;
    ELSIF TG_OP = 'DELETE' THEN
        -- Nothing was dialled, and the intent is taken back.
        INSERT INTO events (at, type, campaign, contact, drop_id)
            SELECT aftertone_now(), 'drop.withdrawn', campaign, contact, id FROM gone WHERE outcome IS NULL;
    ELSE
        INSERT INTO events (at, type, campaign, contact, drop_id)
            SELECT added.ended_at, 'drop.ended', added.campaign, added.contact, added.id
            FROM added JOIN gone ON gone.id = added.id WHERE gone.outcome IS NULL AND added.outcome IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER drops_tell_start AFTER INSERT ON drops REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION aftertone_tell_of_drops();
CREATE TRIGGER drops_tell_end AFTER UPDATE ON drops REFERENCING OLD TABLE AS gone NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION aftertone_tell_of_drops();
CREATE TRIGGER drops_tell_withdrawal AFTER DELETE ON drops REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION aftertone_tell_of_drops();

CREATE FUNCTION aftertone_tell_of_contacts() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO events (at, type, campaign, contact, detail)
        SELECT coalesce(added.ended_at, aftertone_now()), 'contact.' || added.stage, added.campaign, added.id,
            CASE added.stage WHEN 'ended' THEN json_build_object('outcome', added.outcome)
                ELSE json_build_object('reason', added.refused) END
        FROM added JOIN gone ON gone.id = added.id
        WHERE added.stage IN ('ended', 'refused') AND gone.stage <> added.stage;
    RETURN NULL;
END
$$;
CREATE TRIGGER contacts_tell_end AFTER UPDATE ON contacts REFERENCING OLD TABLE AS gone NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION aftertone_tell_of_contacts();

CREATE FUNCTION aftertone_tell_of_campaigns() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO events (at, type, campaign, detail)
            VALUES (NEW.created_at, 'campaign.created', NEW.id, json_build_object('standing', CASE NEW.draft WHEN 1 THEN 'draft' ELSE NEW.standing END));
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO events (at, type, campaign, detail)
            VALUES (aftertone_now(), 'campaign.deleted', OLD.id, json_build_object('campaign', OLD.name));
    ELSE
        IF OLD.standing <> NEW.standing THEN
            INSERT INTO events (at, type, campaign, detail)
                VALUES (NEW.changed_at, 'campaign.' || NEW.standing, NEW.id, json_build_object('why', NEW.why));
        END IF;
        IF OLD.spec <> NEW.spec THEN
            INSERT INTO events (at, type, campaign) VALUES (NEW.changed_at, 'campaign.changed', NEW.id);
        END IF;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER campaigns_tell AFTER INSERT OR DELETE OR UPDATE OF standing, spec ON campaigns
    FOR EACH ROW EXECUTE FUNCTION aftertone_tell_of_campaigns();

CREATE FUNCTION aftertone_tell_of_imports() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO events (at, type, campaign, detail)
        VALUES (NEW.changed_at, 'import.complete', NEW.campaign,
            json_build_object('import', NEW.id, 'list', NEW.name, 'rows', NEW.rows, 'rejected', NEW.rejected));
    RETURN NULL;
END
$$;
CREATE TRIGGER imports_tell_end AFTER UPDATE OF is_complete ON imports FOR EACH ROW
    WHEN (OLD.is_complete = 0 AND NEW.is_complete = 1) EXECUTE FUNCTION aftertone_tell_of_imports();

CREATE FUNCTION aftertone_tell_of_controllers() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    INSERT INTO events (at, type, detail)
        VALUES (coalesce(NEW.ended_at, NEW.began_at),
            CASE WHEN NEW.ended_at IS NULL THEN 'controller.started' ELSE 'controller.stopped' END,
            json_build_object('run', NEW.run, 'pbx', NEW.pbx));
    RETURN NULL;
END
$$;
CREATE TRIGGER controllers_tell_start AFTER INSERT ON controllers FOR EACH ROW
    WHEN (coalesce(NEW.is_single, 0) = 0) EXECUTE FUNCTION aftertone_tell_of_controllers();
CREATE TRIGGER controllers_tell_end AFTER UPDATE OF ended_at ON controllers FOR EACH ROW
    WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL AND coalesce(NEW.is_single, 0) = 0)
    EXECUTE FUNCTION aftertone_tell_of_controllers();
