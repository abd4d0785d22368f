-- Campaigns that nobody has started. Such a row says `paused` as well, which programs of earlier versions know, and dial nothing of:
-- the state `draft` is a `standing` of `paused` together with a `draft` of 1.
ALTER TABLE campaigns ADD COLUMN draft INTEGER NOT NULL DEFAULT 0 CHECK (draft IN (0, 1));

-- Whoever starts, cancels or ends one makes it a draft no more, also a program that does not know the column.
CREATE TRIGGER campaigns_started AFTER UPDATE OF standing ON campaigns FOR EACH ROW
    WHEN NEW.draft = 1 AND NEW.standing <> 'paused'
BEGIN
    UPDATE campaigns SET draft = 0 WHERE id = NEW.id;
END;
