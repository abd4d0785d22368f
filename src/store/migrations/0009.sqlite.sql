-- Lists that come in: each row costs what has to be kept of it, and no more.

-- What is due is found by place, since step 3, and how much of it there is by the counts of step 4.
DROP INDEX contacts_open;

-- 1: its program queues with others that write to an SQLite file. NULL: it is of an earlier version, which asks again and again
-- and needs pauses to be let in.
ALTER TABLE controllers ADD COLUMN takes_turns INTEGER;
