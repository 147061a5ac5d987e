//! `tauline man`: the manual pages.

use std::fs;
use std::path::PathBuf;

use crate::exit::{Failure, Outcome};
use crate::output::print;

/// Write the manual pages of `tauline` and its verbs, as `man` reads them.
///
/// `tauline-server manual` prints the page of the coordinator.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory to write them to; it is made when it does not exist. Pages that are there are replaced.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
}

/// Writes a page for the command line, and one for each verb.
///
/// # Errors
/// When the directory or a page cannot be written.
pub fn run(args: &Args, command: clap::Command) -> Outcome {
    let directory = &args.directory;
    fs::create_dir_all(directory).map_err(|error| Failure::file("make", directory, &error))?;
    clap_mangen::generate_to(command, directory)
        .map_err(|error| Failure::file("write the pages to", directory, &error))?;
    print(&format!(
        "Wrote the pages to {0}. Read one: man -l {0}/tauline.1",
        directory.display()
    ))
}
