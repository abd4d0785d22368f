-- What the message of a drop that the gate holds says of whoever is called: a JSON object of texts. A program of an earlier version
-- does not read it; it leaves no message that needs it.
ALTER TABLE held_drops ADD COLUMN fields TEXT;
