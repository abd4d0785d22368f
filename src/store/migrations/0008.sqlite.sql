-- The registry of PBXes, and what is settled over all controllers.

-- When the operator gave a PBX up: it is not listed any more, and its calls still count for its trunk.
ALTER TABLE pbxes ADD COLUMN forgotten_at INTEGER;

-- When the operator last resumed a campaign: what had failed before counts no more.
ALTER TABLE campaigns ADD COLUMN resumed_at INTEGER;

CREATE INDEX drops_unsettled ON drops (campaign, holder) WHERE outcome IS NULL;
