-- Writers of older versions wait here, so that no row is missed between the triggers and the first count.
LOCK TABLE drops, contacts IN SHARE ROW EXCLUSIVE MODE;

-- How many contacts and drops there are of each kind, but for what `count_changes` holds since: `counted` is both. Triggers
-- keep them, so that every statement of every program is counted, and nothing has to remember to.
CREATE TABLE counts (
    campaign BIGINT NOT NULL,
    -- The stage of contacts, or `drop`.
    stage TEXT NOT NULL,
    -- Of contacts their outcome, why they are refused, or why they are held; of drops the caller id; empty if there is none.
    reason TEXT NOT NULL,
    -- Where contacts are, if that is known.
    place BIGINT NOT NULL,
    -- The zone whose hours hold contacts, or empty.
    zone TEXT NOT NULL,
    -- Of contacts that are `due`, when, rounded up to the minute; else 0.
    until BIGINT NOT NULL,
    count BIGINT NOT NULL,
    PRIMARY KEY (campaign, stage, reason, place, zone, until)
) WITH (fillfactor = 50);

-- What has to be added to `counts`. Transactions only ever add rows here, so that none waits for another, in whatever order
-- they count, and none walks past the rows that another has left behind for an old snapshot.
CREATE TABLE count_changes (
    -- The transaction, or `counts_state.counted_to` if that is later.
    tx XID8 NOT NULL,
    campaign BIGINT NOT NULL,
    stage TEXT NOT NULL,
    reason TEXT NOT NULL,
    place BIGINT NOT NULL,
    zone TEXT NOT NULL,
    until BIGINT NOT NULL,
    change BIGINT NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000);
CREATE INDEX count_changes_tx ON count_changes (tx);

-- One row: before which transaction every change is added up, and when that was done.
CREATE TABLE counts_state (
    id BIGINT NOT NULL PRIMARY KEY CHECK (id = 1),
    counted_to XID8 NOT NULL,
    counted_at TIMESTAMPTZ NOT NULL
);
INSERT INTO counts_state (id, counted_to, counted_at) VALUES (1, '0', clock_timestamp());

CREATE VIEW counted AS
    SELECT campaign, stage, reason, place, zone, until, count FROM counts
    UNION ALL
    SELECT campaign, stage, reason, place, zone, until, change FROM count_changes
    WHERE tx >= (SELECT counted_to FROM counts_state);

-- The same from the rows themselves.
CREATE VIEW recounted AS
    SELECT campaign, stage, coalesce(outcome, refused, held, '') AS reason, CASE stage WHEN 'due' THEN place ELSE 0 END AS place,
        coalesce(held_zone, '') AS zone,
        CASE stage WHEN 'due' THEN (due_at + 59999999) / 60000000 * 60000000 ELSE 0 END AS until,
        count(*) AS count
    FROM contacts GROUP BY 1, 2, 3, 4, 5, 6
    UNION ALL
    SELECT campaign, 'drop', coalesce(caller_id, ''), 0, '', 0, count(*)
    FROM drops WHERE campaign IS NOT NULL GROUP BY campaign, caller_id;

-- Adds the changes up every few seconds, in whichever transaction comes by; if another does, it is passed over.
--
-- Every row of `count_changes` that is there has a `tx` of at least `counted_to`: what was written before the oldest
-- transaction that runs is deleted here in the same transaction that raises `counted_to` to it. In a database that was
-- restored on another server transactions begin anew below it; then it is lowered.
CREATE FUNCTION aftertone_add_up_counts() RETURNS void LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    was XID8;
    upto XID8;
BEGIN
    SELECT counted_to INTO was FROM counts_state
        WHERE counted_at NOT BETWEEN clock_timestamp() - INTERVAL '2 s' AND clock_timestamp()
        FOR UPDATE SKIP LOCKED;
    -- The steps have to see what others have written before they took their turn.
    IF NOT FOUND OR current_setting('transaction_isolation') <> 'read committed' THEN
        RETURN;
    END IF;
    upto := pg_snapshot_xmin(pg_current_snapshot());
    WITH gone AS (DELETE FROM count_changes WHERE tx >= least(was, upto) RETURNING *)
    INSERT INTO counts (campaign, stage, reason, place, zone, until, count)
        SELECT campaign, stage, reason, place, zone, until, sum(change) FROM gone
        GROUP BY campaign, stage, reason, place, zone, until HAVING sum(change) <> 0
        ON CONFLICT (campaign, stage, reason, place, zone, until) DO UPDATE SET count = counts.count + excluded.count;
    DELETE FROM counts WHERE count = 0;
    UPDATE counts_state SET counted_to = upto, counted_at = clock_timestamp();
END
$$;

