//! `tauline init`: the transcript of a ceremony that nobody has contributed to yet.

use std::io;

use tauline_transcript::Sizes;
use tauline_transcript::transcript::{Format, Transcript, WriteError};

use crate::exit::Outcome;
use crate::output::OutputArgs;

/// Write the initial transcript of a ceremony.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Powers in G1 and G2 of each sub-ceremony.
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

/// The error as one of the output, which is all that can fail here.
fn io_error(error: WriteError) -> io::Error {
    match error {
        WriteError::Io(error) => error,
        other => io::Error::other(other),
    }
}
