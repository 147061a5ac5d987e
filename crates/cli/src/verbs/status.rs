//! `tauline status`: shows what anyone may know before joining.

use std::fmt::Write;

use reqwest::Url;
use tauline_protocol::status::{CeremonyStatus, ModeWord, MovedTo, SignInMethod, TurnStatus};

use crate::client::{self, Client, parse_server};
use crate::exit::Outcome;
use crate::runtime::online;
use crate::{numbers, output, times};

/// Show a ceremony: its mode, line, turn and expected wait.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The coordinator's address.
    #[arg(long, value_name = "URL", env = "TAULINE_SERVER", value_parser = parse_server)]
    server: Url,
    /// Print the coordinator's answer as JSON.
    #[arg(long)]
    json: bool,
}

/// Asks for the status and prints it.
///
/// # Errors
/// When the coordinator does not answer.
pub fn run(args: &Args) -> Outcome {
    online(async {
        let client = Client::new(client::http(&args.server)?, args.server.clone());
        let status = client.first_status().await?;
        match args.json {
            true => output::print_json(&status),
            false => output::print(&format!("Ceremony at {}\n{}", args.server, text(&status))),
        }
    })
}

/// The status as lines for a person.
pub(crate) fn text(status: &CeremonyStatus) -> String {
    let sizes: Vec<String> = status
        .sub_ceremonies
        .iter()
        .map(|sub| format!("{}:{}", sub.num_g1_powers, sub.num_g2_powers))
        .collect();
    let methods: Vec<&str> = status.sign_in.iter().map(|method| name(*method)).collect();
    let mut rows = vec![("mode", mode(status))];
    rows.extend(status.moved_to.as_ref().map(|it| ("moved to", moved(it))));
    rows.extend(planned(status));
    rows.extend([
        ("contributions", numbers::with_commas(status.contributions)),
        ("in line", numbers::with_commas(status.queue_length)),
        (
            "turn",
            status
                .turn
                .as_ref()
                .map_or_else(|| "nobody's".to_owned(), turn),
        ),
        (
            "mean turn",
            numbers::duration(std::time::Duration::from_millis(status.mean_turn_in_ms)),
        ),
        ("wait from now", wait(status)),
        ("sub-ceremonies", sizes.join(", ")),
        ("sign in with", methods.join(", or ")),
        ("receipts by", status.coordinator_address.clone()),
        (
            "public log",
            format!(
                "{}, head {}{}",
                numbers::count(status.log.records, "record"),
                status.log.hash,
                status.log.cosigned.map_or_else(String::new, |it| format!(
                    ", cosigned by {} of {} witnesses",
                    it.by, it.of
                ))
            ),
        ),
    ]);
    let mut text = String::new();
    for (label, value) in rows {
        // Writing to a string does not fail.
        let _ = writeln!(text, "  {label:<15} {value}");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Where the ceremony went.
fn moved(to: &MovedTo) -> String {
    let url = to
        .url
        .as_deref()
        .unwrap_or("an address that is not known here");
    format!("{url}, coordinator {}", to.coordinator_address)
}

/// When the mode will change by the operator's plan.
fn planned(status: &CeremonyStatus) -> impl Iterator<Item = (&'static str, String)> {
    let planned = status.planned.unwrap_or_default();
    let now = status.time;
    let times = [("opens", planned.opens), ("drains", planned.drains)];
    let row = move |(label, at): (&'static str, Option<u64>)| Some((label, when(at?, now)));
    times.into_iter().filter_map(row)
}

/// A time to come, in Unix seconds, and how long it is until then.
pub(crate) fn when(at: u64, now: u64) -> String {
    let left = std::time::Duration::from_secs(at.saturating_sub(now));
    format!("{} (in {})", times::text(at), numbers::duration(left))
}

/// The mode, and what it means for those who wait or want to join.
fn mode(status: &CeremonyStatus) -> String {
    let in_line = status.queue_length > 0 || status.turn.is_some();
    match status.mode {
        _ if status.moved_to.is_some() => {
            "handed over: another coordinator has the ceremony now, with all places".to_owned()
        }
        ModeWord::Open => "open".to_owned(),
        ModeWord::Draining => {
            "draining: nobody can join any more, those in line are served".to_owned()
        }
        ModeWord::Halted if in_line => {
            "halted: paused by the operator; places are kept, no deadline runs".to_owned()
        }
        ModeWord::Halted => "halted: nobody can join now".to_owned(),
    }
}

fn turn(turn: &TurnStatus) -> String {
    let age = numbers::duration(std::time::Duration::from_millis(turn.age_in_ms));
    format!("ticket {}, {} for {age}", turn.ticket, turn.phase.as_str())
}

fn wait(status: &CeremonyStatus) -> String {
    let is_free = status.queue_length == 0 && status.turn.is_none();
    let about = numbers::about(status.expected_wait_in_ms);
    match (status.mode, is_free) {
        _ if status.moved_to.is_some() => "as the other coordinator says".to_owned(),
        (ModeWord::Halted, true) => "until the ceremony goes on".to_owned(),
        (ModeWord::Halted, false) => format!("until the ceremony goes on, then {about}"),
        (_, true) => "none".to_owned(),
        (_, false) => about,
    }
}

/// The name of a way to sign in, with the flag for it.
pub(crate) fn name(method: SignInMethod) -> &'static str {
    match method {
        SignInMethod::Siwe => "an Ethereum key (--key FILE)",
        SignInMethod::Github => "a GitHub account (--sign-in github)",
        SignInMethod::Oidc => "an Ethereum account in a browser (--sign-in wallet)",
        SignInMethod::Invite => "an invitation (--invite CODE)",
    }
}

#[cfg(test)]
mod tests {
    use tauline_protocol::status::{LogHead, ModeWord, Planned, QueueWord, SubCeremony};

    use super::*;

    fn status() -> CeremonyStatus {
        CeremonyStatus {
            mode: ModeWord::Open,
            queue_length: 4_000,
            contributions: 141_416,
            turn: Some(TurnStatus {
                ticket: 141_500,
                phase: QueueWord::Contributing,
                age_in_ms: 12_000,
            }),
            mean_turn_in_ms: 45_000,
            contribution_limit_in_ms: 180_000,
            contribution_limit_max_in_ms: None,
            expected_wait_in_ms: 180_000_000,
            expected_start_time: 0,
            sub_ceremonies: vec![SubCeremony {
                num_g1_powers: 4096,
                num_g2_powers: 65,
            }],
            sign_in: vec![SignInMethod::Siwe, SignInMethod::Invite],
            coordinator_address: "0x0000000000000000000000000000000000000000".to_owned(),
            log: LogHead {
                records: 1,
                hash: "0xab".to_owned(),
                cosigned: None,
                at: None,
            },
            planned: None,
            moved_to: None,
            time: 1_790_000_000,
            recent: None,
            name: None,
        }
    }

    #[test]
    fn a_pause_is_told_from_an_end() {
        let mut status = status();
        status.mode = ModeWord::Halted;
        let shown = text(&status);
        assert!(
            shown.contains("paused by the operator; places are kept"),
            "{shown}"
        );
        assert!(
            shown.contains("until the ceremony goes on, then about"),
            "{shown}"
        );
        (status.queue_length, status.turn) = (0, None);
        let shown = text(&status);
        assert!(shown.contains("halted: nobody can join now"), "{shown}");
        status.mode = ModeWord::Draining;
        assert!(text(&status).contains("those in line are served"));
    }

    #[test]
    fn plans_are_shown() {
        let mut status = status();
        status.planned = Some(Planned {
            opens: Some(1_790_007_200),
            drains: None,
        });
        let shown = text(&status);
        assert!(
            shown.contains("\n  opens           2026-09-21T16:13:20Z (in 2 h)\n"),
            "{shown}"
        );
        assert!(!shown.contains("drains"), "{shown}");
    }

    #[test]
    fn who_asks_the_older_coordinator_is_told_where_the_ceremony_is() {
        let mut status = status();
        status.mode = ModeWord::Halted;
        status.moved_to = Some(MovedTo {
            key: "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
                .parse()
                .unwrap(),
            coordinator_address: "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf".to_owned(),
            url: Some("https://next.example.org/".to_owned()),
        });
        let shown = text(&status);
        assert!(shown.contains("mode            handed over"), "{shown}");
        assert!(
            shown.contains("moved to        https://next.example.org/, coordinator 0x7E5F"),
            "{shown}"
        );
        assert!(!shown.contains("no deadline runs"), "{shown}");
        status.moved_to.as_mut().unwrap().url = None;
        assert!(text(&status).contains("not known here, coordinator 0x7E5F"));
    }

    #[test]
    fn the_wait_is_shown_before_joining() {
        let status = status();
        insta::assert_snapshot!(text(&status), @r"
          mode            open
          contributions   141,416
          in line         4,000
          turn            ticket 141500, contributing for 12 s
          mean turn       45 s
          wait from now   about 2 d 2 h
          sub-ceremonies  4096:65
          sign in with    an Ethereum key (--key FILE), or an invitation (--invite CODE)
          receipts by     0x0000000000000000000000000000000000000000
          public log      1 record, head 0xab
        ");
    }
}
