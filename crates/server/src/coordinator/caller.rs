//! Who asks something of the coordinator.

use tauline_protocol::Identity;
use tauline_store::TokenHash;

/// Who asks, and by which of its clients. An identity alone is a caller whose client is not known.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The identity.
    pub(crate) who: Identity,
    /// The client: one session, one client.
    pub(crate) client: Option<TokenHash>,
}

impl Caller {
    /// An identity, by the client that has this session.
    #[must_use]
    pub fn new(who: Identity, client: TokenHash) -> Self {
        Self {
            who,
            client: Some(client),
        }
    }
}

impl From<Identity> for Caller {
    fn from(who: Identity) -> Self {
        Self { who, client: None }
    }
}
