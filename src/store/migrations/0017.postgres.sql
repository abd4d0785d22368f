-- People who sign in: their roles, what is kept of their passwords, and their sessions.

CREATE TABLE users (
    name TEXT NOT NULL PRIMARY KEY,
    role TEXT NOT NULL,
    -- Argon2id, with its salt and parameters; none until it is set by the link.
    password TEXT,
    password_at BIGINT,
    created_at BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    disabled_at BIGINT,
    signed_in_at BIGINT,
    -- Of what is behind the link that sets the password, once.
    link_digest TEXT,
    link_until BIGINT
);
CREATE UNIQUE INDEX users_by_link ON users (link_digest) WHERE link_digest IS NOT NULL;

CREATE TABLE sessions (
    -- Of what the browser keeps; that itself is nowhere.
    digest TEXT NOT NULL PRIMARY KEY,
    user_name TEXT NOT NULL,
    began_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    ip TEXT
);
CREATE INDEX sessions_by_user ON sessions (user_name);
CREATE INDEX sessions_by_use ON sessions (seen_at);
