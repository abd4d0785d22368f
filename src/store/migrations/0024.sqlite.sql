-- What is left of where prompts were heard once their calls are not kept any more: counts, by how the calls ended ('' if that is not
-- beyond doubt), and at how many numbers the prompt had been heard. A program of an earlier version does not read it: it counts
-- fewer calls.
CREATE TABLE pruned_hearings (
    prompt INTEGER NOT NULL,
    ends TEXT NOT NULL,
    calls INTEGER NOT NULL,
    numbers INTEGER NOT NULL,
    first_at INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (prompt, ends)
) STRICT, WITHOUT ROWID;

CREATE INDEX prompt_hearings_by_time ON prompt_hearings (at);
CREATE INDEX prompt_hearings_by_end ON prompt_hearings (prompt, ends, at) WHERE ends IS NOT NULL;
