//! `tauline rehearse`: plays many participants, some of whom drop out, and reports.

use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use futures_util::future::join_all;
use rand::Rng;
use reqwest::Url;
use tauline_protocol::status::{CeremonyStatus, ModeWord};
use tauline_transcript::Sizes;
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::check_ins::CheckInThread;
use crate::client::{self, Calls, Client, Form, parse_server};
use crate::exit::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::participant::{Listener, News, Participant, ParticipantSettings, Stop};
use crate::progress::Meter;
use crate::public_log::PublicLog;
use crate::runtime::online;
use crate::signin::Credential;
use crate::trust::Trust;
use crate::verbs::contribute;
use crate::{numbers, output};

mod credentials;
mod fate;
mod latencies;
mod page;
mod parts;
mod played;
mod report;
mod samples;
mod series;
mod slots;

use credentials::credentials;
use fate::Fate;
use page::page;
use parts::{Part, Role, parts, play};
use played::Played;
use report::Report;
use samples::look;
use series::Series;

/// How long calls are repeated while the coordinator does not answer. A rehearsal may include
/// a restart of the coordinator, but not moving it to another machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// The time between two participants' arrivals. A hundred a second, as after an announcement.
const ARRIVAL: Duration = Duration::from_millis(10);

/// How often each participant who waits is measured to check in at most. A hundred participants check in
/// fifty times a second then, and more of them do not check in more often in all.
const GLANCE: Duration = Duration::from_secs(2);

/// If a rate limit makes the participants wait for longer than this, the user is told.
const LIMITED: Duration = Duration::from_secs(20);

/// How long to wait until the coordinator has noticed all who vanished.
const IDLE_LIMIT: Duration = Duration::from_secs(600);

/// Rehearse a ceremony: play many participants against a coordinator, and report.
///
/// Start a coordinator only for the rehearsal, behind the proxy that the ceremony will use: the
/// contributions are real, and the identities are used up. Coordinators limit sign-ins from one
/// address, so start it with --login-rate 0 --anonymous-rate 0. Every participant gets a new
/// Ethereum key, unless --invites is given.
///
/// The rehearsal first finds out whether a contribution gets through to the coordinator at all. The
/// exit code is 1 if anything did not go as it should.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The coordinator's address.
    #[arg(long, value_name = "URL", env = "TAULINE_SERVER", value_parser = parse_server)]
    server: Url,
    #[command(flatten)]
    trust: Trust,
    /// The number of participants.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    participants: u32,
    /// The share of participants who drop out, from 0 to 1 or in per cent (`20%`). Some vanish in
    /// line, some when they are called, some after the start; some abort, and some leave. Half of
    /// those who vanish close their connections, like a killed process; the others fall silent,
    /// like a machine that loses its network.
    #[arg(long, value_name = "P", default_value = "0", value_parser = parse_share)]
    dropouts: f64,
    /// File of invitations to sign in with: a line `name code` for each participant.
    #[arg(long, value_name = "FILE")]
    invites: Option<PathBuf>,
    /// Seed that decides who drops out and how, to repeat a rehearsal [default: random; it is
    /// reported].
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Form in which powers are sent and received.
    #[arg(long, value_enum, default_value_t = Form::MsgpackUncompressed)]
    form: Form,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    /// HTML file for the report: what was played, whether it held and what to look at, in plain words, with
    /// figures and charts. It needs no other file and no network, and can be sent and printed.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Replace the report's file if it exists.
    #[arg(long, requires = "report")]
    force: bool,
}

fn parse_share(text: &str) -> Result<f64, String> {
    let (digits, scale) = match text.strip_suffix('%') {
        Some(digits) => (digits.trim_end(), 100.0),
        None => (text, 1.0),
    };
    let share = digits.parse::<f64>().map_err(|error| error.to_string())? / scale;
    match (0.0..=1.0).contains(&share) {
        true => Ok(share),
        false => Err("a share is between 0 and 1, or between 0% and 100%".to_owned()),
    }
}

/// Plays the participants and reports.
///
/// # Errors
/// When the coordinator does not answer, or something did not go as it should.
pub fn run(args: &Args) -> Outcome {
    online(rehearse(args))
}

