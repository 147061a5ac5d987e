-- What sign-ins rest on that are begun under one leader and ended under the next. No backup holds it.

-- The key by which the leader recognises its nonces and states. The first that needs it draws it.
CREATE TABLE sign_in_key (
    key      bytea NOT NULL CHECK (length(key) = 32),
    the_only boolean PRIMARY KEY DEFAULT true CHECK (the_only)
);

-- Nonces that signed somebody in. They begin with when they expire, and are kept for some days longer.
CREATE TABLE used_nonces (
    nonce bytea PRIMARY KEY CHECK (length(nonce) = 24)
);
