//! What the coordinator's own program says when it is started.

use std::io::{BufRead as _, BufReader};
use std::process::Child;

/// The line on standard output with which the program says where it serves.
pub(crate) fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    line
}

/// The address in that line.
pub(crate) fn address(line: &str) -> Option<String> {
    let address = line.trim().strip_prefix("tauline-server listens on ")?;
    Some(address.to_owned())
}
