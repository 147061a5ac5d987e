//! Entropy from the user.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::exit::{Failure, Outcome};

/// Most entropy that is read, in bytes. More than a few hundred bytes add nothing.
const MAX_LEN: u64 = 1 << 20;

/// Reads entropy from a file, or from standard input for `-`: what is typed until Ctrl-D.
///
/// # Errors
/// A file that is empty or cannot be read.
pub fn entropy(path: Option<&Path>) -> Outcome<Zeroizing<Vec<u8>>> {
    let Some(path) = path else {
        return Ok(Zeroizing::new(Vec::new()));
    };
    let is_stdin = path.as_os_str() == "-";
    // Allocated at its full size: a buffer that grows leaves copies behind.
    let mut entropy = Zeroizing::new(Vec::with_capacity(MAX_LEN as usize + 1));
    let read = match is_stdin {
        true => {
            if io::IsTerminal::is_terminal(&io::stdin()) {
                drop(io::Write::write_all(
                    &mut io::stderr(),
                    b"Type as you like, then Enter and Ctrl-D. It is mixed with the system's own randomness.\n",
                ));
            }
            io::stdin().lock().take(MAX_LEN).read_to_end(&mut entropy)
        }
        // A device such as /dev/random never ends: reading stops at the limit.
        false => File::open(path).and_then(|file| file.take(MAX_LEN).read_to_end(&mut entropy)),
    };
    read.map_err(|error| Failure::file("read", path, &error))?;
    match entropy.is_empty() {
        true => Err(Failure::usage(format!(
            "there is no entropy in {}: it is empty",
            path.display()
        ))
        .help("leave the flag out to use the system's randomness alone")),
        false => Ok(entropy),
    }
}
