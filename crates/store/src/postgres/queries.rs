//! What is asked of the tables.

use super::rows::contributions;

pub(super) const LOG: &str =
    "SELECT seq, record, hash, ended FROM journal WHERE seq >= $1 ORDER BY seq LIMIT $2";
pub(super) const ENDING: &str = "SELECT seq, record, hash, (SELECT hash FROM journal AS before
        WHERE before.seq = journal.seq - 1)
    FROM journal WHERE ended = $1";
pub(super) const FROM_TICKET: &str = contributions!("WHERE ticket >= $1 ORDER BY ticket LIMIT $2");
pub(super) const FROM_NUMBER: &str = contributions!("WHERE number >= $1 ORDER BY number LIMIT $2");
/// The expression is that of the index `contributions_by_name`, which finds the few who have the name.
pub(super) const BY_NAME: &str = contributions!(
    "WHERE lower(split_part(identity, '|', -1) COLLATE \"C\") = ANY($1) ORDER BY number"
);
pub(super) const BLOB_TICKETS: &str = "SELECT ticket FROM blobs WHERE ticket NOT IN (
        SELECT ticket FROM contributions
        WHERE number < (SELECT max(number) FROM contributions))
    ORDER BY ticket";
pub(super) const SESSION: &str =
    "SELECT hash, identity, expires_at, sum FROM sessions WHERE hash = $1";
pub(super) const LASTING: &str = "SELECT hash, identity, expires_at, sum FROM sessions
    WHERE expires_at > $1 ORDER BY expires_at, hash";
pub(super) const SWEEP: &str = "SELECT sweep($1)";
pub(super) const SIGNED: &str = "SELECT origin, size, root FROM signed";
pub(super) const KEEP_SIGNED: &str = "SELECT keep_signed($1, $2, $3, $4)";
/// How many records and contributions there are, the chain's hash after the last record, and after as many
/// as are asked for.
pub(super) const EXTENT: &str = "SELECT coalesce((SELECT max(seq) + 1 FROM journal), 0),
    coalesce((SELECT max(number) FROM contributions), 0),
    (SELECT hash FROM journal ORDER BY seq DESC LIMIT 1),
    (SELECT hash FROM journal WHERE seq = $1::bigint - 1)";
