//! `tauline contribute`: a participant's whole life, from signing in to the receipt.

use std::fs;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::status::{CeremonyStatus, ModeWord, SignInMethod};
use tauline_transcript::sizes::SizesError;
use tauline_transcript::{Size, Sizes};
use zeroize::Zeroizing;

use crate::client::{self, Client, Form, parse_server};
use crate::exit::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::keys::KeyFile;
use crate::participant::{Accepted, Participant, Settings};
use crate::progress::Screen;
use crate::pulse::Pulse;
use crate::signin::Credential;
use crate::verbs::status;
use crate::{input, online, output, words};

/// How long a coordinator that does not answer is asked again. Ours: a handover to another
/// machine may take hours, and costs nobody a place (`http-queue-api.md`, Deadlines).
const PATIENCE: Duration = Duration::from_secs(12 * 3600);

/// Contribute to a ceremony: sign in, wait in line, compute, and keep the receipt.
///
/// Keep the program running until it says that the contribution is accepted. A cut connection or
/// a restarted coordinator costs nothing: it goes on by itself. Ctrl-C gives the place in the
/// queue, or the turn, up, on a terminal after a question; an identity that has left cannot come
/// back. A closed terminal, a logout or SIGTERM ends it and keeps the place for as long as it
/// says. Running it again with the same identity takes up the same place, or fetches the receipt
/// again. While the ceremony is paused, it waits.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The coordinator's address.
    #[arg(long, value_name = "URL", env = "TAULINE_SERVER", value_parser = parse_server)]
    server: Url,
    /// File of the Ethereum key to sign in with: 64 hex digits. Made, readable by you alone, when
    /// it does not exist [default: tauline/ethereum.key in $XDG_DATA_HOME or ~/.local/share].
    #[arg(long, value_name = "FILE", conflicts_with = "invite")]
    key: Option<PathBuf>,
    /// Invitation code to sign in with. The environment variable keeps it out of the list of
    /// processes.
    #[arg(
        long,
        value_name = "CODE",
        env = "TAULINE_INVITE",
        hide_env_values = true
    )]
    invite: Option<String>,
    /// File whose bytes are mixed into the secrets, beside the system's randomness; `-` is what you type.
    #[arg(long, value_name = "FILE")]
    entropy_file: Option<PathBuf>,
    /// Where the receipt goes [default: tauline-receipt-TICKET.json].
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Form in which the powers travel. If a proxy on the way refuses bodies of that size, the
    /// contribution goes in the smallest, msgpack.
    #[arg(long, value_enum, default_value_t = Form::MsgpackUncompressed)]
    form: Form,
}

/// Contributes.
///
/// # Errors
/// Why there is no receipt.
pub fn run(args: Args) -> Outcome {
    if let Some(path) = &args.receipt {
        output::check_new(path)?;
    }
    let entropy = Arc::new(input::entropy(args.entropy_file.as_deref())?);
    let screen = Arc::new(Screen::new());
    let outcome = online(contribute(args, entropy, &screen));
    screen.close(outcome.is_ok());
    outcome
}

async fn contribute(args: Args, entropy: Arc<Zeroizing<Vec<u8>>>, screen: &Arc<Screen>) -> Outcome {
    let http = client::http(&args.server)?;
    let client = Client::new(http, args.server.clone());
    let status = client
        .status()
        .await
        .map_err(|e| e.into_failure(&args.server))?;
    let sizes = sizes(&status)
        .map_err(|error| Failure::io(format!("{} is not understood: {error}", args.server)))?;
    introduce(&args.server, &status, screen);
    let credential = credential(&args, &status, screen)?;
    let settings = Settings {
        sizes,
        form: args.form,
        probes: true,
        pulse: Pulse::start(&args.server)?,
        entropy,
        patience: PATIENCE,
    };
    let asks = io::stdin().is_terminal() && io::stderr().is_terminal();
    let asked = Arc::clone(screen);
    let interrupt = Interrupt::listen_and_ask(asks.then_some(move || asked.ask_to_leave()))?;
    let mut participant =
        Participant::new(client, credential, &settings, screen.as_ref(), interrupt);
    let accepted = participant.contribute().await?;
    screen.close(true);
    conclude(&args, &status, &accepted)
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
                words::about(status.expected_wait_in_ms)
            )
        }
        (n, _) => format!(
            "{} in line; {} to wait",
            words::number(n),
            words::about(status.expected_wait_in_ms)
        ),
    };
    screen.say(&format!(
        "Ceremony at {server} is {}: {} so far, {wait}.",
        status.mode.as_str(),
        words::count(status.contributions, "contribution"),
    ));
    if server.scheme() == "http" && !client::is_loopback(server) {
        screen.say(
            "warning: http:// is not encrypted: others on the way could take over your session. \
             Use https:// if the coordinator has it.",
        );
    }
}

/// What to sign in with, if this ceremony takes it.
fn credential(args: &Args, status: &CeremonyStatus, screen: &Screen) -> Outcome<Credential> {
    // A key on the command line outranks an invitation in the environment.
    let invite = args.invite.as_ref().filter(|_| args.key.is_none());
    let method = match invite {
        Some(_) => SignInMethod::Invite,
        None => SignInMethod::Siwe,
    };
    if !status.sign_in.contains(&method) {
        let offered: Vec<&str> = status
            .sign_in
            .iter()
            .map(|method| status::name(*method))
            .collect();
        return Err(Failure::usage(format!(
            "this ceremony does not take {}",
            status::name(method)
        ))
        .help(format!("it takes {}", offered.join(", or "))));
    }
    if let Some(code) = invite {
        return Ok(Credential::Invite(Zeroizing::new(code.trim().to_owned())));
    }
    let file = KeyFile::open_or_create(args.key.as_deref())?;
    let (address, path) = (file.address(), file.path.display());
    match file.created {
        true => screen.say(&format!(
            "Made a new Ethereum key, {address}, in {path}. It is your identity: keep it."
        )),
        false => screen.say(&format!("Using the Ethereum key {address} of {path}.")),
    }
    if file.exposed {
        screen.say(&format!(
            "warning: other users of this machine can read the key: chmod 600 {path}"
        ));
    }
    Ok(Credential::Ethereum(file.key))
}

/// Saves the receipt before anything else, then checks it.
fn conclude(args: &Args, status: &CeremonyStatus, accepted: &Accepted) -> Outcome {
    let saved = save(args.receipt.as_deref(), accepted);
    let path = match saved {
        Ok(path) => path,
        Err(failure) => {
            // The receipt must not be lost with a full disk.
            output::print_json(&accepted.receipt)?;
            return Err(failure.help("the contribution is accepted; its receipt is printed above"));
        }
    };
    let ticket = accepted
        .ticket
        .map(|ticket| format!(", ticket {ticket}"))
        .unwrap_or_default();
    let coordinator = &status.coordinator_address;
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
