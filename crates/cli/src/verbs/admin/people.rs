//! Who is in line and who is invited, as text for an operator.

use std::time::Duration;

use tauline_protocol::admin::{InLine, Invited};
use tauline_protocol::status::QueueWord;

use crate::numbers;

/// A table of who is in line.
pub(super) fn line(line: &[InLine], in_all: u64, paused: bool) -> String {
    if in_all == 0 {
        return "Nobody is in line.".to_owned();
    }
    let mut rows = vec![
        [
            "", "ticket", "state", "there", "by", "in queue", "passed", "identity",
        ]
        .map(str::to_owned),
    ];
    rows.extend(line.iter().map(|one| {
        [
            match one.position {
                0 => "turn".to_owned(),
                position => numbers::with_commas(position),
            },
            numbers::with_commas(one.ticket),
            state(one.state).to_owned(),
            there(one).to_owned(),
            match (one.state, paused) {
                (_, true) => "paused".to_owned(),
                (QueueWord::Verifying, _) => "ours".to_owned(),
                _ => numbers::duration(Duration::from_millis(one.deadline_in_ms)),
            },
            numbers::duration(Duration::from_millis(one.age_in_ms)),
            match one.passed {
                0 => "-".to_owned(),
                passed => passed.to_string(),
            },
            one.id.to_string(),
        ]
    }));
    let mut text = table(&rows);
    let shown = line.len() as u64;
    if shown < in_all {
        text.push_str(&format!(
            "\n{} more; see them with --first {}",
            numbers::with_commas(in_all - shown),
            in_all.min(10_000)
        ));
    }
    if paused {
        text.push_str("\nPaused: no deadline runs.");
    }
    text
}

/// Whether a participant is present.
fn there(one: &InLine) -> &'static str {
    match one.clients {
        0 => "not now",
        _ => "yes",
    }
}

/// A state, as it is called for an operator.
fn state(word: QueueWord) -> &'static str {
    match word {
        QueueWord::NotQueued => "not yet",
        QueueWord::Queued => "waits",
        QueueWord::ReadyToContribute => "called",
        QueueWord::Contributing => "contributes",
        QueueWord::Verifying => "is verified",
        QueueWord::Contributed => "contributed",
        QueueWord::Expired => "ended",
    }
}

/// A table of who is invited, or of who was invited just now with their codes.
pub(super) fn invites(invites: &[Invited]) -> String {
    if invites.is_empty() {
        return "Nobody is invited. To invite somebody: tauline admin invites add NAME".to_owned();
    }
    let told = invites.iter().any(|one| one.code.is_some());
    let rows: Vec<[String; 2]> = invites
        .iter()
        .map(|one| {
            let second = match &one.code {
                Some(code) => code.clone(),
                None => how_far(one),
            };
            [one.name.clone(), second]
        })
        .collect();
    match told {
        true => format!(
            "{}\nEach code is good for one contribution and is not shown again: send it by a way \
             that nobody else reads.",
            table(&rows)
        ),
        false => table(&rows),
    }
}

fn how_far(one: &Invited) -> String {
    match one.ended {
        Some(ended) if one.state == QueueWord::Expired => {
            format!("{}: {}", state(one.state), ended.as_str())
        }
        _ => state(one.state).to_owned(),
    }
}

/// The text that says whose invitations were revoked.
pub(super) fn revoked(invites: &[Invited]) -> String {
    let lines = invites.iter().map(|one| {
        let name = &one.name;
        match one.state {
            QueueWord::Queued
            | QueueWord::ReadyToContribute
            | QueueWord::Contributing
            | QueueWord::Verifying => format!(
                "Revoked: {name}. It is in line already ({}) and keeps its place.",
                state(one.state)
            ),
            QueueWord::Contributed => format!("Revoked: {name}. Its contribution stands."),
            QueueWord::NotQueued | QueueWord::Expired => format!("Revoked: {name}."),
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The text that says which settings were read again.
pub(super) fn reloaded(changed: &[String], restart: &[String]) -> String {
    let mut text = match changed {
        [] => "Read again: nothing has changed.".to_owned(),
        changed => format!("Read again, and in force now: {}.", changed.join(", ")),
    };
    if !restart.is_empty() {
        text.push_str(&format!(
            "\nChanged as well, but in force after a restart only: {}.",
            restart.join(", ")
        ));
    }
    text
}

/// Rows with aligned columns.
fn table<const COLUMNS: usize>(rows: &[[String; COLUMNS]]) -> String {
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths);
        let line: String = cells
            .map(|(cell, width)| format!("{cell:<width$}  "))
            .collect();
        line.trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use tauline_protocol::status::EndedWord;

    use super::*;

    fn one(position: u64, state: QueueWord, clients: u32) -> InLine {
        InLine {
            position,
            ticket: 40 + position,
            id: format!("invite|n{position}").parse().unwrap(),
            state,
            clients,
            passed: u32::from(position == 2),
            age_in_ms: 600_000 * (position + 1),
            deadline_in_ms: 12_000,
        }
    }

    #[test]
    fn the_line_reads_well() {
        let people = [
            one(0, QueueWord::Contributing, 1),
            one(1, QueueWord::Queued, 2),
            one(2, QueueWord::Queued, 0),
        ];
        insta::assert_snapshot!(line(&people, 1_203, false), @r"
              ticket  state        there    by    in queue  passed  identity
        turn  40      contributes  yes      12 s  10 min    -       invite|n0
        1     41      waits        yes      12 s  20 min    -       invite|n1
        2     42      waits        not now  12 s  30 min    1       invite|n2
        1,200 more; see them with --first 1203
        ");
        let paused = line(&people[..1], 1, true);
        assert!(paused.contains("yes    paused"), "{paused}");
        assert!(paused.ends_with("Paused: no deadline runs."), "{paused}");
        assert_eq!(line(&[], 0, false), "Nobody is in line.");
    }

    #[test]
    fn invitations_read_well() {
        let invited = |name: &str, state, ended, code: Option<&str>| Invited {
            name: name.to_owned(),
            code: code.map(str::to_owned),
            state,
            ended,
        };
        let some = [
            invited(
                "alice",
                QueueWord::Contributed,
                Some(EndedWord::Contributed),
                None,
            ),
            invited(
                "bob",
                QueueWord::Expired,
                Some(EndedWord::MissedCheckin),
                None,
            ),
            invited("carol-jane", QueueWord::NotQueued, None, None),
            invited("dan", QueueWord::Queued, None, None),
        ];
        insta::assert_snapshot!(invites(&some), @r"
        alice       contributed
        bob         ended: missedCheckin
        carol-jane  not yet
        dan         waits
        ");
        insta::assert_snapshot!(revoked(&some), @r"
        Revoked: alice. Its contribution stands.
        Revoked: bob.
        Revoked: carol-jane.
        Revoked: dan. It is in line already (waits) and keeps its place.
        ");
        let made = [invited("eve", QueueWord::NotQueued, None, Some("00ff"))];
        insta::assert_snapshot!(invites(&made), @r"
        eve  00ff
        Each code is good for one contribution and is not shown again: send it by a way that nobody else reads.
        ");
        assert!(invites(&[]).contains("invites add"));
    }

    #[test]
    fn what_needs_a_restart_is_named() {
        let name = |name: &str| vec![name.to_owned()];
        assert_eq!(reloaded(&[], &[]), "Read again: nothing has changed.");
        let text = reloaded(&name("3 invitations"), &name("--listen"));
        assert!(text.contains("in force now: 3 invitations."), "{text}");
        assert!(text.contains("after a restart only: --listen."), "{text}");
    }
}
