//! A turn: start, submit, verdict, receipt.

use std::sync::mpsc;
use std::time::Duration;

use tauline_protocol::contribution::SignedReceipt;
use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, QueueWord};
use tauline_server::testing::base::CurrentBase;
use tauline_server::testing::coordinator::Admission;
use tauline_server::testing::refused::Refused;
use tauline_transcript::{DocumentError, Encoding, RawContribution};
use tokio::task::JoinHandle;

use crate::support::{Ceremony, Plan, block, id, one_thread, refused, secs, update};

#[tokio::test]
async fn an_accepted_contribution_earns_a_receipt_that_can_be_had_again() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let base = ceremony.start("anna").await;
    let document = update(&base, "anna");
    let receipt = ceremony.complete("anna", document.clone()).await.unwrap();
    let said = receipt.verify(ceremony.coordinator.address()).unwrap();
    assert_eq!(said.identity, id("anna"));
    assert_eq!(said.witness.len(), 4);

    let status = ceremony.check_in("anna").await;
    assert_eq!(status.queue_status, QueueWord::Contributed);
    assert_eq!(status.receipt.as_ref(), Some(&receipt));
    let admission = ceremony.coordinator.may_submit(id("anna")).await.unwrap();
    assert_eq!(admission, Admission::Accepted(receipt.clone()));
    let again = ceremony.complete("anna", document).await.unwrap();
    assert_eq!(again, receipt);
    let other = ceremony.complete("anna", update(&base, "anna")).await;
    assert_eq!(code(other), Code::EarlierOneCounted);
    let unreadable = || Err(DocumentError::Json("cut short".to_owned()));
    let unreadable = ceremony.coordinator.complete(id("anna"), unreadable).await;
    assert_eq!(code(unreadable), Code::MalformedBody);
    let status = ceremony.check_in("anna").await;
    assert_eq!(status.receipt.as_ref(), Some(&receipt), "nothing is lost");
    refused(
        ceremony.coordinator.join(id("anna")).await,
        Code::AlreadyContributed,
    );
}

#[tokio::test]
async fn each_contribution_builds_on_the_last() {
    let ceremony = Ceremony::new();
    for (number, name) in (0..).zip(["anna", "bert", "cleo"]) {
        ceremony.join(name).await;
        let base = ceremony.start(name).await;
        assert_eq!(base.contributions(), number);
        ceremony.complete(name, update(&base, name)).await.unwrap();
        assert_eq!(ceremony.coordinator.status().contributions, number + 1);
    }
}

#[tokio::test]
async fn start_repeated_gives_the_same_state_and_does_not_restart_the_clock() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let first = ceremony.start("anna").await;
    ceremony.pass(secs(100)).await;
    let second = ceremony.start("anna").await;
    assert_eq!(first.powers(), second.powers());
    assert_eq!(
        ceremony.check_in("anna").await.next_checkin_in_ms,
        Some(30_000),
        "stall"
    );
    ceremony.pass(secs(85)).await;
    assert_ne!(
        ceremony.check_in("anna").await.ended,
        None,
        "the first start counts"
    );
}

#[tokio::test]
async fn nothing_is_taken_out_of_turn() {
    let ceremony = Ceremony::joined_by(&["anna", "bert"]).await;
    let error = refused(
        ceremony.coordinator.may_submit(id("bert")).await,
        Code::NotYourTurn,
    );
    assert!(error.contains("number 1"), "{error}");
    refused(
        ceremony.coordinator.may_submit(id("anna")).await,
        Code::NotStarted,
    );
    for (name, code) in [("bert", Code::NotYourTurn), ("anna", Code::NotStarted)] {
        let early = ceremony
            .coordinator
            .complete(id(name), || panic!("read"))
            .await;
        assert!(matches!(early, Err(no) if no.code == code), "{name}");
    }
    assert_eq!(
        ceremony.check_in("anna").await.queue_status,
        QueueWord::ReadyToContribute
    );
}

#[tokio::test]
async fn a_malformed_body_does_not_end_the_turn() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let base = ceremony.start("anna").await;
    let bad = ceremony
        .coordinator
        .complete(id("anna"), || {
            Err(DocumentError::Json("cut short".to_owned()))
        })
        .await;
    let bad = bad.unwrap_err();
    assert!(is_malformed(&bad), "{bad:?}");
    assert_eq!(bad.code.status(), 400);
    let panicked = ceremony
        .coordinator
        .complete(id("anna"), || panic!("in a decoder"))
        .await;
    assert_eq!(
        panicked.unwrap_err().body().known_code(),
        Some(Code::Internal)
    );
    ceremony
        .complete("anna", update(&base, "anna"))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_invalid_contribution_ends_the_turn_with_the_check_that_failed() {
    let ceremony = Ceremony::joined_by(&["anna", "bert"]).await;
    let base = ceremony.start("anna").await;
    let mut bad = update(&base, "anna");
    bad.sub_contributions.swap(0, 1);
    let error = ceremony.complete("anna", bad).await.unwrap_err();
    assert_eq!(error.code.status(), 422);
    assert_eq!(error.body().known_code(), Some(Code::ContributionSizes));

    let status = ceremony.check_in("anna").await;
    assert_eq!(
        (status.queue_status, status.ended),
        (QueueWord::Expired, Some(EndedWord::Invalid))
    );
    let because = status.ended_because.unwrap();
    assert!(because.contains("sub-ceremony 0"), "{because}");
    let error = refused(ceremony.coordinator.join(id("anna")).await, Code::UsedUp);
    assert!(error.contains(&because), "{error}");
    assert!(ceremony.store.blob_tickets().unwrap().is_empty());
    ceremony.contribute("bert").await;
}

