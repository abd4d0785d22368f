-- From which schema on programs may work on this database, though a later version made it: a step that earlier programs
-- cannot live with raises it. A program whose own schema is lower refuses.
CREATE TABLE schema_compatibility (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    programs_from INTEGER NOT NULL
) STRICT;
INSERT INTO schema_compatibility (id, programs_from) VALUES (1, 1);
