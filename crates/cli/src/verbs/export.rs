//! `tauline export`: writes one sub-ceremony's powers in the formats that KZG libraries load.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::ValueEnum;
use tauline_transcript::Powers;
use tauline_transcript::export::{ExportError, ExportFormat, export_powers};
use tauline_transcript::known_secret::known_secret_of;

use crate::documents::{sub_ceremony_powers, verified_powers};
use crate::exit::{Failure, Outcome};
use crate::input::{Input, Limits};
use crate::output::OutputArgs;
use crate::recognised::{Wanted, want};

/// Write a sub-ceremony's powers as a file that KZG libraries load.
///
/// The powers are checked first, and their fingerprint is written to standard error. Whether they
/// result from the contributions in the transcript is not checked: use `tauline verify` for that.
/// Powers whose secret is known, such as those that nobody has contributed to, are refused.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The transcript; `-` is standard input.
    #[arg(value_name = "TRANSCRIPT")]
    transcript: PathBuf,
    /// The sub-ceremony, by its number of powers in G1.
    #[arg(long, value_name = "POWERS")]
    sub_ceremony: usize,
    /// Format of the file.
    #[arg(long, value_enum)]
    format: Format,
    /// File to write [default: standard output].
    #[arg(short = 'o', long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Replace the file if it exists, and export powers even if their secret is known.
    #[arg(long)]
    force: bool,
}

/// The formats that KZG libraries load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// `trusted_setup.txt` of c-kzg-4844.
    CKzg,
    /// `trusted_setup_4096.json` of the consensus specifications.
    Consensus,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::CKzg => Self::CKzg,
            Format::Consensus => Self::Consensus,
        }
    }
}

/// Writes the powers.
///
/// # Errors
/// Powers that are not valid, or files that cannot be read or written.
pub fn run(args: &Args) -> Outcome {
    let output = OutputArgs::new(args.output.clone(), args.force);
    output.check()?;
    let input = Input::open(&args.transcript, Limits::TRANSCRIPT)?;
    want(&input, Wanted::Transcript)?;
    let powers = sub_ceremony_powers(&input, args.sub_ceremony)?;
    let powers = verified_powers(&input, &powers)?;
    check_secret(&input, &powers, args.force)?;
    let mut refused = None;
    let written = output.write(|out| {
        export_powers(out, args.format.into(), &powers).map_err(|error| match error {
            ExportError::Io(error) => error,
            other => {
                refused = Some(other.to_string());
                io::Error::other("not written")
            }
        })
    });
    if let Some(why) = refused {
        return Err(Failure::bad(why));
    }
    let fingerprint = powers.mark().fingerprint;
    let text = match written? {
        Some(path) => {
            let path = path.display();
            format!(
                "Wrote {path}. Fingerprint of its powers: {fingerprint}\n\
                 Check it: tauline verify-powers {path} --expect {fingerprint}"
            )
        }
        None => format!("Fingerprint of the powers: {fingerprint}"),
    };
    drop(writeln!(io::stderr(), "{text}"));
    Ok(())
}

/// Refuses powers whose secret is known, or warns of them if they are asked for.
fn check_secret(input: &Input, powers: &Powers, is_forced: bool) -> Outcome {
    let Some(secret) = known_secret_of(powers.g1()) else {
        return Ok(());
    };
    let text = format!(
        "{}: the secret of these powers is known: {secret}",
        input.name()
    );
    if secret.is_public() && !is_forced {
        return Err(Failure::bad(text).help("for tests, export them with --force"));
    }
    drop(writeln!(io::stderr(), "WARNING  {text}"));
    Ok(())
}