#[tokio::test]
async fn an_unchanged_base_has_no_entropy() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let base = ceremony.start("anna").await;
    let same = base
        .powers()
        .unwrap()
        .to_raw(tauline_transcript::Encoding::Compressed);
    let error = ceremony.complete("anna", same).await.unwrap_err();
    assert_eq!(error.body().known_code(), Some(Code::ContributionNoEntropy));
}

/// An upload of Anna's whose body is being parsed, until it is told to go on.
async fn slow_upload(
    ceremony: &Ceremony,
    parsed: Result<RawContribution, DocumentError>,
) -> (JoinHandle<Result<SignedReceipt, Refused>>, mpsc::Sender<()>) {
    let (go, wait) = mpsc::channel::<()>();
    let (reading, is_read) = tokio::sync::oneshot::channel();
    let coordinator = ceremony.coordinator.clone();
    let upload = tokio::spawn(async move {
        let read = move || {
            reading.send(()).unwrap();
            wait.recv().unwrap();
            parsed
        };
        coordinator.complete(id("anna"), read).await
    });
    is_read.await.unwrap();
    (upload, go)
}

#[tokio::test]
async fn the_participants_clock_stops_at_the_last_byte() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let base = ceremony.start("anna").await;
    ceremony.pass(secs(184)).await;
    let (upload, go) = slow_upload(&ceremony, Ok(update(&base, "anna"))).await;
    // The deadline passes while the body is being parsed, and others come and go.
    ceremony.pass(secs(2)).await;
    ceremony.join("bert").await;
    go.send(()).unwrap();
    upload.await.unwrap().unwrap();
    assert_eq!(
        ceremony.check_in("bert").await.queue_status,
        QueueWord::ReadyToContribute
    );
}

#[tokio::test]
async fn reading_does_not_hold_the_turn_for_ever() {
    let ceremony = Ceremony::in_turn_of("anna").await;
    ceremony.pass(secs(184)).await;
    let (upload, go) = slow_upload(&ceremony, Err(DocumentError::Json("late".to_owned()))).await;
    ceremony.pass(secs(3)).await;
    assert_eq!(
        ceremony.check_in("anna").await.ended,
        Some(EndedWord::TimedOut)
    );
    go.send(()).unwrap();
    assert!(is_malformed(&upload.await.unwrap().unwrap_err()));
}

#[tokio::test]
async fn an_unreadable_body_that_came_in_time_gets_no_extra_time() {
    let ceremony = Ceremony::in_turn_of("anna").await;
    ceremony.pass(secs(184)).await;
    let hands = std::sync::Arc::clone(&ceremony.hands);
    let read = move || {
        hands.advance(secs(2));
        Err(DocumentError::Json("rubbish".to_owned()))
    };
    ceremony
        .coordinator
        .complete(id("anna"), read)
        .await
        .unwrap_err();
    assert_eq!(
        ceremony.check_in("anna").await.ended,
        Some(EndedWord::TimedOut)
    );
}

#[tokio::test]
async fn a_cancelled_upload_does_not_wedge_the_ceremony() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let base = ceremony.start("anna").await;
    let (upload, go) = slow_upload(&ceremony, Ok(update(&base, "anna"))).await;
    upload.abort();
    assert!(upload.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    // It runs to its end without its request, and the receipt is there.
    loop {
        let status = ceremony
            .coordinator
            .check_in_held(id("anna"), secs(60))
            .await
            .unwrap();
        match status.queue_status {
            QueueWord::Contributing | QueueWord::Verifying => {}
            QueueWord::Contributed => return assert!(status.receipt.is_some()),
            other => panic!("{other:?}"),
        }
    }
}

/// A ceremony in which Anna's turn has started and nothing is verified until the guard is dropped.
async fn blocked() -> (Ceremony, std::sync::Arc<CurrentBase>, mpsc::Sender<()>) {
    let (verifier, pool) = one_thread();
    let ceremony = Plan {
        verifier,
        ..Plan::default()
    }
    .open();
    let guard = block(&pool);
    ceremony.join("anna").await;
    let base = ceremony.start("anna").await;
    (ceremony, base, guard)
}

