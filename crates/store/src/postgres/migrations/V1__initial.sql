-- The ceremony's log is the truth, as in the embedded store. Everything here is in one schema, the first
-- of the search path. Numbers that are unsigned elsewhere stay below 2^63.

-- Who leads. `epoch` is the key, so that a change of leader, and nothing else, conflicts with those who
-- hold the row FOR KEY SHARE: appends. A renewal of the lease changes no key and waits for nobody.
CREATE TABLE leader (
    epoch      bigint PRIMARY KEY CHECK (epoch >= 0),
    name       text NOT NULL,
    url        text NOT NULL,
    -- Drawn for each attempt to take the lead: whoever lost the answer recognises its own.
    attempt    bytea NOT NULL,
    expires_at timestamptz NOT NULL,
    the_only   boolean NOT NULL DEFAULT true UNIQUE CHECK (the_only)
);
INSERT INTO leader (epoch, name, url, attempt, expires_at) VALUES (0, '', '', '', 'epoch');

-- How many transactions the leaders have committed, and which was the last.
CREATE TABLE commits (
    number   bigint NOT NULL CHECK (number >= 0),
    batch    bytea NOT NULL,
    the_only boolean PRIMARY KEY DEFAULT true CHECK (the_only)
);
INSERT INTO commits (number, batch) VALUES (0, '');

-- What the replicas share that is no part of the ceremony.
CREATE TABLE replicas (
    secret   bytea NOT NULL CHECK (length(secret) = 32),
    the_only boolean PRIMARY KEY DEFAULT true CHECK (the_only)
);

-- Facts fixed when the ceremony was made: sizes, start of the log, the coordinator's key.
CREATE TABLE meta (
    key   text PRIMARY KEY,
    value bytea NOT NULL
);

-- The log. `hash` is SHA-256 over the hash before it and the record's bytes; `ended` is the ticket
-- when the record ends a stay.
CREATE TABLE journal (
    seq    bigint PRIMARY KEY CHECK (seq >= 0),
    record bytea NOT NULL,
    hash   bytea NOT NULL CHECK (length(hash) = 32),
    ended  bigint UNIQUE
);

-- Submitted contributions that still matter. Points do not compress.
CREATE TABLE blobs (
    ticket bigint PRIMARY KEY CHECK (ticket >= 1),
    digest bytea NOT NULL CHECK (length(digest) = 32),
    bytes  bytea NOT NULL
);
ALTER TABLE blobs ALTER COLUMN bytes SET STORAGE EXTERNAL;

-- What the transcript keeps of each accepted contribution, with the sum of all of it.
CREATE TABLE contributions (
    number   bigint PRIMARY KEY CHECK (number >= 1),
    ticket   bigint NOT NULL UNIQUE REFERENCES journal (ended),
    identity text NOT NULL UNIQUE,
    witness  bytea NOT NULL CHECK (length(witness) % 192 = 0),
    ecdsa    bytea CHECK (length(ecdsa) = 65),
    digest   bytea CHECK (length(digest) = 32),
    sum      bytea CHECK (length(sum) = 32)
);

-- Whose contribution is which: the part of the identity after its last `|`, in lower case (ASCII).
CREATE INDEX contributions_by_name ON contributions (lower(split_part(identity, '|', -1) COLLATE "C"));

-- Sessions by the hash of their token; the token itself is nowhere.
CREATE TABLE sessions (
    hash       bytea PRIMARY KEY CHECK (length(hash) = 32),
    identity   text NOT NULL,
    expires_at bigint NOT NULL,
    sum        bytea NOT NULL CHECK (length(sum) = 32)
);
CREATE INDEX sessions_by_expiry ON sessions (expires_at, hash);

-- The identity that a GitHub account signed in with first, in the order in which accounts came.
CREATE TABLE github_accounts (
    number   bigint PRIMARY KEY CHECK (number >= 1),
    id       bigint NOT NULL UNIQUE CHECK (id >= 0),
    identity text NOT NULL UNIQUE,
    sum      bytea NOT NULL CHECK (length(sum) = 32)
);

-- How much of the public log was last signed.
CREATE TABLE signed (
    origin   text NOT NULL,
    size     bigint NOT NULL CHECK (size >= 0),
    root     bytea NOT NULL CHECK (length(root) = 32),
    the_only boolean PRIMARY KEY DEFAULT true CHECK (the_only)
);

CREATE FUNCTION is_final() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'TL003';
END $$;
CREATE TRIGGER journal_is_final BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
    FOR EACH STATEMENT EXECUTE FUNCTION is_final();
CREATE TRIGGER contributions_are_final BEFORE UPDATE OR DELETE OR TRUNCATE ON contributions
    FOR EACH STATEMENT EXECUTE FUNCTION is_final();

-- Refuses whoever does not lead, and keeps everybody else from taking the lead until the transaction
-- ends, which it has to do soon: whoever is frozen here is thrown out after a second.
CREATE FUNCTION fence(mine bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM leader WHERE epoch = mine FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'another replica leads' USING ERRCODE = 'TL001';
    END IF;
    PERFORM set_config('idle_in_transaction_session_timeout', '1s', true);
END $$;

-- Appends records, of which the first has this number. They have to continue the log.
CREATE FUNCTION append(mine bigint, first bigint, records bytea[], hashes bytea[], ended bigint[])
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    next bigint;
BEGIN
    PERFORM fence(mine);
    SELECT coalesce(max(seq) + 1, 0) INTO next FROM journal;
    IF next <> first THEN
        RAISE EXCEPTION 'record % does not continue a log of % records', first, next
            USING ERRCODE = 'TL002';
    END IF;
    INSERT INTO journal (seq, record, hash, ended)
    SELECT first + at - 1, one.record, one.hash, one.ended
    FROM unnest(records, hashes, ended) WITH ORDINALITY AS one (record, hash, ended, at);
END $$;

-- Ends a transaction: it is the one after `before`, or it is refused. Tells everybody who listens.
CREATE FUNCTION finish(mine bigint, before bigint, this bytea, tell boolean)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fence(mine);
    UPDATE commits SET number = before + 1, batch = this WHERE number = before;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'commit % does not follow', before + 1 USING ERRCODE = 'TL002';
    END IF;
    IF tell THEN
        PERFORM pg_notify('tauline_' || current_schema(), 'grown');
    END IF;
END $$;

-- Deletes the powers that are not needed any more.
CREATE FUNCTION sweep(mine bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fence(mine);
    DELETE FROM blobs WHERE ticket IN (
        SELECT ticket FROM contributions
        WHERE number < (SELECT max(number) FROM contributions));
END $$;

-- Notes how much of the public log is going to be signed, which is never less than before.
CREATE FUNCTION keep_signed(mine bigint, whose text, entries bigint, hash bytea)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM fence(mine);
    INSERT INTO signed AS before (origin, size, root) VALUES (whose, entries, hash)
    ON CONFLICT (the_only) DO UPDATE SET size = entries, root = hash
    WHERE before.origin = whose
        AND (before.size < entries OR before.size = entries AND before.root = hash);
    IF NOT FOUND THEN
        RAISE EXCEPTION 'what was signed would be taken back' USING ERRCODE = 'TL004';
    END IF;
END $$;
