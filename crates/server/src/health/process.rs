//! What Linux tells of this process, in the text format of Prometheus and under the names that its own
//! libraries use. Elsewhere little is told.

use std::fmt::Write as _;
use std::fs;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use tauline_queue_core::Timestamp;

/// The lines of the page, for a process that began at this time.
pub(super) fn page(began: Timestamp) -> String {
    let mut page = String::new();
    for (name, kind, help, value) in values(began) {
        if let Some(value) = value {
            let _ = writeln!(page, "# HELP {name} {help}\n# TYPE {name} {kind}");
            let _ = writeln!(page, "{name} {value}\n");
        }
    }
    page
}

/// Names, kinds, explanations and values.
type Value = (&'static str, &'static str, &'static str, Option<f64>);

fn values(began: Timestamp) -> [Value; 5] {
    let usage = Usage::read();
    let usage = usage.as_ref();
    let most_files = getrlimit(Resource::Nofile).current;
    [
        (
            "process_cpu_seconds_total",
            "counter",
            "Processor time, in seconds.",
            usage.map(|usage| usage.processor_time),
        ),
        (
            "process_resident_memory_bytes",
            "gauge",
            "Memory that is in use.",
            usage.map(|usage| usage.resident),
        ),
        (
            "process_open_fds",
            "gauge",
            "Open files, connections among them.",
            open_files(),
        ),
        (
            "process_max_fds",
            "gauge",
            "How many files may be open.",
            most_files.map(|most| most as f64),
        ),
        (
            "process_start_time_seconds",
            "gauge",
            "When the process was started, in Unix seconds.",
            Some(began.as_millis() as f64 / 1000.0),
        ),
    ]
}

/// From `/proc/self/stat`.
#[derive(Debug, PartialEq)]
struct Usage {
    /// In seconds.
    processor_time: f64,
    /// In bytes.
    resident: f64,
}

impl Usage {
    fn read() -> Option<Self> {
        let text = fs::read_to_string("/proc/self/stat").ok()?;
        Self::parse(&text, clock_ticks_per_second(), page_size())
    }

    /// The numbers are those of proc(5): 14 and 15 are processor time, 24 is the memory.
    fn parse(text: &str, ticks: u64, page: usize) -> Option<Self> {
        // The second is the program's name in parentheses, which may hold anything.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let number = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
        let seconds = |field| Some(number(field)? / ticks as f64);
        Some(Self {
            processor_time: seconds(14)? + seconds(15)?,
            resident: number(24)? * page as f64,
        })
    }
}

fn open_files() -> Option<f64> {
    let files = fs::read_dir("/proc/self/fd").ok()?;
    Some(files.count() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_those_of_the_manual() {
        let text = "4711 (a) b (c) S 1 1 1 0 -1 4194560 9 0 0 0 250 50 0 0 20 0 8 0 12345 99999 300 18446744073709551615";
        let usage = Usage::parse(text, 100, 4096).unwrap();
        let expected = Usage {
            processor_time: 3.0,
            resident: 1_228_800.0,
        };
        assert_eq!(usage, expected);
        assert_eq!(Usage::parse("4711 (a) S 1", 100, 4096), None);
        assert_eq!(Usage::parse("", 100, 4096), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_is_known() {
        let page = page(Timestamp::from_millis(1_790_000_000_000));
        for name in [
            "process_cpu_seconds_total",
            "process_resident_memory_bytes",
            "process_open_fds",
            "process_max_fds",
            "process_start_time_seconds",
        ] {
            let line = page.lines().find(|line| line.starts_with(name));
            let value: f64 = line
                .and_then(|line| line.split_once(' '))
                .and_then(|(_, value)| value.parse().ok())
                .unwrap_or_else(|| panic!("{name}: {page}"));
            assert!(value >= 0.0);
        }
    }
}
