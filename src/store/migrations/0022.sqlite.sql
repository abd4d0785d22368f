-- PINs by which users record messages by telephone: the number that finds the user, the digest of the whole of it, and how often it was
-- wrong since it was right. A program of an earlier version knows nothing of them.
ALTER TABLE users ADD COLUMN pin_number INTEGER;
ALTER TABLE users ADD COLUMN pin TEXT;
ALTER TABLE users ADD COLUMN pin_at INTEGER;
ALTER TABLE users ADD COLUMN pin_tries INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN pin_locked_until INTEGER;
CREATE UNIQUE INDEX users_by_pin ON users (pin_number) WHERE pin_number IS NOT NULL;
