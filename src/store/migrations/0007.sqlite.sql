-- From which schema on programs may work on this database, though a later version made it: a step that earlier programs
-- cannot live with raises it. A program whose own schema is lower refuses.
CREATE TABLE schema_compatibility (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    programs_from INTEGER NOT NULL
) STRICT;
INSERT INTO schema_compatibility (id, programs_from) VALUES (1, 1);

-- Random, and of this database alone: it goes into the digests of erased numbers.
CREATE TABLE erasure_salt (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    salt TEXT NOT NULL
) STRICT;
INSERT INTO erasure_salt (id, salt) VALUES (1, lower(hex(randomblob(32))));

-- People who had everything about them erased: of each spelling of their number the SHA-256, in hexadecimal digits, of the
-- salt, a colon and the number's digits. They are on the do-not-call list `own` for good.
--
-- What is left of them elsewhere has a number that is none: minus the contact's id, or 0 outside campaigns. Such a contact
-- has no `ended_at`, by which nothing brings it back.
CREATE TABLE erased_numbers (
    digest TEXT NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL,
    because TEXT
) STRICT, WITHOUT ROWID;
