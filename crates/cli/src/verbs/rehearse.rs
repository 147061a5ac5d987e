//! `tauline rehearse`: many participants at once, some of whom vanish, and a report.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use k256::ecdsa::SigningKey;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_core::OsRng;
use reqwest::Url;
use tauline_protocol::status::{CeremonyStatus, EndedWord, SignInMethod};
use tokio::time::{Instant, sleep};
use zeroize::Zeroizing;

use crate::client::{self, Client, Form, parse_server};
use crate::exit::{Failure, Outcome};
use crate::interrupt::Interrupt;
use crate::participant::{Listener, News, Participant, Settings, Stop, Times};
use crate::progress::Meter;
use crate::signin::Credential;
use crate::verbs::{contribute, status};
use crate::{online, output};

mod report;

use report::{Fate, Report, Role};

/// How long a coordinator that does not answer is asked again. Ours: a restart in the middle of a
/// rehearsal is part of it, a handover is not.
const PATIENCE: Duration = Duration::from_secs(180);

/// Pause between two participants' arrivals. Ours: a hundred a second, as after an announcement.
const ARRIVAL: Duration = Duration::from_millis(10);

/// A wait for a rate limit that is worth a word.
const LIMITED: Duration = Duration::from_secs(20);

/// How long the last of those who vanished may take to be noticed, beside the deadlines.
const IDLE_LIMIT: Duration = Duration::from_secs(600);

/// Rehearse a ceremony: play participants against a coordinator, and report.
///
/// Run it against a coordinator that was started for it: the contributions are real, and the
/// identities are used up. Fresh Ethereum keys are made for all, unless --invites is given. The
/// coordinator limits sign-ins per address: start it with --login-rate 0 --anonymous-rate 0.
/// Exits with 1 when something did not go as it should.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The coordinator's address.
    #[arg(long, value_name = "URL", env = "TAULINE_SERVER", value_parser = parse_server)]
    server: Url,
    /// How many participants.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    participants: u32,
    /// Share of participants who drop out, 0 to 1 or in per cent (`20%`): some vanish in line, some
    /// when called, some after the start, some abort, some leave.
    #[arg(long, value_name = "P", default_value = "0", value_parser = parse_share)]
    dropouts: f64,
    /// File of invitations to sign in with, one `name code` a line, at least as many as participants.
    #[arg(long, value_name = "FILE")]
    invites: Option<PathBuf>,
    /// Seed of who drops out and how, to repeat a rehearsal [default: random, and reported].
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Form in which the powers travel.
    #[arg(long, value_enum, default_value_t = Form::MsgpackUncompressed)]
    form: Form,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
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

/// Rehearses.
///
/// # Errors
/// When the coordinator does not answer, or something did not go as it should.
pub fn run(args: &Args) -> Outcome {
    online(rehearse(args))
}

