//! `tauline completions`: a script by which a shell completes command lines.

use clap_complete::{Shell, generate};

use crate::exit::Outcome;
use crate::output::print;

/// Write a script to standard output by which a shell completes the arguments of `tauline`.
///
/// Where shells look for it: bash, `~/.local/share/bash-completion/completions/tauline`; zsh, a file
/// `_tauline` in a directory of `$fpath`; fish, `~/.config/fish/completions/tauline.fish`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell.
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes the script for this command line.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(args: &Args, mut command: clap::Command) -> Outcome {
    let name = command.get_name().to_owned();
    let mut script: Vec<u8> = Vec::new();
    generate(args.shell, &mut command, name, &mut script);
    print(String::from_utf8_lossy(&script).trim_end())
}
