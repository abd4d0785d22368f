-- Lists that come in: each row costs what has to be kept of it, and no more.

-- In the order in which programs that dial take them; and given up before the server takes any wait for a deadlock, so that no
-- program of an earlier version is taken back for this step: it is the step that tries again.
SET LOCAL lock_timeout = '250ms';
LOCK TABLE controllers, campaigns, imports, contacts IN ACCESS EXCLUSIVE MODE;

-- What is due is found by place, since step 3, and how much of it there is by the counts of step 4. Programs of schema 1 and
-- 2 find it by `contacts_of_campaign` and `contacts_by_place`, more slowly.
DROP INDEX contacts_open;

-- A foreign key asks about each row by itself, which took a third of an import's time: those of contacts become triggers that
-- ask once about all rows of a statement that have the same campaign and the same import. What they promise is the same, to every
-- program: the rows that contacts refer to are there, and locked as by a foreign key until the transaction ends, and they cannot
-- be deleted while contacts refer to them.
CREATE FUNCTION aftertone_hold_owners(of_campaign BIGINT, of_import BIGINT) RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM 1 FROM campaigns WHERE id = of_campaign FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE foreign_key_violation USING MESSAGE = format('there is no campaign %s, which contacts are to belong to', of_campaign);
    END IF;
    IF of_import IS NOT NULL THEN
        PERFORM 1 FROM imports WHERE id = of_import FOR KEY SHARE;
        IF NOT FOUND THEN
            RAISE foreign_key_violation USING MESSAGE = format('there is no import %s, which contacts are to come by', of_import);
        END IF;
    END IF;
END
$$;

CREATE FUNCTION aftertone_check_owners() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    owner RECORD;
BEGIN
    IF TG_LEVEL = 'ROW' THEN
        PERFORM aftertone_hold_owners(NEW.campaign, NEW.import);
    ELSE
        FOR owner IN SELECT DISTINCT campaign, import FROM added ORDER BY campaign, import LOOP
            PERFORM aftertone_hold_owners(owner.campaign, owner.import);
        END LOOP;
    END IF;
    RETURN NULL;
END
$$;

CREATE FUNCTION aftertone_keep_owners() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    is_referred_to BOOLEAN;
BEGIN
    IF TG_TABLE_NAME = 'campaigns' THEN
        is_referred_to := EXISTS (SELECT 1 FROM contacts WHERE campaign = OLD.id);
    ELSE
        is_referred_to := EXISTS (SELECT 1 FROM contacts WHERE import = OLD.id);
    END IF;
    IF is_referred_to THEN
        RAISE foreign_key_violation USING MESSAGE = format('contacts refer to row %s of "%s"', OLD.id, TG_TABLE_NAME);
    END IF;
    RETURN NULL;
END
$$;

ALTER TABLE contacts DROP CONSTRAINT contacts_campaign_fkey;
ALTER TABLE contacts DROP CONSTRAINT contacts_import_fkey;
CREATE TRIGGER contacts_have_owners AFTER INSERT ON contacts REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION aftertone_check_owners();
CREATE TRIGGER contacts_keep_owners AFTER UPDATE OF campaign, import ON contacts FOR EACH ROW
    WHEN (NEW.campaign <> OLD.campaign OR NEW.import IS DISTINCT FROM OLD.import)
    EXECUTE FUNCTION aftertone_check_owners();
CREATE TRIGGER campaigns_keep_contacts AFTER DELETE ON campaigns FOR EACH ROW EXECUTE FUNCTION aftertone_keep_owners();
CREATE TRIGGER imports_keep_contacts AFTER DELETE ON imports FOR EACH ROW EXECUTE FUNCTION aftertone_keep_owners();

-- 1: its program queues with others that write to an SQLite file. NULL: it is of an earlier version, which asks again and again
-- and needs pauses to be let in.
ALTER TABLE controllers ADD COLUMN takes_turns BIGINT;
