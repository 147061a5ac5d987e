//! What a sign-in writes.

use tauline_protocol::Identity;
use tauline_queue_core::Timestamp;

/// A session: who a token stands for, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// Who signed in.
    pub identity: Identity,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A change made by a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInWrite {
    /// Adds a session, or replaces the one with the same hash.
    Put(Session),
    /// Forgets the session with this hash.
    Delete([u8; 32]),
    /// Gives a GitHub account its identity, unless it has one.
    GithubAccount {
        /// The account's number.
        account: u64,
        /// Its identity by its present name.
        identity: Identity,
    },
}
