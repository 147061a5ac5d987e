//! Who is there: free turns that pass who is absent, connections that close, and two clients of one
//! identity.

use std::time::Duration;

use tauline_protocol::admin::AdminRequest;
use tauline_protocol::contribution::StartRequest;
use tauline_protocol::status::{EndedWord, ModeWord, QueueStatus, QueueWord};
use tauline_server::testing::coordinator::Tried;
use tauline_server::testing::refused::Refused;
use tokio::task::JoinHandle;

use crate::support::{Ceremony, Plan, id, secs, settle, update};

/// Two periods of a client that polls each half minute.
const INTERVAL: Duration = secs(69);

fn hold(ceremony: &Ceremony, name: &str) -> JoinHandle<Result<QueueStatus, Refused>> {
    let (coordinator, who) = (ceremony.coordinator.clone(), id(name));
    tokio::spawn(async move { coordinator.check_in_held(who, secs(60)).await })
}

fn hold_poll(ceremony: &Ceremony, name: &str) -> JoinHandle<Result<Tried, Refused>> {
    let (coordinator, who) = (ceremony.coordinator.clone(), id(name));
    tokio::spawn(async move { coordinator.try_contribute(who, INTERVAL, secs(50)).await })
}

/// Polls once and goes away until the next poll.
async fn poll(ceremony: &Ceremony, name: &str) -> Tried {
    let polled = ceremony
        .coordinator
        .try_contribute(id(name), INTERVAL, Duration::ZERO);
    polled.await.unwrap()
}

async fn finish(ceremony: &Ceremony, name: &str) {
    let base = ceremony.start(name).await;
    ceremony.complete(name, update(&base, name)).await.unwrap();
    settle(ceremony).await;
}

/// "anna" has the turn; "bert" has polled and is away; "cleo" and "dora" hold check-ins.
async fn absent_head(plan: Plan) -> (Ceremony, [JoinHandle<Result<QueueStatus, Refused>>; 2]) {
    let ceremony = plan.open();
    ceremony.join("anna").await;
    poll(&ceremony, "bert").await;
    ceremony.join("cleo").await;
    ceremony.join("dora").await;
    let held = [hold(&ceremony, "cleo"), hold(&ceremony, "dora")];
    settle(&ceremony).await;
    ceremony.pass(secs(2)).await;
    (ceremony, held)
}

#[tokio::test]
async fn a_free_turn_goes_to_the_first_who_is_there_and_who_is_passed_is_next() {
    let (ceremony, [cleo, dora]) = absent_head(Plan::default()).await;
    finish(&ceremony, "anna").await;
    assert_eq!(
        cleo.await.unwrap().unwrap().queue_status,
        QueueWord::ReadyToContribute
    );
    finish(&ceremony, "cleo").await;
    // Passed once already: the turn waits for it, whoever else is there.
    settle(&ceremony).await;
    assert!(!dora.is_finished());
    assert!(matches!(poll(&ceremony, "bert").await, Tried::Base(_)));
}

#[tokio::test]
async fn whoever_was_passed_is_told_so() {
    let (ceremony, _held) = absent_head(Plan::default()).await;
    finish(&ceremony, "anna").await;
    let bert = ceremony.check_in("bert").await;
    assert_eq!((bert.queue_position, bert.passed), (Some(1), 1));
    assert_eq!(ceremony.check_in("dora").await.passed, 0);
    // The log knows it, too.
    let ceremony = ceremony.restart().await;
    assert_eq!(ceremony.check_in("bert").await.passed, 1);
}

/// Its contribution is stored after one of a later ticket.
#[tokio::test]
async fn a_coordinator_starts_again_after_whoever_was_passed_has_contributed() {
    let (ceremony, [cleo, _dora]) = absent_head(Plan::default()).await;
    let mut tickets = Vec::new();
    for name in ["anna", "cleo", "bert"] {
        tickets.push(ceremony.check_in(name).await.ticket);
        finish(&ceremony, name).await;
    }
    cleo.await.unwrap().unwrap();
    assert_eq!(tickets, [Some(1), Some(3), Some(2)]);
    let ceremony = ceremony.restart().await;
    let bert = ceremony.check_in("bert").await;
    assert_eq!(bert.ended, Some(EndedWord::Contributed));
    finish(&ceremony, "dora").await;
}

#[tokio::test]
async fn without_passes_everybody_waits_for_the_head() {
    let mut plan = Plan::default();
    plan.rules.passes = 0;
    let (ceremony, [cleo, _dora]) = absent_head(plan).await;
    finish(&ceremony, "anna").await;
    assert!(!cleo.is_finished());
    assert!(matches!(poll(&ceremony, "bert").await, Tried::Base(_)));
}

/// Held by a poll, by a check-in or by a stream: nobody behind gets the turn, not even who asks in
/// the very moment in which it becomes free.
#[tokio::test]
async fn nobody_is_passed_who_holds_an_answer() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let bert = hold_poll(&ceremony, "bert");
    settle(&ceremony).await;
    ceremony.join("cleo").await;
    ceremony.pass(secs(4)).await;
    let coordinator = ceremony.coordinator.clone();
    // Both in one batch: the end of the turn, and the check-in of who is behind.
    let (left, cleo) = tokio::join!(
        coordinator.leave(id("anna")),
        coordinator.check_in(id("cleo"))
    );
    left.unwrap();
    assert_eq!(cleo.unwrap().queue_status, QueueWord::Queued);
    assert!(matches!(bert.await.unwrap().unwrap(), Tried::Base(_)));
    let ended = ceremony.coordinator.leave(id("bert")).await.unwrap();
    assert_eq!(ended.ended, Some(EndedWord::Left));
}

