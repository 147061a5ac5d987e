-- Each thing that is kept beside the log has a SHA-256 sum, which records of the log bind. What is
-- older than sums gains them when it is first opened with this version; `meta` says so by `sums`.
-- They stand in tables of their own, so that what is final stays untouched.
CREATE TABLE IF NOT EXISTS contribution_sums (
    number INTEGER PRIMARY KEY CHECK (number >= 1),
    sum    BLOB NOT NULL CHECK (length(sum) = 32)
) STRICT;

-- Accounts are counted in the order in which they came.
CREATE TABLE IF NOT EXISTS account_sums (
    number INTEGER PRIMARY KEY CHECK (number >= 1),
    id     INTEGER NOT NULL UNIQUE,
    sum    BLOB NOT NULL CHECK (length(sum) = 32)
) STRICT;

CREATE TABLE IF NOT EXISTS session_sums (
    hash BLOB PRIMARY KEY NOT NULL CHECK (length(hash) = 32),
    sum  BLOB NOT NULL CHECK (length(sum) = 32)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS sessions_go_with_their_sums AFTER DELETE ON sessions
BEGIN
    DELETE FROM session_sums WHERE hash = OLD.hash;
END;
