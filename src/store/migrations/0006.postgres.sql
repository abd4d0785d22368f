-- Counts of drops that were pruned, so that the results of a campaign stay whole: `drops` by hour and outcome, `variant` by
-- variant and final outcome, `busy` and `drop` legs by seconds.
CREATE TABLE pruned (
    campaign BIGINT NOT NULL REFERENCES campaigns (id),
    kind TEXT NOT NULL CHECK (kind IN ('drops', 'variant', 'busy', 'drop')),
    -- The hour's beginning, or seconds.
    at BIGINT NOT NULL DEFAULT 0,
    name TEXT NOT NULL DEFAULT '',
    outcome TEXT NOT NULL DEFAULT '',
    count BIGINT NOT NULL,
    PRIMARY KEY (campaign, kind, at, name, outcome)
);
