-- The identity that a GitHub account signed in with first. Logins change hands and names; the
-- account's number does not.
CREATE TABLE github_accounts (
    id       INTEGER PRIMARY KEY CHECK (id >= 0),
    identity TEXT NOT NULL UNIQUE
) STRICT;
