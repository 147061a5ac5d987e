//! `tauline compute`: the participant's work alone, for a machine without a network.

use std::io::Write;
use std::path::PathBuf;

use tauline_protocol::Identity;
use tauline_transcript::Sizes;
use tauline_transcript::identity::{IdentityError, IdentityKind};

use crate::client::Form;
use crate::exit::{Failure, Outcome};
use crate::input::{self, Input, Limits};
use crate::keys::{self, KeyFile};
use crate::output::OutputArgs;
use crate::progress::Meter;
use crate::verbs::verify_contribution::base;
use crate::{words, work};

/// Compute a contribution to powers in a file, without a network.
///
/// BASE is what the coordinator hands out at `contribution/start`, or a transcript. The result is
/// what `contribution/complete` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The powers to build on: a base, a contribution, or a transcript.
    #[arg(long, value_name = "BASE")]
    base: PathBuf,
    /// Who contributes: eth|0x…, git|ID|LOGIN or invite|NAME. The contribution's BLS signatures
    /// are over this.
    #[arg(long, value_name = "ID", value_parser = parse_identity)]
    identity: Identity,
    /// File of the Ethereum key that signs the contribution, if the identity is its account.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// File whose bytes are mixed into the secrets, beside the system's randomness; `-` is what you type.
    #[arg(long, value_name = "FILE")]
    entropy_file: Option<PathBuf>,
    /// The ceremony's sizes, which BASE has to have [default: those that BASE
    /// states; for a transcript, the Ethereum ceremony's].
    #[arg(long, value_name = "SIZES")]
    ceremony: Option<Sizes>,
    /// Form of the result.
    #[arg(long, value_enum, default_value_t = Form::Json)]
    form: Form,
    #[command(flatten)]
    output: OutputArgs,
}

/// Reads an identity; an Ethereum address may be in mixed case, and may stand alone.
pub(crate) fn parse_identity(text: &str) -> Result<Identity, IdentityError> {
    if text.starts_with("0x") {
        return parse_identity(&format!("eth|{text}"));
    }
    match text.strip_prefix("eth|") {
        Some(address) => format!("eth|{}", address.to_ascii_lowercase()).parse(),
        None => text.parse(),
    }
}

/// Computes.
///
/// # Errors
/// A base that is not valid, or files that cannot be read or written.
pub fn run(args: &Args) -> Outcome {
    args.output.check()?;
    let key = args.key.as_deref().map(KeyFile::read).transpose()?;
    if let Some(file) = &key {
        let own = Identity::eth(keys::address(&file.key));
        if own != args.identity {
            return Err(Failure::usage(format!(
                "the key of {} is not {}'s, but {own}'s",
                file.path.display(),
                args.identity
            ))
            .help("give the identity of the key's account, or leave --key out"));
        }
    }
    let entropy = input::entropy(args.entropy_file.as_deref())?;
    let base = base(
        &Input::open(&args.base, Limits::TRANSCRIPT)?,
        args.ceremony.as_ref(),
    )?;

    let meter = Meter::share("Computing");
    if key.is_none() && args.identity.kind() == IdentityKind::Ethereum {
        meter.say("note: without --key the contribution carries no Ethereum signature; it is valid without");
    }
    let progress = work::Meter::default();
    let work = std::thread::scope(|scope| {
        let computation = scope.spawn(|| {
            let key = key.as_ref().map(|file| &file.key);
            work::contribute(&base, &args.identity, key, &entropy, args.form, &progress)
        });
        while !computation.is_finished() {
            let (done, total) = progress.read();
            meter.set(done, total);
            std::thread::park_timeout(std::time::Duration::from_millis(100));
        }
        computation
            .join()
            .unwrap_or_else(|_| Err(Failure::bad("the computation failed")))
    })?;
    drop(meter);
    let written = args
        .output
        .write(|out| out.write_all(&work.document.to_vec()))?;
    if let Some(path) = written {
        drop(writeln!(
            std::io::stderr(),
            "Computed a contribution of {} to {}: {} in {}.",
            args.identity,
            args.base.display(),
            words::bytes(work.document.len()),
            path.display()
        ));
    }
    Ok(())
}
