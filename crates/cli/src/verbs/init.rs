//! `tauline init`: writes the transcript of a ceremony that nobody has contributed to.

use std::io;

use tauline_transcript::Sizes;
use tauline_transcript::transcript::{Format, Transcript, WriteError};

use crate::exit::Outcome;
use crate::output::OutputArgs;

/// Write the initial transcript of a ceremony, which nobody has contributed to.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The number of powers in G1 and in G2 of each sub-ceremony, as G1:G2,G1:G2.
    #[arg(long, value_name = "SIZES", default_value_t)]
    ceremony: Sizes,
    #[command(flatten)]
    output: OutputArgs,
}

/// Writes the transcript.
///
/// # Errors
/// When it cannot be written.
pub fn run(args: &Args) -> Outcome {
    args.output.check()?;
    let transcript = Transcript::initial(&args.ceremony);
    let write = |out: &mut dyn io::Write| {
        let out = transcript.write(out, Format::Json).map_err(io_error)?;
        out.write_all(b"\n")
    };
    args.output.write(write).map(|_| ())
}

/// The error as an I/O error: only the output can fail here.
fn io_error(error: WriteError) -> io::Error {
    match error {
        WriteError::Io(error) => error,
        other => io::Error::other(other),
    }
}
