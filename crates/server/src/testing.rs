//! Inner parts, for this crate's own tests. Nothing here is meant for others.

pub use crate::server::{start_at, take_over};

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
        Admission, Caller, CeremonySettings, Coordinator, Counted, Crash, Opened, Order, Seen,
        StartError, Tried, open,
    };
}
/// See `src/live.rs`.
pub mod live {
    pub use crate::live::Live;
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
