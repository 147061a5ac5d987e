//! The plug is pulled at every commit of a small ceremony, before it and after it.

use std::sync::{Arc, Mutex};

use tauline_protocol::Identity;
use tauline_protocol::contribution::{SignedReceipt, StartRequest};
use tauline_protocol::status::{EndedWord, QueueWord};
use tauline_server::testing::coordinator::{Coordinator, Crash};

use crate::support::{Ceremony, Fail, Plan, id, update};

/// What the coordinator acknowledged before it went.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    pub(crate) tickets: Vec<(Identity, u64)>,
    pub(crate) started: Vec<Identity>,
    pub(crate) receipts: Vec<(Identity, SignedReceipt)>,
    left: Vec<Identity>,
    pub(crate) refused: Vec<Identity>,
}

/// Plays a ceremony until something is not acknowledged.
async fn play(coordinator: &Coordinator, heard: &mut Acknowledged) -> Option<()> {
    for name in ["anna", "bert", "cleo", "dora"] {
        let status = coordinator.join(id(name)).await.ok()?;
        heard.tickets.push((id(name), status.ticket.unwrap()));
    }
    coordinator.leave(id("cleo")).await.ok()?;
    heard.left.push(id("cleo"));
    for name in ["anna", "bert", "dora"] {
        coordinator.check_in(id(name)).await.ok()?;
        let base = coordinator
            .start(id(name), StartRequest::default())
            .await
            .ok()?;
        heard.started.push(id(name));
        let mut document = update(&base, name);
        if name == "bert" {
            document.sub_contributions.swap(1, 2);
        }
        match coordinator.complete(id(name), move || Ok(document)).await {
            Ok(receipt) => heard.receipts.push((id(name), receipt)),
            Err(error) if error.code.status() == 422 => heard.refused.push(id(name)),
            Err(_) => return None,
        }
    }
    Some(())
}

