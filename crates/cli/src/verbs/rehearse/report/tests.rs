//! Reports of rehearsals that went well, out of order, and otherwise than their parts say.

use tokio::time::Instant;

use super::super::parts::Part;
use super::*;
use crate::client::Answered;
use crate::participant::Times;

fn part(role: Role) -> Part {
    Part {
        role,
        ..Part::CONTRIBUTE
    }
}

fn contributor(number: usize, ticket: u64, accepted: Instant) -> Fate {
    let called = accepted.checked_sub(Duration::from_secs(2));
    let joined = called.and_then(|at| at.checked_sub(Duration::from_secs(10)));
    let times = Times {
        joined,
        called,
        started: called,
        accepted: Some(accepted),
        ..Times::default()
    };
    Fate::new(number, Part::CONTRIBUTE, times, Ok(Some(ticket)), None)
}

fn report_of(fates: &[Fate]) -> Report {
    Report::new(1, Duration::ZERO, 0, fates, &Seen::default())
}

#[test]
fn a_rehearsal_out_of_order_is_not_good() {
    let start = Instant::now() + Duration::from_secs(100);
    let later = start + Duration::from_secs(5);
    let none = Seen::default();
    let good = [contributor(0, 1, start), contributor(1, 2, later)];
    assert!(Report::new(1, Duration::ZERO, 0, &good, &none).is_good());
    let mut bad = [contributor(0, 2, start), contributor(1, 1, later)];
    assert!(!report_of(&bad).is_good());
    // Who had the turn first is no excuse by having been passed before: the other one was not.
    bad[0].times.passed = Some(start);
    assert!(!report_of(&bad).is_good());
}

#[test]
fn whoever_was_passed_may_be_accepted_later() {
    let start = Instant::now() + Duration::from_secs(100);
    let at = |number: u64| start + Duration::from_secs(5 * number);
    // The second and the third have changed places with others behind them.
    let mut fates = [1, 4, 2, 5, 3]
        .iter()
        .zip(0..)
        .map(|(&ticket, place)| contributor(place as usize, ticket, at(place)))
        .collect::<Vec<_>>();
    fates[2].times.passed = Some(start);
    assert!(!report_of(&fates).is_good(), "the third was not passed");
    fates[4].times.passed = Some(start);
    let report = report_of(&fates);
    assert!(report.is_good());
    assert!(
        report
            .to_string()
            .contains("passed          2 who were not heard of")
    );
}

#[test]
fn a_dropout_whom_the_coordinator_judges_otherwise_is_a_failure() {
    let fate = |role, end| Fate::new(0, part(role), Times::default(), Ok(None), end);
    for (role, end, good) in [
        (Role::VanishInLine, Some(EndedWord::MissedCheckin), true),
        (Role::VanishWhenCalled, Some(EndedWord::FailedToStart), true),
        (Role::VanishAfterStart, Some(EndedWord::TimedOut), true),
        (Role::VanishAfterStart, Some(EndedWord::Stalled), true),
        (Role::Abort, Some(EndedWord::Aborted), true),
        (Role::Leave, Some(EndedWord::Left), true),
        (
            Role::VanishAfterStart,
            Some(EndedWord::FailedToStart),
            false,
        ),
        (Role::Leave, None, false),
    ] {
        let report = Report::new(1, Duration::ZERO, 0, &[fate(role, end)], &Seen::default());
        assert_eq!(report.is_good(), good, "{role:?} {end:?}");
    }
}

#[test]
fn a_report_reads_well() {
    let start = Instant::now() + Duration::from_secs(100);
    let lost = |silent, called: u64, started: u64| {
        let at = |s| Some(start + Duration::from_secs(s));
        let part = Part {
            role: Role::VanishAfterStart,
            silent,
        };
        let times = Times {
            joined: at(0),
            called: at(called),
            started: at(started),
            ..Times::default()
        };
        Fate::new(9, part, times, Ok(None), Some(EndedWord::Stalled))
    };
    let fates = [
        contributor(0, 1, start),
        contributor(1, 2, start + Duration::from_secs(55)),
        lost(false, 1, 2),
        lost(true, 20, 21),
        Fate::new(
            2,
            part(Role::Leave),
            Times::default(),
            Ok(None),
            Some(EndedWord::Left),
        ),
        Fate::new(
            3,
            Part::CONTRIBUTE,
            Times::default(),
            Err("the line is cut".into()),
            None,
        ),
    ];
    let check_in = |ms| Answered {
        call: Call::CheckIn,
        at: Duration::ZERO,
        took: Duration::from_millis(ms),
    };
    let seen = Seen {
        answered: [3, 4, 250].map(check_in).to_vec(),
        ..Seen::default()
    };
    insta::assert_snapshot!(Report::new(42, Duration::from_secs(33), 3, &fates, &seen), @r"
    Rehearsal with 6 participants, seed 42
      took            33 s
      accepted        2, in the order of tickets
      dropped out     2 to vanish after the start: 2 stalled
      dropped out     1 to leave: 1 left
      turns an hour   107
      turns           mean 2.0 s, median 2.0 s, longest 2.0 s
      idle between    mean 2.0 s, median 2.0 s, longest 2.0 s
      waits           mean 10 s, median 10 s, longest 20 s
      lost            1 slot to vanish after the start, closing the connection: mean 20 s, median 20 s, longest 20 s
      lost            1 slot to vanish after the start, silently: mean 33 s, median 33 s, longest 33 s
      check-ins       half within 4 ms, 99 of 100 within 250 ms, longest 250 ms
      repeated calls  3
      FAILED          participant 4 (contribute): the line is cut
    1 part failed.
    ");
}
