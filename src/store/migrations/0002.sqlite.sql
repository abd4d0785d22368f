-- Limits that hold over the whole fleet.

-- What the controllers of an instance dial through. `identity` names the PBX itself, so that two PBXes never pass for one;
-- `trunk` is what several PBXes may share.
CREATE TABLE pbxes (
    name TEXT NOT NULL PRIMARY KEY,
    identity TEXT NOT NULL,
    trunk TEXT NOT NULL,
    seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pbxes_on_trunk ON pbxes (trunk, name);

-- The next moment at which a start may be: `trunk:` and a name, or `campaign:` and an id. Intents are written one after the
-- other under it.
CREATE TABLE paces (
    scope TEXT NOT NULL PRIMARY KEY,
    next_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a controller was started with; NULL where the program of schema 0001 began it.
ALTER TABLE controllers ADD COLUMN trunk TEXT;
ALTER TABLE controllers ADD COLUMN is_single INTEGER;
ALTER TABLE controllers ADD COLUMN starts INTEGER;
ALTER TABLE controllers ADD COLUMN per_us INTEGER;
ALTER TABLE controllers ADD COLUMN in_flight INTEGER;
-- The campaigns that it has contacts of to dial now, as a JSON array of ids: those who share a limit.
ALTER TABLE controllers ADD COLUMN busy_with TEXT;
CREATE INDEX controllers_on_trunk ON controllers (trunk) WHERE ended_at IS NULL;

CREATE INDEX drops_in_flight ON drops (pbx, campaign) WHERE outcome IS NULL;
