//! `tauline submit`: sends a contribution that was computed without a network.

use std::path::PathBuf;
use std::sync::Arc;

use reqwest::Url;
use zeroize::Zeroizing;

use crate::carried::Carried;
use crate::client::parse_server;
use crate::exit::{Failure, Outcome};
use crate::participant::Offline;
use crate::trust::Trust;
use crate::verbs::contribute::{Plan, SignInArgs, take_part};

/// Send a contribution that was computed without a network.
///
/// `tauline contribute --offline DIR` does this itself while it runs. Use this verb when that
/// program has ended, or when the directory comes back under another name. It signs in as the same
/// participant, without joining, verifies the contribution, sends it in the turn that it was
/// computed for, and keeps the receipt. Run it again to fetch the receipt again.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The directory that was carried back.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The coordinator's address [default: the one from which the powers came].
    #[arg(long, value_name = "URL", env = "TAULINE_SERVER", value_parser = parse_server)]
    server: Option<Url>,
    #[command(flatten)]
    sign_in: SignInArgs,
    #[command(flatten)]
    trust: Trust,
    /// File to write the receipt to [default: tauline-receipt-TICKET.json].
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
}

/// Sends the contribution, and keeps the receipt.
///
/// # Errors
/// Why there is no receipt.
pub fn run(args: Args) -> Outcome {
    let carried = Carried::at(&args.dir);
    let turn = carried.known_turn()?;
    let altered = |why: &dyn std::fmt::Display| {
        Failure::bad(format!(
            "the turn in {} is not understood: {why}",
            args.dir.display()
        ))
        .help("copy the directory again")
    };
    let server = match args.server {
        Some(server) => server,
        None => parse_server(&turn.server).map_err(|error| altered(&error))?,
    };
    let trust = args.trust.or(&turn.coordinator_address);
    take_part(Plan {
        server,
        sign_in: args.sign_in,
        trust: trust.map_err(|error| altered(&error))?,
        entropy: Arc::new(Zeroizing::new(Vec::new())),
        receipt: args.receipt,
        form: turn.form,
        offline: Some(Offline {
            carried,
            waits: false,
        }),
    })
}
