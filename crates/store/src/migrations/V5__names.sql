-- Whose contribution is which: the part of the identity after its last `|`, in lower case. `rtrim`
-- takes away all characters but `|` from the end.
CREATE INDEX IF NOT EXISTS contributions_by_name ON contributions (
    lower(substr(identity, length(rtrim(identity, replace(identity, '|', ''))) + 1))
);
