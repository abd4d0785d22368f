-- What is left of where prompts were heard once their calls are not kept any more: counts, by how the calls ended ('' if that is not
-- beyond doubt), and at how many numbers the prompt had been heard. A program of an earlier version does not read it: it counts
-- fewer calls.
CREATE TABLE pruned_hearings (
    prompt BIGINT NOT NULL,
    ends TEXT NOT NULL,
    calls BIGINT NOT NULL,
    numbers BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    PRIMARY KEY (prompt, ends)
);

CREATE INDEX prompt_hearings_by_time ON prompt_hearings (at);
CREATE INDEX prompt_hearings_by_end ON prompt_hearings (prompt, ends, at) WHERE ends IS NOT NULL;
