//! `tauline compute`: computes a contribution on a machine without a network.

use std::io::Write;
use std::path::{Path, PathBuf};

use rand_core::OsRng;
use tauline_protocol::Identity;
use tauline_transcript::identity::IdentityKind;
use tauline_transcript::{Base, Sizes, verify};

use crate::carried::Carried;
use crate::client::Form;
use crate::documents;
use crate::exit::{Failure, Outcome};
use crate::identity::parse_identity;
use crate::input::{self, Input, Limits};
use crate::keys::{self, KeyFile};
use crate::numbers;
use crate::output::{self, OutputArgs};
use crate::progress::Meter;
use crate::work::{self, Work};

/// Compute a contribution without a network.
///
/// With DIR: `tauline contribute --offline DIR` has written the powers to it on another machine.
/// The contribution is written to DIR, too, which is then carried back. The secrets are made here
/// and never written anywhere.
///
/// With --base and --identity: BASE holds the powers that the coordinator hands out at
/// `contribution/start`, or is a transcript. The result is what `contribution/complete` takes.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory with the powers of a turn that was carried here.
    #[arg(
        value_name = "DIR",
        conflicts_with_all = ["base", "identity", "ceremony", "form", "output", "force"]
    )]
    dir: Option<PathBuf>,
    /// The powers to build on: a base, a contribution, or a transcript.
    #[arg(long, value_name = "BASE", required_unless_present = "dir")]
    base: Option<PathBuf>,
    /// Who contributes: eth|0x…, git|ID|LOGIN or invite|NAME. The contribution's BLS signatures
    /// sign this identity.
    #[arg(long, value_name = "ID", value_parser = parse_identity, required_unless_present = "dir")]
    identity: Option<Identity>,
    /// File of the Ethereum key with which to sign the contribution, if the identity is its
    /// account. With DIR it is not needed: the other machine adds that signature.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// File whose bytes are mixed into the secrets, in addition to the system's randomness; `-` is
    /// what you type.
    #[arg(long, value_name = "FILE")]
    entropy_file: Option<PathBuf>,
    /// The ceremony's sizes, which BASE must have [default: those that BASE states; for a
    /// transcript, those of the Ethereum ceremony].
    #[arg(long, value_name = "SIZES")]
    ceremony: Option<Sizes>,
    /// Form of the result.
    #[arg(long, value_enum, default_value_t = Form::Json)]
    form: Form,
    #[command(flatten)]
    output: OutputArgs,
}

/// Computes the contribution.
///
/// # Errors
/// A base that is not valid, or files that cannot be read or written.
pub fn run(args: &Args) -> Outcome {
    match (&args.dir, &args.base, &args.identity) {
        (Some(dir), ..) => for_turn(args, dir),
        (None, Some(path), Some(identity)) => alone(args, path, identity),
        (None, ..) => Err(Failure::usage("say what to compute")
            .help("give a directory that was carried here, or --base and --identity")),
    }
}

/// Computes the contribution of a turn that was carried here.
fn for_turn(args: &Args, dir: &Path) -> Outcome {
    let turn = Carried::at(dir).known_turn()?;
    let carried = Carried::make(dir)?;
    let base = work::read_base(&carried.powers(&turn)?, &turn.ceremony)?;
    let path = carried.contribution_file(&turn);
    let name = path.display();
    let next = format!(
        "Carry {} back to the machine with the network by {}.",
        dir.display(),
        turn.ends_at_text()
    );
    if let Some(bytes) = carried.contribution(&turn)? {
        let there = work::read_document(&bytes).ok();
        if there.is_some_and(|document| verify(&base, &document, &mut OsRng).is_ok()) {
            return output::print(&format!("Computed already: {name}. {next}"));
        }
        drop(writeln!(
            std::io::stderr(),
            "{name} is not a whole contribution to these powers: it is replaced."
        ));
    }
    let work = compute(args, &base, &turn.identity, turn.form, false)?;
    output::write_file(&path, true, |out| out.write_all(&work.document.to_vec()))?;
    output::print(&format!(
        "Computed the contribution of {}: {} in {name}. {next}",
        turn.identity,
        numbers::bytes(work.document.len())
    ))
}

/// Computes a contribution to the powers in a file.
fn alone(args: &Args, path: &Path, identity: &Identity) -> Outcome {
    args.output.check()?;
    own_key(args, identity)?;
    let input = Input::open(path, Limits::TRANSCRIPT)?;
    let base = documents::base(&input, args.ceremony.as_ref())?;
    let work = compute(args, &base, identity, args.form, true)?;
    let written = args
        .output
        .write(|out| out.write_all(&work.document.to_vec()))?;
    if let Some(to) = written {
        drop(writeln!(
            std::io::stderr(),
            "Computed a contribution of {identity} to {}: {} in {}.",
            path.display(),
            numbers::bytes(work.document.len()),
            to.display()
        ));
    }
    Ok(())
}

/// The key of `--key`, which has to be the identity's own.
fn own_key(args: &Args, identity: &Identity) -> Outcome<Option<KeyFile>> {
    let Some(file) = args.key.as_deref().map(KeyFile::read).transpose()? else {
        return Ok(None);
    };
    let own = Identity::eth(keys::address(&file.key));
    if own != *identity {
        return Err(Failure::usage(format!(
            "the key of {} is not {identity}'s, but {own}'s",
            file.path.display(),
        ))
        .help("give the identity of the key's account, or leave --key out"));
    }
    Ok(Some(file))
}

/// Computes, and shows the progress. `is_signed_here` says that no other machine signs afterwards.
fn compute(
    args: &Args,
    base: &Base,
    identity: &Identity,
    form: Form,
    is_signed_here: bool,
) -> Outcome<Work> {
    let key = own_key(args, identity)?;
    let entropy = input::entropy(args.entropy_file.as_deref())?;
    let meter = Meter::share("Computing");
    if is_signed_here && key.is_none() && identity.kind() == IdentityKind::Ethereum {
        meter.say("note: without --key the contribution carries no Ethereum signature; it is valid without");
    }
    let progress = work::Counter::default();
    let work = std::thread::scope(|scope| {
        let computation = scope.spawn(|| {
            let key = key.as_ref().map(|file| &file.key);
            work::contribute(base, identity, key, &entropy, form, &progress)
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
    Ok(work)
}
