//! `tauline`: contribute to a powers-of-tau ceremony, verify one, run one.

use std::process::ExitCode;

fn main() -> ExitCode {
    tauline_cli::main()
}