CREATE FUNCTION aftertone_count_contacts() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    this XID8 := (SELECT greatest(pg_current_xact_id(), counted_to) FROM counts_state);
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO count_changes (tx, campaign, stage, reason, place, zone, until, change)
            SELECT this, campaign, stage, coalesce(outcome, refused, held, '') AS reason, CASE stage WHEN 'due' THEN place ELSE 0 END AS place,
                coalesce(held_zone, '') AS zone,
                CASE stage WHEN 'due' THEN (due_at + 59999999) / 60000000 * 60000000 ELSE 0 END AS until,
                count(*)
            FROM added GROUP BY 2, 3, 4, 5, 6, 7;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO count_changes (tx, campaign, stage, reason, place, zone, until, change)
            SELECT this, campaign, stage, coalesce(outcome, refused, held, '') AS reason, CASE stage WHEN 'due' THEN place ELSE 0 END AS place,
                coalesce(held_zone, '') AS zone,
                CASE stage WHEN 'due' THEN (due_at + 59999999) / 60000000 * 60000000 ELSE 0 END AS until,
                -count(*)
            FROM gone GROUP BY 2, 3, 4, 5, 6, 7;
    ELSE
        INSERT INTO count_changes (tx, campaign, stage, reason, place, zone, until, change)
            SELECT this, campaign, stage, coalesce(outcome, refused, held, '') AS reason, CASE stage WHEN 'due' THEN place ELSE 0 END AS place,
                coalesce(held_zone, '') AS zone,
                CASE stage WHEN 'due' THEN (due_at + 59999999) / 60000000 * 60000000 ELSE 0 END AS until,
                sum(change)
            FROM (SELECT campaign, stage, outcome, refused, held, held_zone, place, due_at, 1 AS change FROM added
                UNION ALL
                SELECT campaign, stage, outcome, refused, held, held_zone, place, due_at, -1 FROM gone) AS rows
            GROUP BY 2, 3, 4, 5, 6, 7 HAVING sum(change) <> 0;
    END IF;
    PERFORM aftertone_add_up_counts();
    RETURN NULL;
END
$$;

CREATE TRIGGER contacts_added AFTER INSERT ON contacts REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION aftertone_count_contacts();
CREATE TRIGGER contacts_gone AFTER DELETE ON contacts REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION aftertone_count_contacts();
CREATE TRIGGER contacts_changed AFTER UPDATE ON contacts REFERENCING OLD TABLE AS gone NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION aftertone_count_contacts();

CREATE FUNCTION aftertone_count_drops() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    this XID8 := (SELECT greatest(pg_current_xact_id(), counted_to) FROM counts_state);
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO count_changes (tx, campaign, stage, reason, place, zone, until, change)
            SELECT this, campaign, 'drop', coalesce(caller_id, ''), 0, '', 0, count(*)
            FROM added WHERE campaign IS NOT NULL GROUP BY campaign, caller_id;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO count_changes (tx, campaign, stage, reason, place, zone, until, change)
            SELECT this, campaign, 'drop', coalesce(caller_id, ''), 0, '', 0, -count(*)
            FROM gone WHERE campaign IS NOT NULL GROUP BY campaign, caller_id;
    ELSE
        -- A row at a time, only where one of the two is set, which is rare; what is settled costs nothing.
        INSERT INTO count_changes (tx, campaign, stage, reason, place, zone, until, change)
            SELECT this, campaign, 'drop', coalesce(caller_id, ''), 0, '', 0, change
            FROM (VALUES (OLD.campaign, OLD.caller_id, -1), (NEW.campaign, NEW.caller_id, 1))
                AS rows (campaign, caller_id, change)
            WHERE campaign IS NOT NULL;
    END IF;
    PERFORM aftertone_add_up_counts();
    RETURN NULL;
END
$$;

CREATE TRIGGER drops_added AFTER INSERT ON drops REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION aftertone_count_drops();
CREATE TRIGGER drops_gone AFTER DELETE ON drops REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION aftertone_count_drops();
CREATE TRIGGER drops_changed AFTER UPDATE OF campaign, caller_id ON drops
    FOR EACH ROW EXECUTE FUNCTION aftertone_count_drops();

INSERT INTO counts (campaign, stage, reason, place, zone, until, count)
    SELECT campaign, stage, reason, place, zone, until, count FROM recounted;

-- Whoever bars numbers, or stops a campaign, queues with those who write intents, in the order in which they come: intents
-- share the lock, so that one that waits here waits for the intents before it alone, however many come behind. Rows that
-- are shared know no such queue. A trigger, so that older versions of the program queue too.
CREATE FUNCTION aftertone_hold_intents_by_list() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1634104369, 0);
    RETURN NULL;
END
$$;
CREATE TRIGGER do_not_call_holds_intents AFTER INSERT ON do_not_call
    FOR EACH STATEMENT EXECUTE FUNCTION aftertone_hold_intents_by_list();

-- An earlier version locks the campaign's row when it changes it, which intents refer to, before the row's own trigger comes:
-- it has to hold all intents before that. Later ones say that they hold those of the campaign already.
CREATE FUNCTION aftertone_hold_all_intents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('aftertone.holds_intents', true) IS DISTINCT FROM 'yes' THEN
        PERFORM pg_advisory_xact_lock(1634104369, 1);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER campaigns_hold_all_intents BEFORE UPDATE OF standing ON campaigns
    FOR EACH STATEMENT EXECUTE FUNCTION aftertone_hold_all_intents();

CREATE FUNCTION aftertone_hold_intents_of_campaign() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(1634104370, CAST(NEW.id & 2147483647 AS INTEGER));
    RETURN NULL;
END
$$;
CREATE TRIGGER campaigns_hold_intents AFTER UPDATE OF standing ON campaigns
    FOR EACH ROW WHEN (OLD.standing = 'running' AND NEW.standing <> 'running')
    EXECUTE FUNCTION aftertone_hold_intents_of_campaign();
