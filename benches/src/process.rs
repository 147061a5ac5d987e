//! What the system says about a process: `/proc`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};

/// A process, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Process(pub u32);

/// What a process has used.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// Resident memory now, in bytes.
    pub memory: u64,
    /// The most that it ever was, in bytes.
    pub most_memory: u64,
    /// Processor time so far, in steps of 10 ms.
    pub time: Duration,
    /// Open files, connections among them.
    pub files: usize,
}

impl Process {
    /// What it has used so far.
    ///
    /// # Errors
    /// When it has ended, or where there is no `/proc`.
    pub fn usage(self) -> Result<Usage> {
        let status = std::fs::read_to_string(self.facts().join("status"))
            .with_context(|| format!("process {} cannot be looked at: does it run?", self.0))?;
        Ok(Usage {
            memory: bytes(&status, "VmRSS:")?,
            most_memory: bytes(&status, "VmHWM:")?,
            time: self.processor_time()?,
            files: std::fs::read_dir(self.facts().join("fd"))?.count(),
        })
    }

    /// Processor time so far, in steps of 10 ms.
    ///
    /// # Errors
    /// When it has ended, or where there is no `/proc`.
    pub fn processor_time(self) -> Result<Duration> {
        let stat = std::fs::read_to_string(self.facts().join("stat"))?;
        let after_name = stat.rsplit(')').next().unwrap_or_default();
        let ticks = after_name.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.map(str::parse::<u64>).sum::<Result<_, _>>()?;
        Ok(Duration::from_millis(ticks * 10))
    }

    fn facts(self) -> PathBuf {
        Path::new("/proc").join(self.0.to_string())
    }
}

/// A field of `/proc/PID/status` that is given in kilobytes.
fn bytes(status: &str, name: &str) -> Result<u64> {
    let mut lines = status.lines();
    let rest = lines.find_map(|line| line.strip_prefix(name));
    let number = rest.and_then(|rest| rest.split_whitespace().next());
    let number = number.with_context(|| format!("the system does not tell {name}"))?;
    Ok(number.parse::<u64>()? * 1024)
}