async fn rehearse(args: &Args) -> Outcome {
    if let Some(path) = &args.report {
        output::check_writable(path, args.force)?;
    }
    let began = Instant::now();
    let calls = Arc::new(Calls::since(began));
    let client = Client::new(client::http(&args.server)?, args.server.clone());
    let client = client.noted_by(Arc::clone(&calls));
    let status = client.first_status().await?;
    let sizes = contribute::sizes(&status)
        .map_err(|error| Failure::bad(format!("{} is not understood: {error}", args.server)))?;
    let coordinator = args.trust.coordinator(&args.server, &status)?;
    is_open(&args.server, &status)?;
    let count = args.participants as usize;
    let mut credentials = credentials(args.invites.as_deref(), count, &status)?;
    let seed = args.seed.unwrap_or_else(|| rand::thread_rng().r#gen());
    let parts = parts(count, args.dropouts, seed);
    let mut played = played(args, &status, &sizes, coordinator.clone());
    let mut settings = settings(args, sizes, coordinator)?;
    let interrupt = Interrupt::listen()?;
    let observer = Observer::new(args.participants);
    if let Some(first) = credentials.pop() {
        let first = Participant::new(
            client.clone(),
            first,
            &settings,
            &observer,
            interrupt.clone(),
        );
        let (first, form, len) = find_the_way(first, &observer).await?;
        (settings.form, played.form, played.contribution_len) = (form, form, len);
        credentials.push(first);
    }
    let cast = credentials.into_iter().zip(parts).collect();
    let samples = RefCell::default();
    let fates = tokio::select! {
        fates = play_all(cast, &client, &settings, &observer, &interrupt) => fates,
        never = look(&client, began, &samples) => match never {},
    };
    let (took, trouble) = (began.elapsed(), observer.trouble.get());
    drop(observer);
    let seen = calls.seen();
    let report = Report::new(seed, took, trouble, &fates, &seen);
    match args.json {
        true => output::print_json(&report)?,
        false => output::print(&report.to_string())?,
    }
    if let Some(path) = &args.report {
        played.interrupted = interrupt.is_raised();
        let log = PublicLog::new(&client, Duration::ZERO);
        played.program = log.program().await.ok().flatten();
        let series = Series::of(began, &fates, &samples.borrow(), &seen);
        let page = page(&report, &series, &played);
        output::write_file(path, args.force, |out| out.write_all(page.as_bytes()))?;
        if !args.json {
            output::print(&format!("The report with charts is in {}.", path.display()))?;
        }
    }
    match report.is_good() {
        true => Ok(()),
        false => Err(Failure::bad("the rehearsal did not go as it should")
            .help(format!("repeat it with --seed {seed}"))),
    }
}

/// Refuses a ceremony that nobody can join.
fn is_open(server: &Url, status: &CeremonyStatus) -> Outcome {
    if let Some(moved) = &status.moved_to {
        let text = format!("the ceremony at {server} was handed over");
        return Err(Failure::bad(text).help(client::where_it_went(moved)));
    }
    if status.mode != ModeWord::Open {
        let mode = status.mode.as_str();
        return Err(
            Failure::bad(format!("the ceremony is {mode}: nobody can join"))
                .help("open it first: tauline admin open, or resume"),
        );
    }
    Ok(())
}

/// What is played, as far as it is known at the beginning.
fn played(args: &Args, status: &CeremonyStatus, sizes: &Sizes, coordinator: String) -> Played {
    let sizes: Vec<String> = sizes
        .iter()
        .map(|size| format!("{}:{}", size.g1, size.g2))
        .collect();
    Played {
        server: args.server.to_string(),
        coordinator,
        program: None,
        began: UNIX_EPOCH.elapsed().unwrap_or_default().as_secs(),
        dropouts: args.dropouts,
        sign_in: match args.invites {
            Some(_) => "invitations",
            None => "new Ethereum keys",
        },
        asked_form: args.form,
        form: args.form,
        contribution_len: 0,
        sizes: sizes.join(", "),
        contribution_limit_in_ms: status.contribution_limit_in_ms,
        interrupted: false,
    }
}

fn settings(args: &Args, sizes: Sizes, coordinator: String) -> Outcome<ParticipantSettings> {
    Ok(ParticipantSettings {
        sizes,
        form: args.form,
        probes: false,
        check_ins: CheckInThread::start(&args.server)?,
        entropy: Arc::new(Zeroizing::new(Vec::new())),
        glances: Some(GLANCE.max(GLANCE * args.participants / 100)),
        patience: PATIENCE,
        coordinator,
        moved_to: None,
        tickets: None,
        offline: None,
    })
}

/// Has all participants play their parts. Then asks the coordinator how it ended for those who
/// dropped out.
async fn play_all(
    cast: Vec<(Credential, Part)>,
    client: &Client,
    settings: &ParticipantSettings,
    observer: &Observer,
    interrupt: &Interrupt,
) -> Vec<Fate> {
    let lives = cast.into_iter().enumerate().map(|(i, (credential, part))| {
        let (client, interrupt) = (client.clone(), interrupt.clone());
        async move {
            sleep(ARRIVAL * i as u32).await;
            let mut participant =
                Participant::new(client, credential, settings, observer, interrupt);
            let result = play(&mut participant, part).await;
            observer.advance();
            (participant, part, result)
        }
    });
    let played = join_all(lives).await;
    let vanished = played.iter().any(|(_, part, _)| part.role.vanishes());
    if vanished && !interrupt.is_raised() {
        observer
            .meter
            .rename("Waiting for those who vanished to be noticed");
        idle(client, interrupt).await;
    }
    let mut fates = Vec::with_capacity(played.len());
    for (i, (mut participant, part, result)) in played.into_iter().enumerate() {
        let end = match part.role {
            Role::Contribute => None,
            _ if interrupt.is_raised() => None,
            _ => participant
                .check_in(Duration::ZERO)
                .await
                .ok()
                .and_then(|it| it.ended),
        };
        fates.push(Fate::new(i, part, participant.times(), result, end));
    }
    fates
}

/// Signs the first participant in, finds out in which form its contribution would get through, and
/// says so. Returns what the participant signed in with, the form, and the contribution's length in it.
async fn find_the_way(
    mut first: Participant<'_>,
    observer: &Observer,
) -> Outcome<(Credential, Form, u64)> {
    let found = async {
        first.sign_in().await?;
        first.find_a_form().await
    };
    let len = found.await.map_err(|stop| match stop {
        Stop::Interrupted(_) => Failure::bad("interrupted"),
        Stop::Failed(failure) => failure,
    })?;
    observer.meter.say(&format!(
        "The way to the coordinator: nothing on it refuses a contribution of {}.",
        numbers::bytes(len)
    ));
    let form = first.form();
    Ok((first.into_credential(), form, len))
}

/// Waits until nobody is in line, so that everybody's end is known. Asking for it earlier would
/// count as a check-in.
async fn idle(client: &Client, interrupt: &Interrupt) {
    let since = Instant::now();
    while since.elapsed() < IDLE_LIMIT && !interrupt.is_raised() {
        match client.status().await {
            Ok(status) if status.queue_length == 0 && status.turn.is_none() => return,
            _ => sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Watches all participants.
struct Observer {
    meter: Meter,
    total: u64,
    done: Cell<u64>,
    trouble: Cell<u64>,
    warned: Cell<bool>,
}

impl Observer {
    fn new(participants: u32) -> Self {
        Self {
            meter: Meter::share("Participants done"),
            total: participants.into(),
            done: Cell::new(0),
            trouble: Cell::new(0),
            warned: Cell::new(false),
        }
    }

    fn advance(&self) {
        self.done.set(self.done.get() + 1);
        self.meter.set(self.done.get(), Some(self.total));
    }
}

impl Listener for Observer {
    fn tell(&self, news: News<'_>) {
        let (why, again_in) = match news {
            News::Trouble { why, again_in } => (why, again_in),
            News::SmallerForm { by, refused, len } => {
                return self.meter.say(&format!(
                    "The way to the coordinator: {by} refuses bodies of {}. All contributions go \
                     in a smaller form, of {}.",
                    numbers::bytes(refused),
                    numbers::bytes(len)
                ));
            }
            _ => return,
        };
        self.trouble.set(self.trouble.get() + 1);
        if again_in >= LIMITED && !self.warned.replace(true) {
            self.meter.say(&format!(
                "The coordinator asks to wait: {why}. For a rehearsal, start it with \
                 --login-rate 0 --anonymous-rate 0."
            ));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_a_fraction_or_a_percentage() {
        assert_eq!(parse_share("0.2"), Ok(0.2));
        assert_eq!(parse_share("20%"), Ok(0.2));
        assert_eq!(parse_share("1"), Ok(1.0));
        for bad in ["", "x", "-0.1", "1.1", "120%", "NaN", "20"] {
            assert!(parse_share(bad).is_err(), "{bad}");
        }
    }
}