async fn rehearse(args: &Args) -> Outcome {
    let http = client::http(&args.server)?;
    let client = Client::new(http, args.server.clone());
    let status = client
        .status()
        .await
        .map_err(|e| e.into_failure(&args.server))?;
    let sizes = contribute::sizes(&status)
        .map_err(|error| Failure::io(format!("{} is not understood: {error}", args.server)))?;
    let credentials = credentials(args, &status)?;
    let seed = args.seed.unwrap_or_else(|| rand::thread_rng().r#gen());
    let roles = roles(args.participants as usize, args.dropouts, seed);
    let settings = Settings {
        sizes,
        form: args.form,
        entropy: Arc::new(Zeroizing::new(Vec::new())),
        patience: PATIENCE,
    };
    let interrupt = Interrupt::listen()?;
    let stage = Stage {
        meter: Meter::share("Participants done"),
        total: args.participants.into(),
        done: Cell::new(0),
        trouble: Cell::new(0),
        warned: Cell::new(false),
        began: Instant::now(),
    };
    let coordinator = status.coordinator_address.as_str();
    let fates = RefCell::new(Vec::new());
    let lives = credentials
        .into_iter()
        .zip(roles)
        .enumerate()
        .map(|(i, (credential, role))| {
            let (client, interrupt) = (client.clone(), interrupt.clone());
            let (stage, settings, fates) = (&stage, &settings, &fates);
            async move {
                sleep(ARRIVAL * i as u32).await;
                let mut participant =
                    Participant::new(client, credential, settings, stage, interrupt);
                let result = play(&mut participant, role, coordinator).await;
                stage.advance();
                let times = participant.times();
                fates.borrow_mut().push((i, role, times, result));
                participant
            }
        });
    let mut participants = join_all(lives).await;
    let mut fates = fates.into_inner();
    fates.sort_by_key(|(i, ..)| *i);

    let vanished = fates.iter().any(|(_, role, ..)| role.vanishes());
    if vanished && !interrupt.is_raised() {
        stage
            .meter
            .rename("Waiting for those who vanished to be noticed");
        idle(&client, &interrupt).await;
    }
    let mut ended = Vec::with_capacity(fates.len());
    for (i, role, times, result) in fates {
        let end = match role {
            Role::Contribute => None,
            _ if interrupt.is_raised() => None,
            _ => participants[i]
                .check_in(Duration::ZERO)
                .await
                .ok()
                .and_then(|it| it.ended),
        };
        ended.push(Fate::new(i, role, times, result, end));
    }
    let took = stage.began.elapsed();
    let trouble = stage.trouble.get();
    drop(stage);
    let report = Report::new(seed, took, trouble, &ended);
    match args.json {
        true => output::print_json(&report)?,
        false => output::print(&report.to_string())?,
    }
    match report.is_good() {
        true => Ok(()),
        false => Err(Failure::bad("the rehearsal did not go as it should")
            .help(format!("repeat it with --seed {seed}"))),
    }
}

/// What one participant's part came to: the ticket of its contribution, if it made one.
type Played = Result<Option<u64>, String>;

async fn play(participant: &mut Participant<'_>, role: Role, coordinator: &str) -> Played {
    let played = async {
        if role == Role::Contribute {
            let accepted = participant.contribute().await?;
            accepted
                .check_receipt(coordinator)
                .map_err(|error| Failure::bad(format!("the receipt is wrong: {error}")))?;
            return Ok(accepted.ticket);
        }
        participant.sign_in().await?;
        participant.join().await?;
        match role {
            Role::Contribute | Role::VanishInLine => {}
            Role::Leave => drop(participant.leave().await?),
            Role::VanishWhenCalled => drop(participant.wait_for_turn().await?),
            Role::VanishAfterStart => {
                participant.wait_for_turn().await?;
                participant.start().await?;
            }
            Role::Abort => {
                participant.wait_for_turn().await?;
                participant.start().await?;
                participant.abort("rehearsal").await?;
            }
        }
        Ok(None)
    };
    played.await.map_err(|stop| match stop {
        Stop::Interrupted => "interrupted".to_owned(),
        Stop::Failed(failure) => failure.text().to_owned(),
    })
}

/// Waits until nobody is in line, so that the ends of all who vanished are known. Asking them
/// earlier would be a check-in.
async fn idle(client: &Client, interrupt: &Interrupt) {
    let since = Instant::now();
    while since.elapsed() < IDLE_LIMIT && !interrupt.is_raised() {
        match client.status().await {
            Ok(status) if status.queue_length == 0 && status.turn.is_none() => return,
            _ => sleep(Duration::from_millis(500)).await,
        }
    }
}

/// Exactly the share asked for drops out, in all ways in turn, in places drawn from the seed.
fn roles(participants: usize, dropouts: f64, seed: u64) -> Vec<Role> {
    let count = (participants as f64 * dropouts).round() as usize;
    let mut roles: Vec<Role> = Role::DROPOUTS.iter().copied().cycle().take(count).collect();
    roles.resize(participants, Role::Contribute);
    roles.shuffle(&mut StdRng::seed_from_u64(seed));
    roles
}

fn credentials(args: &Args, status: &CeremonyStatus) -> Outcome<Vec<Credential>> {
    let method = match args.invites {
        Some(_) => SignInMethod::Invite,
        None => SignInMethod::Siwe,
    };
    if !status.sign_in.contains(&method) {
        let help = match args.invites {
            None => "give its file of invitations: --invites FILE",
            Some(_) => "leave --invites out",
        };
        return Err(Failure::usage(format!(
            "this ceremony does not take {}",
            status::name(method)
        ))
        .help(help));
    }
    let count = args.participants as usize;
    let Some(path) = &args.invites else {
        let keys = std::iter::repeat_with(|| SigningKey::random(&mut OsRng));
        return Ok(keys.take(count).map(Credential::Ethereum).collect());
    };
    let codes = invites(path)?;
    if codes.len() < count {
        return Err(Failure::usage(format!(
            "{} holds {} invitations, {count} participants need as many",
            path.display(),
            codes.len()
        )));
    }
    Ok(codes
        .into_iter()
        .take(count)
        .map(Credential::Invite)
        .collect())
}

/// The codes of a file of invitations, one `name code` a line, `#` begins a comment.
fn invites(path: &Path) -> Outcome<Vec<Zeroizing<String>>> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::file("read", path, &e))?;
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or("").trim());
    lines
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(
            |(i, line)| match line.split_whitespace().collect::<Vec<_>>()[..] {
                [_, code] => Ok(Zeroizing::new(code.to_owned())),
                _ => Err(Failure::usage(format!(
                    "line {} of {} is not `name code`",
                    i + 1,
                    path.display()
                ))),
            },
        )
        .collect()
}

