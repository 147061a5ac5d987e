//! `tauline contribute`: takes part, from signing in to the receipt.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::status::{CeremonyStatus, ModeWord};
use tauline_transcript::{Size, Sizes, SizesError};
use zeroize::Zeroizing;

use crate::carried::Carried;
use crate::check_ins::CheckInThread;
use crate::client::{self, Client, Form, parse_server};
use crate::exit::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::participant::{Accepted, Offline, Participant, ParticipantSettings};
use crate::progress::Screen;
use crate::runtime::online;
use crate::trust::Trust;
use crate::{input, numbers, output};

mod credential;

pub(super) use credential::SignInArgs;

/// How long calls are repeated while the coordinator does not answer. Moving a coordinator to
/// another machine may take hours, and costs nobody a place (`docs/spec/queue.md#absence`).
const PATIENCE: Duration = Duration::from_secs(12 * 3600);

/// Contribute to a ceremony: sign in, wait in line, compute, and keep the receipt.
///
/// Keep the program running until it says that the contribution is accepted. A cut connection or a
/// restarted coordinator costs nothing: the program goes on by itself, and it waits while the
/// ceremony is paused. If the ceremony moves to another coordinator, the program goes there, once the
/// public log of the first one shows that it is the right one.
///
/// Ctrl-C gives up the place in the queue, or the turn; on a terminal, it asks first. An identity
/// that has left cannot come back. A closed terminal, a logout or SIGTERM ends the program and
/// keeps the place for a while; it says for how long. Run it again with the same identity to take
/// up the same place, or to fetch the receipt again.
///
/// It signs in with an Ethereum key if the ceremony accepts them, and otherwise with an account in
/// a browser; --sign-in chooses. With --offline, another machine without a network computes the
/// contribution.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The coordinator's address.
    #[arg(long, value_name = "URL", env = "TAULINE_SERVER", value_parser = parse_server)]
    server: Url,
    #[command(flatten)]
    sign_in: SignInArgs,
    #[command(flatten)]
    trust: Trust,
    /// Compute on another machine, which needs no network. When the turn comes, the powers are
    /// written to this directory. Carry it to the other machine, run `tauline compute DIR` there,
    /// and carry it back: the contribution is then sent. Nothing in the directory is secret.
    #[arg(long, value_name = "DIR", conflicts_with = "entropy_file")]
    offline: Option<PathBuf>,
    /// File whose bytes are mixed into the secrets, in addition to the system's randomness; `-` is
    /// what you type.
    #[arg(long, value_name = "FILE")]
    entropy_file: Option<PathBuf>,
    /// File to write the receipt to [default: tauline-receipt-TICKET.json].
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Form in which powers are sent and received. If a proxy refuses bodies of that size, the
    /// contribution is sent in the smallest form, msgpack.
    #[arg(long, value_enum, default_value_t = Form::MsgpackUncompressed)]
    form: Form,
}

/// Takes part, and keeps the receipt.
///
/// # Errors
/// Why there is no receipt.
pub fn run(args: Args) -> Outcome {
    let offline = args.offline.as_deref().map(Carried::make).transpose()?;
    let entropy = input::entropy(args.entropy_file.as_deref())?;
    take_part(Plan {
        server: args.server,
        sign_in: args.sign_in,
        trust: args.trust,
        entropy: Arc::new(entropy),
        receipt: args.receipt,
        form: args.form,
        offline: offline.map(|carried| Offline {
            carried,
            waits: true,
        }),
    })
}

/// The settings of `contribute` and `submit`.
pub(super) struct Plan {
    pub(super) server: Url,
    pub(super) sign_in: SignInArgs,
    pub(super) trust: Trust,
    pub(super) entropy: Arc<Zeroizing<Vec<u8>>>,
    pub(super) receipt: Option<PathBuf>,
    pub(super) form: Form,
    pub(super) offline: Option<Offline>,
}

/// Takes part, or sends what another machine has computed, and keeps the receipt.
pub(super) fn take_part(plan: Plan) -> Outcome {
    if let Some(path) = &plan.receipt {
        output::check_new(path)?;
    }
    let screen = Arc::new(Screen::new());
    let outcome = online(contribute(plan, &screen));
    screen.close(outcome.is_ok());
    outcome
}

async fn contribute(plan: Plan, screen: &Arc<Screen>) -> Outcome {
    let http = client::http(&plan.server)?;
    let client = Client::new(http, plan.server.clone());
    let status = client.first_status().await?;
    let sizes = sizes(&status)
        .map_err(|error| Failure::bad(format!("{} is not understood: {error}", plan.server)))?;
    introduce(&plan.server, &status, screen);
    let coordinator = plan.trust.coordinator(&plan.server, &status)?;
    let credential = plan.sign_in.credential(&status, screen)?;
    let settings = ParticipantSettings {
        sizes,
        form: plan.form,
        probes: true,
        check_ins: CheckInThread::start(&plan.server)?,
        entropy: plan.entropy,
        glances: None,
        patience: PATIENCE,
        coordinator,
        moved_to: status.moved_to,
        // Beside the receipt.
        tickets: Some(PathBuf::from(match &plan.receipt {
            Some(path) => output::parent(path),
            None => Path::new("."),
        })),
        offline: plan.offline,
    };
    let asks = io::stdin().is_terminal() && io::stderr().is_terminal();
    let asked = Arc::clone(screen);
    let interrupt = Interrupt::listen_and_ask(asks.then_some(move || asked.ask_to_leave()))?;
    let mut participant =
        Participant::new(client, credential, &settings, screen.as_ref(), interrupt);
    let accepted = participant.contribute().await?;
    screen.close(true);
    let coordinator = participant.coordinator();
    conclude(plan.receipt.as_deref(), coordinator, &accepted)
}

