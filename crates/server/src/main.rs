//! `tauline-server`: starts the coordinator of a ceremony and serves until it is told to stop.

use std::process::ExitCode;

fn main() -> ExitCode {
    // For tests and comparisons: keeps the vector instructions out.
    if std::env::var_os("TAULINE_FIELD").is_some_and(|value| value == "portable") {
        tauline_transcript::use_portable_arithmetic();
    }
    tauline_server::run_process()
}
