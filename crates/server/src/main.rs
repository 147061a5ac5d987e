//! `tauline-server`: starts the coordinator of a ceremony and serves until it is told to stop.

use std::process::ExitCode;

fn main() -> ExitCode {
    tauline_server::run_process()
}
