-- What each replica's list of invitations is known by: whoever has another list than the others says so.
CREATE TABLE invitations (
    replica text PRIMARY KEY,
    digest  bytea NOT NULL CHECK (length(digest) = 32),
    told_at timestamptz NOT NULL
);
