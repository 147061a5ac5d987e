//! The processes of a server.

use std::fs;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take for what it is asked, on a machine that is busy.
const LIMIT: Duration = Duration::from_secs(60);

/// How often it is looked whether something has happened.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until something has happened.
pub(crate) fn wait_for(what: &str, mut happened: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < LIMIT, "waited too long for {what}");
        sleep(LOOK);
    }
}

/// Sends a signal, if there is still somebody to take it.
pub(crate) fn signal(id: u32, which: Signal) {
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process(pid, which);
    }
}

/// Whether it has ended.
pub(crate) fn has_ended(child: &mut Child) -> bool {
    !matches!(child.try_wait(), Ok(None))
}

/// The processes whose parent this is.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let Ok(all) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let is_child = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // After the name, which is in parentheses, come the state and the parent.
        let rest = stat.rsplit(')').next().unwrap_or_default();
        rest.split_whitespace().nth(1) == Some(&parent.to_string())
    };
    all.flatten()
        .filter_map(|entry| entry.file_name().to_string_lossy().parse().ok())
        .filter(is_child)
        .collect()
}

/// Kills a server with all of its processes.
pub(crate) fn kill_all(child: &mut Child) {
    let id = child.id();
    // Without its first process, nobody makes others or mourns them.
    let others = children(id);
    signal(id, Signal::KILL);
    for other in &others {
        signal(*other, Signal::KILL);
    }
    let _ = child.wait();
    let is_gone = |id: &u32| {
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        stat.is_empty()
            || stat
                .rsplit(')')
                .next()
                .is_some_and(|rest| rest.trim().starts_with('Z'))
    };
    wait_for("the processes to end", || others.iter().all(is_gone));
}
