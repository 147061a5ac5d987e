//! Progress of a long computation or transfer, for verbs other than `contribute`.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::templates::{RATE, SHARE, SPINNER, TRANSFER};
use crate::numbers;

/// The time between two lines of a plain log.
const PLAIN_INTERVAL: Duration = Duration::from_secs(10);

/// Shows a long transfer or computation, on a terminal or in a plain log.
pub struct Meter {
    bar: Option<ProgressBar>,
    task: Mutex<Task>,
}

/// What a [`Meter`] shows now.
struct Task {
    what: &'static str,
    show: Show,
    since: Instant,
    spoken: Instant,
}

/// What a [`Meter`] shows of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Only its name.
    Name,
    /// How much of it is done.
    Share,
    /// How much of it is done, how fast, and the time left.
    Rate,
    /// How much of it is done, and how many bytes a second.
    Transfer,
}

impl Show {
    fn style(self) -> ProgressStyle {
        let template = match self {
            Self::Name => SPINNER,
            Self::Share => SHARE,
            Self::Rate => RATE,
            Self::Transfer => TRANSFER,
        };
        let told = |state: &ProgressState, out: &mut dyn fmt::Write| {
            if state.pos() > 0 {
                // A bar that cannot be drawn is no reason to stop.
                let _ = out.write_str(&pace(state.per_sec(), state.eta()));
            }
        };
        ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .with_key("pace", told)
    }
}

impl Meter {
    /// Shows a transfer of bytes.
    #[must_use]
    pub fn transfer(what: &'static str) -> Self {
        Self::new(what, Show::Transfer)
    }

    /// Shows how much of a computation is done.
    #[must_use]
    pub fn share(what: &'static str) -> Self {
        Self::new(what, Show::Share)
    }

    fn new(what: &'static str, show: Show) -> Self {
        let bar = io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.set_style(show.style());
            bar.set_message(what);
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        let now = Instant::now();
        let task = Task {
            what,
            show,
            since: now,
            spoken: now,
        };
        Self {
            bar,
            task: Mutex::new(task),
        }
    }

    /// Goes on to another task, whose speed is measured anew. Does nothing if it is the same task.
    pub fn enter(&self, what: &'static str, show: Show) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.what == what {
            return;
        }
        (task.what, task.show, task.since) = (what, show, Instant::now());
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_style(show.style());
            bar.set_message(what);
        }
    }

    /// Shows that `done` of `total` is done.
    pub fn set(&self, done: u64, total: Option<u64>) {
        if let Some(bar) = &self.bar {
            if let Some(total) = total {
                bar.set_length(total);
            }
            bar.set_position(done);
            return;
        }
        let Some(total) = total.filter(|total| *total > 0) else {
            return;
        };
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if task.spoken.elapsed() >= PLAIN_INTERVAL {
            task.spoken = Instant::now();
            let text = plain(task.what, task.show, done, total, task.since.elapsed());
            drop(writeln!(io::stderr(), "{text}"));
        }
    }

    /// Changes the name of the task.
    pub fn rename(&self, what: &'static str) {
        let mut task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        task.what = what;
        if let Some(bar) = &self.bar {
            bar.set_message(what);
        }
    }

    /// Writes a line that stays.
    pub fn say(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.println(text),
            None => drop(writeln!(io::stderr(), "{text}")),
        }
    }
}

/// A line of a plain log about a task that has taken `elapsed` so far.
fn plain(what: &str, show: Show, done: u64, total: u64, elapsed: Duration) -> String {
    let mut text = format!("{what}: {} %", done * 100 / total);
    if show == Show::Rate && done > 0 {
        let per_second = done as f64 / elapsed.as_secs_f64().max(1e-3);
        let left = total.saturating_sub(done) as f64 / per_second;
        text += &format!(
            " ({} of {}{})",
            numbers::with_commas(done),
            numbers::with_commas(total),
            pace(
                per_second,
                Duration::try_from_secs_f64(left).unwrap_or(Duration::MAX)
            ),
        );
    }
    text
}

/// The speed of a task, and how long it will still take.
fn pace(per_second: f64, left: Duration) -> String {
    let left = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
    format!(
        ", {} a second, {} to go",
        numbers::with_commas(per_second as u64),
        numbers::about(left)
    )
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_log_tells_rate_and_time_left() {
        let elapsed = Duration::from_secs(20);
        assert_eq!(
            plain(
                "Checking contributions",
                Show::Rate,
                20_000,
                110_000,
                elapsed
            ),
            "Checking contributions: 18 % (20,000 of 110,000, 1,000 a second, about 1 min 30 s to go)"
        );
        assert_eq!(
            plain("Computing", Show::Share, 1, 4, elapsed),
            "Computing: 25 %"
        );
    }

    #[test]
    fn every_template_is_one() {
        for template in [SPINNER, SHARE, RATE, TRANSFER] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }
}
