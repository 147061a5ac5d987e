//! The command line `tauline`: one file for each verb, and what the verbs share.
//!
//! | verb | does | needs |
//! |---|---|---|
//! | `contribute` | takes part: from signing in to the receipt | a coordinator |
//! | `status` | shows a ceremony | a coordinator |
//! | `watch` | shows a ceremony live | a coordinator |
//! | `transcript` | downloads the transcript, resuming where it stopped | a coordinator |
//! | `rehearse` | plays many participants, some of whom drop out | a coordinator |
//! | `verify` | checks a whole transcript | a file |
//! | `verify-contribution` | checks one contribution against its base | two files |
//! | `verify-powers` | checks powers in any published format | a file |
//! | `audit` | checks the public log against the rules | a coordinator, or a directory |
//! | `export` | writes powers as KZG libraries load them | a file |
//! | `init` | writes the initial transcript | nothing |
//! | `compute` | computes a contribution without a network | a file, or a directory that is carried |
//! | `submit` | sends a contribution that was computed without a network | a coordinator, that directory |
//! | `witness` | cosigns the checkpoints of public logs | nothing |
//! | `admin` | operates a coordinator | its data directory |
//! | `completions` | writes what a shell completes command lines by | nothing |
//! | `man` | writes the manual pages | nothing |
//!
//! Results go to standard output, and everything else to standard error. The exit codes are in
//! [`exit::Exit`]. The mathematics is in `tauline-transcript`, the messages on the wire are in
//! `tauline-protocol`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory as _, Parser, Subcommand};

pub mod carried;
pub mod check_ins;
pub mod client;
pub mod exit;
pub mod input;
pub mod interrupt;
pub mod keys;
pub mod numbers;
pub mod output;
pub mod participant;
pub mod progress;
pub mod recognised;
pub mod signin;
pub mod tickets;
pub mod times;
pub mod trust;
pub mod verbs;
pub mod work;

mod backoff;
mod documents;
mod identity;
mod public_log;
mod runtime;
mod shown;

use exit::Exit;
use verbs::{
    admin, audit, completions, compute, contribute, export, init, man, rehearse, status, submit,
    transcript, verify, verify_contribution, verify_powers, watch, witness,
};

/// Contribute to a powers-of-tau ceremony, verify one, or run one.
#[derive(Debug, Parser)]
#[command(
    name = "tauline",
    version,
    term_width = 100,
    after_help = "Exit codes: 0 good; 1 the thing checked is bad, or the coordinator said no; \
                  2 usage; 3 network or files (trying again, or another file, can help)."
)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Contribute(contribute::Args),
    Status(status::Args),
    Watch(watch::Args),
    Verify(verify::Args),
    VerifyContribution(verify_contribution::Args),
    VerifyPowers(verify_powers::Args),
    Audit(Box<audit::Args>),
    Export(export::Args),
    Init(init::Args),
    Transcript(transcript::Args),
    Compute(compute::Args),
    Submit(submit::Args),
    Witness(witness::Args),
    Rehearse(rehearse::Args),
    Admin(admin::Args),
    Completions(completions::Args),
    Man(man::Args),
}

/// Runs the verb of the command line and returns its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().verb {
        Verb::Contribute(args) => contribute::run(args),
        Verb::Status(args) => status::run(&args),
        Verb::Watch(args) => watch::run(&args),
        Verb::Verify(args) => verify::run(&args),
        Verb::VerifyContribution(args) => verify_contribution::run(&args),
        Verb::VerifyPowers(args) => verify_powers::run(&args),
        Verb::Audit(args) => audit::run(&args),
        Verb::Export(args) => export::run(&args),
        Verb::Init(args) => init::run(&args),
        Verb::Transcript(args) => transcript::run(&args),
        Verb::Compute(args) => compute::run(&args),
        Verb::Submit(args) => submit::run(args),
        Verb::Witness(args) => witness::run(args),
        Verb::Rehearse(args) => rehearse::run(&args),
        Verb::Admin(args) => admin::run(&args),
        Verb::Completions(args) => completions::run(&args, Cli::command()),
        Verb::Man(args) => man::run(&args, Cli::command()),
    };
    let exit = match outcome {
        Ok(()) => Exit::Good,
        Err(failure) => {
            // A closed standard error must not turn an exit code into a panic.
            drop(writeln!(std::io::stderr(), "{failure}"));
            failure.exit()
        }
    };
    exit.into()
}