/// The ceremony's sizes, as its status states them.
pub(crate) fn sizes(status: &CeremonyStatus) -> Result<Sizes, SizesError> {
    let sizes = status.sub_ceremonies.iter().map(|sub| Size {
        g1: sub.num_g1_powers as usize,
        g2: sub.num_g2_powers as usize,
    });
    Sizes::new(sizes.collect())
}

fn introduce(server: &Url, status: &CeremonyStatus, screen: &Screen) {
    let wait = match (status.queue_length, &status.turn) {
        _ if status.mode == ModeWord::Halted => "nobody is called while it is".to_owned(),
        (0, None) => "nobody is waiting".to_owned(),
        (0, Some(_)) => {
            format!(
                "one turn is running; {} to wait",
                numbers::about(status.expected_wait_in_ms)
            )
        }
        (n, _) => format!(
            "{} in line; {} to wait",
            numbers::with_commas(n),
            numbers::about(status.expected_wait_in_ms)
        ),
    };
    let contributions = numbers::count(status.contributions, "contribution");
    screen.say(&match &status.moved_to {
        Some(_) => format!(
            "The ceremony at {server} was handed over to another coordinator, after {contributions}."
        ),
        None => format!(
            "Ceremony at {server} is {}: {contributions} so far, {wait}.",
            status.mode.as_str(),
        ),
    });
    if server.scheme() == "http" && !client::is_loopback(server) {
        screen.say(
            "warning: http:// is not encrypted: others on the way could take over your session. \
             Use https:// if the coordinator has it.",
        );
    }
}

/// Saves the receipt before anything else, then checks it.
fn conclude(receipt: Option<&Path>, coordinator: &str, accepted: &Accepted) -> Outcome {
    let saved = save(receipt, accepted);
    let path = match saved {
        Ok(path) => path,
        Err(failure) => {
            // The receipt must not be lost because the disk is full.
            output::print_json(&accepted.receipt)?;
            return Err(failure.help("the contribution is accepted; its receipt is printed above"));
        }
    };
    let ticket = accepted
        .ticket
        .map(|ticket| format!(", ticket {ticket}"))
        .unwrap_or_default();
    let of_another_run = accepted.is_of_another_run(coordinator);
    match accepted.pot_pubkeys.is_some() && !of_another_run {
        true => output::print(&format!(
            "Contribution accepted: {}{ticket}.",
            accepted.identity
        ))?,
        false => output::print(&format!(
            "{} has contributed already{ticket}; this is the receipt again.",
            accepted.identity
        ))?,
    }
    output::print(&format!("Receipt: {}", path.display()))?;
    if of_another_run {
        return Err(Failure::bad(
            "another run of yours contributed; the secret of this one is not in it",
        )
        .help(format!(
            "{} has the receipt of what counted. If this was your only run, somebody else \
             may have your key or invitation",
            path.display()
        )));
    }
    accepted.check_receipt(coordinator).map_err(|error| {
        Failure::bad(format!(
            "the contribution is accepted, but its receipt is wrong: {error}"
        ))
        .help("keep the file and tell the ceremony's operator")
    })?;
    let witness = match accepted.pot_pubkeys.is_some() {
        true => " and names your public keys",
        false => "",
    };
    output::print(&format!(
        "The receipt is signed by the coordinator, {coordinator}{witness}."
    ))
}

/// Writes the receipt to the file asked for, or to a name that is free.
fn save(asked: Option<&Path>, accepted: &Accepted) -> Outcome<PathBuf> {
    if let Some(path) = asked {
        return write(path, &accepted.receipt).map(|()| path.to_owned());
    }
    let content = content(&accepted.receipt)?;
    let ticket = accepted.ticket.map(|ticket| format!("-{ticket}"));
    let stem = format!("tauline-receipt{}", ticket.unwrap_or_default());
    let mut path = PathBuf::from(format!("{stem}.json"));
    for number in 2.. {
        match fs::read(&path) {
            // An earlier run has saved it.
            Ok(there) if there == content => return Ok(path),
            _ if path.symlink_metadata().is_err() => break,
            _ => path = PathBuf::from(format!("{stem}-{number}.json")),
        }
    }
    write(&path, &accepted.receipt).map(|()| path)
}

fn content(receipt: &SignedReceipt) -> Outcome<Vec<u8>> {
    let mut content = serde_json::to_vec_pretty(receipt).map_err(|e| Failure::io(e.to_string()))?;
    content.push(b'\n');
    Ok(content)
}

fn write(path: &Path, receipt: &SignedReceipt) -> Outcome {
    let content = content(receipt)?;
    output::write_file(path, false, |out| out.write_all(&content))
}