async fn until_verifying(ceremony: &Ceremony) {
    while ceremony.check_in("anna").await.queue_status != QueueWord::Verifying {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn two_uploads_of_one_turn_hear_the_same_verdict_if_they_are_the_same() {
    let (ceremony, base, guard) = blocked().await;
    let document = update(&base, "anna");
    let one = tokio::spawn(upload(&ceremony, document.clone()));
    until_verifying(&ceremony).await;
    assert_eq!(
        ceremony.coordinator.may_submit(id("anna")).await.unwrap(),
        Admission::Verifying
    );
    let uncompressed = document.to_encoding(Encoding::Uncompressed).unwrap();
    let two = tokio::spawn(upload(&ceremony, uncompressed));
    let another = tokio::spawn(upload(&ceremony, update(&base, "anna")));
    let coordinator = ceremony.coordinator.clone();
    let three = tokio::spawn(async move { coordinator.verdict(id("anna")).await });
    refused(
        ceremony.coordinator.leave(id("anna")).await,
        Code::AlreadyVerifying,
    );
    refused(
        ceremony.coordinator.abort(id("anna"), None).await,
        Code::AlreadyVerifying,
    );
    drop(guard);
    let receipt = one.await.unwrap().unwrap();
    assert_eq!(two.await.unwrap().unwrap(), receipt);
    assert_eq!(three.await.unwrap().unwrap(), receipt);
    // Its secret is not in the ceremony, so the receipt is not its own.
    assert_eq!(code(another.await.unwrap()), Code::EarlierOneCounted);
}

#[tokio::test]
async fn what_was_sent_beside_an_invalid_contribution_is_not_called_invalid() {
    let (ceremony, base, guard) = blocked().await;
    let good = update(&base, "anna");
    let mut bad = good.clone();
    bad.sub_contributions.swap(0, 1);
    let one = tokio::spawn(upload(&ceremony, bad));
    until_verifying(&ceremony).await;
    let another = tokio::spawn(upload(&ceremony, good));
    ceremony.check_in("anna").await;
    drop(guard);
    assert_eq!(code(one.await.unwrap()), Code::ContributionSizes);
    let error = another.await.unwrap().unwrap_err().body();
    assert_eq!(error.known_code(), Some(Code::StayEnded), "{error:?}");
    assert!(error.error.contains("sub-ceremony 0"), "{error:?}");
}

#[tokio::test]
async fn verification_that_never_ends_is_the_coordinators_fault() {
    let (verifier, pool) = one_thread();
    let ceremony = Plan {
        verifier,
        ..Plan::default()
    }
    .open();
    let guard = block(&pool);
    ceremony.join("anna").await;
    let base = ceremony.start("anna").await;
    let one = tokio::spawn(upload(&ceremony, update(&base, "anna")));
    while ceremony.check_in("anna").await.queue_status != QueueWord::Verifying {
        tokio::task::yield_now().await;
    }
    // The participant's deadline is long past: verification is not on its clock.
    ceremony.pass(secs(299)).await;
    assert_eq!(
        ceremony.check_in("anna").await.queue_status,
        QueueWord::Verifying
    );
    ceremony.pass(secs(1)).await;
    let error = one.await.unwrap().unwrap_err();
    assert_eq!(error.body().known_code(), Some(Code::CoordinatorFault));
    let status = ceremony.check_in("anna").await;
    assert_eq!(status.queue_status, QueueWord::NotQueued, "not used up");
    assert_eq!(status.ended, Some(EndedWord::CoordinatorFault));
    // She joins again; the verdict on her first stay comes late and ends nothing.
    assert_eq!(ceremony.join("anna").await.ticket, Some(2));
    ceremony.start("anna").await;
    drop(guard);
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(
        ceremony.check_in("anna").await.queue_status,
        QueueWord::Contributing
    );
    ceremony
        .complete("anna", update(&base, "anna"))
        .await
        .unwrap();
}

#[tokio::test]
async fn an_aborted_turn_is_free_at_once_and_its_reason_is_kept() {
    let ceremony = Ceremony::joined_by(&["anna", "bert"]).await;
    ceremony.start("anna").await;
    let reason = Some("the cat is on the keyboard".to_owned());
    let status = ceremony
        .coordinator
        .abort(id("anna"), reason.clone())
        .await
        .unwrap();
    assert_eq!(
        (status.ended, status.ended_because),
        (Some(EndedWord::Aborted), reason)
    );
    assert_eq!(
        ceremony.check_in("bert").await.queue_status,
        QueueWord::ReadyToContribute
    );
    refused(
        ceremony.coordinator.abort(id("cleo"), None).await,
        Code::NotQueued,
    );
}

/// Whether a body was refused that is no document, in a turn that goes on.
fn is_malformed(refused: &Refused) -> bool {
    refused.code == Code::MalformedBody && refused.error.contains("your turn is not over")
}

/// The code of what went wrong.
#[track_caller]
fn code<T: std::fmt::Debug>(answer: Result<T, Refused>) -> Code {
    answer.unwrap_err().code
}

fn upload(
    ceremony: &Ceremony,
    document: RawContribution,
) -> impl Future<Output = Result<SignedReceipt, Refused>> + use<> {
    let coordinator = ceremony.coordinator.clone();
    async move { coordinator.complete(id("anna"), move || Ok(document)).await }
}