#[tokio::test]
async fn whoever_was_just_answered_has_a_moment_to_come_back() {
    let (ceremony, [cleo, dora]) = absent_head(Plan::default()).await;
    drop((cleo, dora));
    // An answer that was held until its time, and nothing yet after it.
    let coordinator = ceremony.coordinator.clone();
    let bert = tokio::spawn(async move { coordinator.check_in_held(id("bert"), secs(10)).await });
    settle(&ceremony).await;
    ceremony.pass(secs(10)).await;
    assert_eq!(bert.await.unwrap().unwrap().queue_status, QueueWord::Queued);
    ceremony.coordinator.leave(id("anna")).await.unwrap();
    assert_eq!(
        ceremony.check_in("dora").await.queue_status,
        QueueWord::Queued
    );
    assert_eq!(
        ceremony.check_in("bert").await.queue_status,
        QueueWord::ReadyToContribute
    );
}

/// How anna's stay ended, by the log: asking by anna herself would show that she is there.
async fn ended(ceremony: &Ceremony) -> Option<EndedWord> {
    settle(ceremony).await;
    match ceremony.coordinator.is_in_queue(&id("anna")).await.unwrap() {
        true => None,
        false => ceremony.check_in("anna").await.ended,
    }
}

#[tokio::test]
async fn a_held_answer_that_is_cut_in_the_turn_ends_it_sooner_than_silence() {
    for (cut, by) in [(true, 20), (false, 35)] {
        let ceremony = Ceremony::new();
        ceremony.join("anna").await;
        let tags = StartRequest {
            checks_in: true,
            ..StartRequest::default()
        };
        ceremony.coordinator.start(id("anna"), tags).await.unwrap();
        let coordinator = ceremony.coordinator.clone();
        let held =
            tokio::spawn(async move { coordinator.check_in_held(id("anna"), secs(5)).await });
        settle(&ceremony).await;
        if cut {
            held.abort();
            let _ = held.await;
            settle(&ceremony).await;
        } else {
            // Pulled from the network: the answer goes nowhere, and nothing comes.
            ceremony.pass(secs(5)).await;
            held.await.unwrap().unwrap();
            ceremony.pass(secs(29) - secs(5)).await;
            assert_eq!(ended(&ceremony).await, None);
        }
        let passed = if cut { 0 } else { 29 };
        ceremony.pass(secs(by - 1 - passed)).await;
        assert_eq!(ended(&ceremony).await, None, "after {} s", by - 1);
        ceremony.pass(secs(1)).await;
        assert_eq!(
            ended(&ceremony).await,
            Some(EndedWord::Stalled),
            "after {by} s"
        );
    }
}

#[tokio::test]
async fn a_client_that_comes_back_in_time_keeps_its_turn() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let tags = StartRequest {
        checks_in: true,
        ..StartRequest::default()
    };
    ceremony.coordinator.start(id("anna"), tags).await.unwrap();
    for _ in 0..5 {
        let coordinator = ceremony.coordinator.clone();
        let held =
            tokio::spawn(async move { coordinator.check_in_held(id("anna"), secs(5)).await });
        settle(&ceremony).await;
        held.abort();
        let _ = held.await;
        settle(&ceremony).await;
        ceremony.pass(secs(14)).await;
    }
    assert_eq!(
        ceremony.check_in("anna").await.queue_status,
        QueueWord::Contributing
    );
}

#[tokio::test]
async fn one_client_does_not_end_the_stay_of_another_of_the_same_identity() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let client = |n: u8| tauline_server::testing::coordinator::Caller::new(id("bert"), [n; 32]);
    let joined = ceremony.coordinator.join(client(1)).await.unwrap();
    assert_eq!(joined.other_clients, 0);
    let coordinator = ceremony.coordinator.clone();
    let held = tokio::spawn(async move { coordinator.check_in_held(client(1), secs(60)).await });
    settle(&ceremony).await;
    let other = ceremony.coordinator.check_in(client(2)).await.unwrap();
    assert_eq!(other.other_clients, 1);
    let left = ceremony.coordinator.leave(client(2)).await.unwrap();
    assert_eq!(
        (left.queue_status, left.other_clients),
        (QueueWord::Queued, 1)
    );
    // Its own held answer keeps nobody from leaving.
    let left = ceremony.coordinator.leave(client(1)).await.unwrap();
    assert_eq!(left.ended, Some(EndedWord::Left));
    assert_eq!(held.await.unwrap().unwrap().ended, Some(EndedWord::Left));
}

#[tokio::test]
async fn whoever_waits_is_told_of_the_mode() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    assert_eq!(ceremony.join("bert").await.mode, ModeWord::Open);
    ceremony.admin(AdminRequest::Pause).await.unwrap();
    let bert = ceremony.check_in("bert").await;
    assert_eq!(
        (bert.mode, bert.queue_status),
        (ModeWord::Halted, QueueWord::Queued)
    );
}

#[tokio::test]
async fn a_limit_that_follows_is_told_before_anybody_joins_and_extended_for_an_upload() {
    let mut plan = Plan::default();
    plan.rules.contribution_min = Some(secs(20));
    let ceremony = plan.open();
    let limit = |ceremony: &Ceremony| {
        let status = ceremony.coordinator.status();
        (
            status.contribution_limit_in_ms,
            status.contribution_limit_max_in_ms,
        )
    };
    assert_eq!(limit(&ceremony), (180_000, Some(180_000)));
    for number in 0..8 {
        let name = format!("n{number}");
        ceremony.join(&name).await;
        ceremony.contribute(&name).await;
    }
    assert_eq!(limit(&ceremony), (20_000, Some(180_000)));
    ceremony.join("anna").await;
    ceremony.start("anna").await;
    let told = ceremony.look("anna").await.next_checkin_in_ms;
    assert_eq!(told, Some(20_000));
}
