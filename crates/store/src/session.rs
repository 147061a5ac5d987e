//! What a sign-in writes.

use tauline_protocol::Identity;
use tauline_queue_core::Timestamp;

/// What the token of a session is known by: its SHA-256. The token itself is kept nowhere.
pub type TokenHash = [u8; 32];

/// A session: who a token stands for, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The hash of its token.
    pub hash: TokenHash,
    /// Who signed in.
    pub identity: Identity,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A nonce that signed somebody in: when it expires, in milliseconds (8 bytes, the highest first), and 16
/// bytes that tell it from others.
pub type UsedNonce = [u8; 24];

/// A change made by a sign-in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignInWrite {
    /// Adds a session, or replaces the one with the same hash.
    Put(Session),
    /// Forgets the session with this hash.
    Delete(TokenHash),
    /// Remembers a nonce, where the store has the [key](crate::Store::sign_in_key) of nonces.
    UsedNonce(UsedNonce),
    /// Gives a GitHub account its identity, unless it has one.
    GithubAccount {
        /// The account's number.
        account: u64,
        /// Its identity by its present name.
        identity: Identity,
    },
}