/// Watches all participants at once.
struct Stage {
    meter: Meter,
    total: u64,
    done: Cell<u64>,
    trouble: Cell<u64>,
    warned: Cell<bool>,
    began: Instant,
}

impl Stage {
    fn advance(&self) {
        self.done.set(self.done.get() + 1);
        self.meter.set(self.done.get(), Some(self.total));
    }
}

impl Listener for Stage {
    fn tell(&self, news: News<'_>) {
        let News::Trouble { why, again_in } = news else {
            return;
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

/// Ends of stays, counted by their word.
type Ends = BTreeMap<&'static str, u64>;

fn count_end(ends: &mut Ends, end: Option<EndedWord>) {
    *ends
        .entry(end.map_or("unknown", EndedWord::as_str))
        .or_default() += 1;
}

/// Milliseconds between two moments, if both came.
fn between(
    times: Times,
    from: fn(Times) -> Option<Instant>,
    to: fn(Times) -> Option<Instant>,
) -> Option<u64> {
    Some(
        to(times)?
            .saturating_duration_since(from(times)?)
            .as_millis() as u64,
    )
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

    #[test]
    fn the_share_asked_for_drops_out_in_every_way() {
        let roles = roles(50, 0.2, 7);
        assert_eq!(roles.len(), 50);
        for role in Role::DROPOUTS {
            assert_eq!(
                roles.iter().filter(|it| **it == role).count(),
                2,
                "{role:?}"
            );
        }
        assert_eq!(
            roles,
            super::roles(50, 0.2, 7),
            "a seed repeats a rehearsal"
        );
        assert_ne!(roles, super::roles(50, 0.2, 8));
    }

    #[test]
    fn invitations_are_read_as_the_server_reads_them() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("invites");
        std::fs::write(&path, "# ours\nalice a1b2\n\n  bob\tc3d4 # late\n").unwrap();
        let codes = invites(&path).unwrap();
        assert_eq!(
            codes.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
            ["a1b2", "c3d4"]
        );
        std::fs::write(&path, "alice a1b2\ncarol secret-code extra\n").unwrap();
        let failure = invites(&path).unwrap_err().to_string();
        assert!(failure.contains("line 2"), "{failure}");
        assert!(
            !failure.contains("secret-code"),
            "a code is in the message: {failure}"
        );
    }
}
