//! Places at which a test ends the process as `kill -9` does: nothing is tidied up, nobody is told.
//!
//! The places have names. `crates/server/tests/failpoints.rs` ends the coordinator at each of them. A
//! release build has none.

/// Ends the process if the environment's `TAULINE_FAILPOINT` names this place: `NAME`, or `NAME:N` for
/// the N-th time that it is passed. With `TAULINE_FAILPOINT_FREEZES` it is stopped instead, as by SIGSTOP, and goes
/// on from there when somebody lets it.
#[inline]
pub fn failpoint(name: &str) {
    #[cfg(debug_assertions)]
    armed::pass(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use rustix::process::{Signal, getpid, kill_process};

    /// Where the process is to end.
    struct Armed {
        name: String,
        /// Passages until then, that one included.
        left: AtomicU64,
        /// Whether it may go on.
        freezes: bool,
    }

    /// None if nobody asked for an end.
    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = std::env::var("TAULINE_FAILPOINT").ok()?;
        let (name, times) = match text.split_once(':') {
            Some((name, times)) => (name, times.parse().ok()?),
            None => (text.as_str(), 1),
        };
        Some(Armed {
            name: name.to_owned(),
            left: AtomicU64::new(times),
            freezes: std::env::var_os("TAULINE_FAILPOINT_FREEZES").is_some(),
        })
    });

    pub(super) fn pass(name: &str) {
        let Some(armed) = &*ARMED else {
            return;
        };
        if armed.name == name && armed.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            if armed.freezes {
                let _ = kill_process(getpid(), Signal::STOP);
                return;
            }
            let _ = kill_process(getpid(), Signal::KILL);
            // Nothing more is done here until the signal arrives.
            loop {
                std::thread::park();
            }
        }
    }
}