/// Checks that everything acknowledged is there, and that the ceremony goes on.
pub(crate) async fn check(ceremony: &Ceremony, heard: &Acknowledged) {
    for (who, ticket) in &heard.tickets {
        let status = ceremony.coordinator.check_in(who.clone()).await.unwrap();
        assert_eq!(status.ticket, Some(*ticket), "{status:?}");
        let ended_well = [None, Some(EndedWord::Contributed)].contains(&status.ended);
        let ended_badly = *who == id("cleo") || *who == id("bert");
        assert!(ended_well || ended_badly, "{status:?}");
        if status.ended == Some(EndedWord::Contributed) {
            assert!(status.receipt.is_some());
        }
    }
    for (who, receipt) in &heard.receipts {
        let status = ceremony.coordinator.check_in(who.clone()).await.unwrap();
        assert_eq!(status.receipt.as_ref(), Some(receipt));
    }
    for who in &heard.left {
        let status = ceremony.coordinator.check_in(who.clone()).await.unwrap();
        assert_eq!(status.ended, Some(EndedWord::Left));
    }
    for who in &heard.refused {
        let status = ceremony.coordinator.check_in(who.clone()).await.unwrap();
        assert_eq!(status.ended, Some(EndedWord::Invalid));
        assert!(status.ended_because.is_some());
    }
    for who in &heard.started {
        let status = ceremony.coordinator.check_in(who.clone()).await.unwrap();
        assert_ne!(
            status.queue_status,
            QueueWord::ReadyToContribute,
            "{status:?}"
        );
    }
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_whenever_the_plug_is_pulled() {
    let whole = Fail::never();
    let ceremony = Plan {
        fail: Some(whole.clone()),
        ..Plan::default()
    }
    .open();
    let mut heard = Acknowledged::default();
    play(&ceremony.coordinator, &mut heard).await.unwrap();
    assert_eq!((heard.receipts.len(), heard.refused.len()), (2, 1));
    let commits = i64::try_from(whole.commits()).unwrap();
    assert!(commits >= 15, "{commits} commits");

    for at in 0..commits {
        for after in [false, true] {
            let fail = Some(Fail::at(at, after));
            let ceremony = Plan {
                fail,
                ..Plan::default()
            }
            .open();
            let mut heard = Acknowledged::default();
            let played = play(&ceremony.coordinator, &mut heard).await;
            assert_eq!(played, None, "commit {at} failed and nobody noticed");
            let (plan, ended) = ceremony.ended().await;
            assert!(matches!(ended, Err(Crash::Store(_))), "{ended:?}");

            let ceremony = plan.open();
            check(&ceremony, &heard).await;
            // A second start finds the same.
            let ceremony = ceremony.restart().await;
            check(&ceremony, &heard).await;
            let last = ceremony.coordinator.join(id("emil")).await.unwrap();
            assert!(last.ticket.unwrap() > heard.tickets.len() as u64);
        }
    }
}

#[tokio::test]
async fn after_a_failed_commit_nothing_more_is_said() {
    let ceremony = Plan {
        fail: Some(Fail::at(1, false)),
        ..Plan::default()
    }
    .open();
    ceremony.join("anna").await;
    let log = ceremony.coordinator.status().log;
    ceremony.coordinator.join(id("bert")).await.unwrap_err();
    ceremony.coordinator.check_in(id("anna")).await.unwrap_err();
    let coordinator = ceremony.coordinator.clone();
    assert_eq!(
        coordinator.status().log,
        log,
        "the status is that of the last commit"
    );
    let text = ceremony.outcome().await.unwrap_err().to_string();
    assert!(text.contains("the plug was pulled"), "{text}");
}

/// What was logged by this test program, all of it.
#[derive(Clone, Default)]
struct Logged(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Logged {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn the_log_tells_of_nothing_that_never_became_durable() {
    let logged = Logged::default();
    let writer = logged.clone();
    tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    let ceremony = Plan {
        fail: Some(Fail::at(2, false)),
        ..Plan::default()
    }
    .open();
    ceremony.join("logged.anna").await;
    ceremony.join("logged.bert").await;
    let refused = ceremony.coordinator.leave(id("logged.bert")).await;
    refused.unwrap_err();
    ceremony.outcome().await.unwrap_err();
    let text = String::from_utf8(logged.0.lock().unwrap().clone()).unwrap();
    let mine: Vec<_> = text
        .lines()
        .filter(|line| line.contains("logged."))
        .collect();
    let events = [
        "event=joined ticket=1 identity=invite|logged.anna",
        "event=called ticket=1 identity=invite|logged.anna",
        "event=joined ticket=2 identity=invite|logged.bert",
    ];
    assert_eq!(mine.len(), events.len(), "{mine:?}");
    for (line, event) in mine.iter().zip(events) {
        assert!(line.ends_with(event), "{line}");
    }
}

#[tokio::test]
async fn a_contribution_that_ends_the_process_each_time_does_not_end_the_ceremony() {
    // Join, start and submit are durable; the verdict never is.
    let mut ceremony = Plan {
        fail: Some(Fail::at(4, false)),
        ..Plan::default()
    }
    .open();
    ceremony.join("anna").await;
    ceremony.join("bert").await;
    let base = ceremony.start("anna").await;
    ceremony
        .complete("anna", update(&base, "anna"))
        .await
        .unwrap_err();
    for _ in 0..10 {
        let (mut plan, ended) = ceremony.ended().await;
        assert!(matches!(ended, Err(Crash::Store(_))));
        // Only the record of the restart is made durable.
        plan.fail = Some(Fail::at(1, false));
        ceremony = plan.open();
    }
    let (plan, _) = ceremony.ended().await;
    let ceremony = plan.open();
    let status = ceremony.check_in("anna").await;
    assert_eq!(status.ended, Some(EndedWord::CoordinatorFault));
    assert!(ceremony.store.blob_tickets().unwrap().is_empty());
    ceremony.contribute("bert").await;
    // It was not her fault.
    ceremony.join("anna").await;
    ceremony.contribute("anna").await;
}
