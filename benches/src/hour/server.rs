//! The coordinator's deadlines, which are scaled like all times of a run.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

/// The coordinator's settings that a run may change, in unscaled seconds.
#[derive(Debug, Clone, PartialEq, clap::Args)]
pub struct Deadlines {
    /// The coordinator's --lobby-hold, in unscaled seconds, like the following ones.
    #[arg(long, default_value_t = 50.0)]
    pub hold: f64,
    /// --passes: how often anybody may be passed.
    #[arg(long, default_value_t = 1)]
    pub passes: u32,
    /// --contribution-limit: `SECONDS` or `auto:MIN-MAX`.
    #[arg(long, default_value = "180")]
    pub contribution_limit: String,
    /// --checkin-grace.
    #[arg(long, default_value_t = 5.0)]
    pub grace: f64,
    /// --lobby-checkin-tolerance.
    #[arg(long, default_value_t = 2.0)]
    pub tolerance: f64,
    /// Other flags of the coordinator, which are not scaled.
    #[arg(last = true)]
    pub further: Vec<String>,
}

/// Deadlines whose defaults are used, and scaled.
const DEFAULTS: [(&str, f64); 8] = [
    ("--checkin-max", 3600.0),
    ("--checkin-min", 5.0),
    ("--start-limit", 15.0),
    ("--stall-limit", 30.0),
    ("--body-timeout", 30.0),
    ("--lobby-checkin-frequency", 30.0),
    ("--expected-turn", 60.0),
    ("--lasting-step", 60.0),
];

impl Deadlines {
    /// The flags, with all times divided by `scale`, as far as this coordinator knows them.
    ///
    /// # Errors
    /// A coordinator that cannot be run, or a limit that cannot be read.
    pub fn flags(&self, binary: &Path, scale: f64) -> Result<Vec<String>> {
        let help = Command::new(binary).arg("--help").output();
        let help = help.with_context(|| format!("cannot run {}", binary.display()))?;
        let help = String::from_utf8_lossy(&help.stdout);
        let mut flags = Vec::new();
        for (name, value) in self.all(scale)? {
            // Earlier versions, which lack some flags, can be measured too.
            if help.contains(&format!("{name} <")) {
                flags.extend([name.to_owned(), value]);
            } else {
                eprintln!("this coordinator has no {name}");
            }
        }
        flags.extend(self.further.iter().cloned());
        Ok(flags)
    }

    fn all(&self, scale: f64) -> Result<Vec<(&'static str, String)>> {
        let divided = |seconds: f64| format!("{:.6}", seconds / scale);
        let mut all: Vec<_> = DEFAULTS
            .iter()
            .map(|(name, seconds)| (*name, divided(*seconds)))
            .collect();
        let limit = match self.contribution_limit.strip_prefix("auto:") {
            None => divided(self.contribution_limit.parse().context("a limit")?),
            Some(range) => {
                let (least, most) = range.split_once('-').context("auto:MIN-MAX")?;
                let least = divided(least.parse().context("auto:MIN-MAX")?);
                let most = divided(most.parse().context("auto:MIN-MAX")?);
                format!("auto:{least}-{most}")
            }
        };
        all.extend([
            ("--contribution-limit", limit),
            ("--checkin-grace", divided(self.grace)),
            ("--lobby-checkin-tolerance", divided(self.tolerance)),
            ("--lobby-hold", divided(self.hold)),
            ("--passes", self.passes.to_string()),
            ("--lobby-rate", "0".to_owned()),
        ]);
        Ok(all)
    }
}
