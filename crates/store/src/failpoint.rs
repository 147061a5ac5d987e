//! Places at which a test ends the process as `kill -9` does: nothing is tidied up, nobody is told.
//!
//! The places have names. `crates/server/tests/failpoints.rs` ends the coordinator at each of them. A
//! release build has none.

/// Ends the process if the environment's `TAULINE_FAILPOINT` names this place: `NAME`, or `NAME:N` for
/// the N-th time that it is passed. If `TAULINE_FAILPOINT_HOLDS` names a file, the thread makes it instead, and
/// goes on when somebody has removed it.
#[inline]
pub fn failpoint(name: &str) {
    #[cfg(debug_assertions)]
    armed::pass(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
mod armed {
    use std::path::PathBuf;
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use rustix::process::{Signal, getpid, kill_process};

    /// Where the process is to end.
    struct Armed {
        name: String,
        /// Passages until then, that one included.
        left: AtomicU64,
        /// What it waits for in place of an end.
        holds: Option<PathBuf>,
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
            holds: std::env::var_os("TAULINE_FAILPOINT_HOLDS").map(PathBuf::from),
        })
    });

    pub(super) fn pass(name: &str) {
        let Some(armed) = &*ARMED else {
            return;
        };
        if armed.name == name && armed.left.fetch_sub(1, Ordering::Relaxed) == 1 {
            if let Some(path) = &armed.holds {
                let _ = std::fs::write(path, "");
                while path.exists() {
                    std::thread::sleep(Duration::from_millis(1));
                }
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
