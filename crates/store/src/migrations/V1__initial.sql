-- The ceremony's log is the truth. Everything else here either cannot be derived from it (blobs,
-- witnesses, keys, sessions) or binds the two together, and changes in the same transaction.

-- Facts fixed when the ceremony was made: sizes, start of the log, the coordinator's key.
CREATE TABLE meta (
    key   TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- The log. `hash` is SHA-256 over the hash before it and the record's bytes; `ended` is the ticket
-- when the record ends a stay, so that a stay can end only once and its end is found at once.
CREATE TABLE journal (
    seq    INTEGER PRIMARY KEY CHECK (seq >= 0),
    record BLOB NOT NULL,
    hash   BLOB NOT NULL CHECK (length(hash) = 32),
    ended  INTEGER UNIQUE
) STRICT;

CREATE TRIGGER journal_is_never_changed BEFORE UPDATE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;

CREATE TRIGGER journal_is_never_cut BEFORE DELETE ON journal
BEGIN
    SELECT RAISE(ABORT, 'the log is append-only');
END;

-- Submitted contributions that still matter: that of the last contributed ticket, which is the
-- head of the ceremony, and that of the ticket being verified.
CREATE TABLE blobs (
    ticket INTEGER PRIMARY KEY CHECK (ticket >= 1),
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    bytes  BLOB NOT NULL
) STRICT;

-- What the transcript keeps of each accepted contribution. `witness` has 192 bytes for each
-- sub-ceremony: running product (48), pot pubkey (96), BLS signature (48; zeros: none).
CREATE TABLE contributions (
    number   INTEGER PRIMARY KEY CHECK (number >= 1),
    ticket   INTEGER NOT NULL UNIQUE REFERENCES journal (ended),
    identity TEXT NOT NULL UNIQUE,
    witness  BLOB NOT NULL CHECK (length(witness) % 192 = 0),
    ecdsa    BLOB CHECK (length(ecdsa) = 65)
) STRICT;

CREATE TRIGGER contributions_are_final BEFORE UPDATE ON contributions
BEGIN
    SELECT RAISE(ABORT, 'a contribution is final');
END;

CREATE TRIGGER contributions_are_kept BEFORE DELETE ON contributions
BEGIN
    SELECT RAISE(ABORT, 'a contribution is final');
END;

-- Sessions by the hash of their token; the token itself is nowhere.
CREATE TABLE sessions (
    hash       BLOB PRIMARY KEY NOT NULL CHECK (length(hash) = 32),
    identity   TEXT NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_expiry ON sessions (expires_at);
