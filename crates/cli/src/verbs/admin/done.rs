//! What has been done, as text for an operator.

use std::path::Path;

use tauline_protocol::public_log::SuccessorKey;
use tauline_protocol::status::{CeremonyStatus, ModeWord};
use tauline_queue_core::Timestamp;

use super::order::Order;
use crate::numbers;
use crate::verbs::status;

/// The text that says what has been done.
pub(super) fn done(order: &Order, status: &CeremonyStatus, paused: bool) -> String {
    let in_line = status.queue_length + u64::from(status.turn.is_some());
    let line = match in_line {
        0 => "nobody is in line".to_owned(),
        n => format!("{} in line", numbers::count(n, "participant")),
    };
    match order {
        Order::Drain { at: Some(at) } => planned("nobody may join any more", *at, status),
        Order::Drain { at: None } if status.mode == ModeWord::Halted => {
            "Halted: nobody was in line.".to_owned()
        }
        Order::Drain { at: None } => {
            format!("Draining: nobody may join any more; {line}; it halts when all are served.")
        }
        Order::Open { at: Some(at) } => planned("anyone may join", *at, status),
        Order::Open { at: None } => format!("Open: anyone may join; {line}."),
        Order::Unplan => format!(
            "Nothing is planned any more: the ceremony is {}, and stays so; {line}.",
            status.mode.as_str()
        ),
        Order::RotateKey => "The public log has another key from now on, and says so. Participants' \
                             programs and auditors find it there; tell your witnesses, who pass over what \
                             is signed with a key that they do not know (`tauline witness --log KEY`, \
                             beside the old one)."
            .to_owned(),
        Order::Pause => {
            format!("Paused: no deadline runs, nobody is called, no place is lost; {line}.")
        }
        Order::Resume => {
            format!("Resumed: {}; {line}.", status.mode.as_str())
        }
        Order::Pardon { id } => format!("Pardoned: {id} may join again."),
        Order::Expel { ticket, .. } => format!(
            "Expelled: the stay with ticket {ticket} is over, and the reason is in the log; {line}."
        ),
        Order::Backup { output } => {
            let output = output.display();
            format!(
                "Backup: {output}, up to record {} of the log. It holds the coordinator's key.\n\
                 To restore it: tauline admin --data-dir NEW restore {output}",
                numbers::with_commas(status.log.records)
            )
        }
        Order::Status
        | Order::Handover { .. }
        | Order::Check { .. }
        | Order::Restore { .. }
        | Order::Migrate { .. }
        | Order::Queue { .. }
        | Order::Invites { .. }
        | Order::Reload => {
            let paused = if paused {
                " (paused by the operator)"
            } else {
                ""
            };
            format!(
                "Ceremony is {}{paused}\n{}",
                status.mode.as_str(),
                status::text(status)
            )
        }
    }
}

/// The text about a change of the mode that is planned.
fn planned(what: &str, at: Timestamp, status: &CeremonyStatus) -> String {
    let when = status::when(at.as_secs(), status.time);
    format!(
        "Planned: from {when} on {what}. The status announces it, and so does the public log; nothing \
         has to be done then. To forget it: tauline admin unplan"
    )
}

/// The text that says that the ceremony was handed over, and what comes next.
pub(super) fn handed_over(to: &SuccessorKey, entries: u64, root: &str, bundle: &Path) -> String {
    let whose = to.address().unwrap_or_else(|| to.to_string());
    let name = bundle.file_name().unwrap_or(bundle.as_os_str()).display();
    format!(
        "Handed over to the coordinator {whose}. The ceremony is closed here for good. Its public log \
         ends here with entry {}, and the root {root}.\n\
         What is to do now:\n\
         1. Carry {} to the other machine by a safe way. It holds everybody's identity and the secret \
         behind the log's commitments, but no key.\n\
         2. Start there: tauline-server --data-dir DIR --from-handover {name} …\n\
         3. When it runs, let it go on there: tauline admin --data-dir DIR resume after a pause, open \
         after a drain.\n\
         4. Keep this coordinator running: it tells participants and their programs where to go, and \
         auditors what was here.",
        numbers::with_commas(entries.saturating_sub(1)),
        bundle.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_handover_everything_that_is_to_do_is_said() {
        let key = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798";
        let text = handed_over(
            &key.parse().unwrap(),
            4_322,
            "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
            Path::new("/var/backups/bundle"),
        );
        for says in [
            "the coordinator 0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf.",
            "closed here for good",
            "ends here with entry 4,321",
            "1. Carry /var/backups/bundle to",
            "but no key",
            "--from-handover bundle …",
            "resume after a pause",
            "4. Keep this coordinator running",
        ] {
            assert!(text.contains(says), "{says}: {text}");
        }
        assert_eq!(text.lines().count(), 6, "{text}");
    }
}
