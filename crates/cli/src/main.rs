//! `tauline`: contribute to a powers-of-tau ceremony, verify one, run one.

use std::process::ExitCode;

fn main() -> ExitCode {
    // For tests and comparisons: keeps the vector instructions out.
    if std::env::var_os("TAULINE_FIELD").is_some_and(|value| value == "portable") {
        tauline_transcript::use_portable_arithmetic();
    }
    tauline_cli::main()
}
