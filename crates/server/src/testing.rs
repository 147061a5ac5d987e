//! Inner parts, for this crate's own tests. Nothing here is meant for others.

pub use crate::server::{start_at, take_over};

/// See `src/addresses.rs`.
pub mod addresses {
    use std::net::IpAddr;

    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use crate::addresses::Proxies;

    /// Whose a request is that came from `peer` with these values of `X-Forwarded-For`, where this
    /// network is trusted. Values that no header can have are left out; none if `trusted` is no network.
    #[must_use]
    pub fn client(trusted: &str, peer: IpAddr, forwarded: &[&[u8]]) -> Option<IpAddr> {
        let proxies = Proxies::new(&[trusted.parse().ok()?]);
        let mut headers = HeaderMap::new();
        for value in forwarded {
            if let Ok(value) = HeaderValue::from_bytes(value) {
                headers.append(HeaderName::from_static("x-forwarded-for"), value);
            }
        }
        Some(proxies.client(peer, &headers))
    }
}
/// See `src/admin.rs`.
pub mod admin {
    pub use crate::admin::{Operator, Socket, serve};
}
/// See `src/base.rs`.
pub mod base {
    pub use crate::base::CurrentBase;
}
/// See `src/clock.rs`.
pub mod clock {
    pub use crate::clock::{Clock, Hands};
}
/// See `src/coordinator.rs`.
pub mod coordinator {
    pub use crate::coordinator::{
        Admission, Caller, CeremonySettings, Coordinator, Crash, Opened, Order, Seen, StartError,
        Tried, open,
    };
}
/// See `src/refused.rs`.
pub mod refused {
    pub use crate::refused::Refused;
}
/// See `src/representation.rs`.
pub mod representation {
    pub use crate::representation::{Coding, Form};
}
/// See `src/signin.rs`.
pub mod signin {
    pub use crate::signin::eip4361;
}
/// See `src/snapshot.rs`.
pub mod snapshot {
    pub use crate::snapshot::{Document, FOLDER_NAME, Transcript, Transcripts};
}
/// See `src/verifier.rs`.
pub mod verifier {
    pub use crate::verifier::Verifier;
}
