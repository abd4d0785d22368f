-- What the gate would have said to the rows of a list that was read only, as JSON.
ALTER TABLE uploads ADD COLUMN gate TEXT;

-- What was done to one thing, such as a campaign, the latest first.
CREATE INDEX audit_of_object ON audit (object, id);

-- What was told of a campaign itself, the latest first: its drops and contacts are told of far more often.
CREATE INDEX events_of_campaign ON events (campaign, sequence) WHERE drop_id IS NULL AND contact IS NULL;
