//! Verification that ends before the contribution is stored: one commit holds both, or neither.

use std::sync::{Arc, mpsc};

use rayon::ThreadPool;
use tauline_protocol::contribution::{SignedReceipt, StartRequest};
use tauline_protocol::error::Code;
use tauline_protocol::journal::Record;
use tauline_protocol::status::QueueWord;
use tauline_queue_core::Event;
use tauline_server::testing::refused::Refused;
use tauline_store::{Batch, Write};
use tauline_transcript::{RawContribution, Received};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot;

use crate::crash::{Acknowledged, check};
use crate::support::{Ceremony, Fail, Plan, block, id, one_thread, update};

/// A runtime on which one thing can block at a time.
fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder
        .enable_all()
        .max_blocking_threads(1)
        .build()
        .unwrap()
}

fn open(fail: &Fail) -> (Ceremony, Arc<ThreadPool>) {
    let (verifier, pool) = one_thread();
    let plan = Plan {
        verifier,
        fail: Some(fail.clone()),
        ..Plan::default()
    };
    (plan.open(), pool)
}

/// Hands a contribution in that is verified before it can be stored.
async fn complete(
    ceremony: &Ceremony,
    pool: &ThreadPool,
    name: &str,
    document: RawContribution,
) -> Result<SignedReceipt, Refused> {
    // The one thread that may block, and makes what is stored, is busy.
    let (go, wait) = mpsc::channel::<()>();
    let busy = tokio::task::spawn_blocking(move || wait.recv().is_ok());
    let (reading, is_read) = oneshot::channel();
    let read = async move {
        reading.send(()).unwrap();
        Ok(Ok(Received::from(document)))
    };
    let (coordinator, who) = (ceremony.coordinator.clone(), id(name));
    let upload = tokio::spawn(async move { coordinator.complete_arriving(who, read).await });
    if is_read.await.is_ok() {
        // Behind the verification, on its one thread.
        pool.install(|| ());
    }
    drop(go);
    busy.await.unwrap();
    let counted = upload.await.unwrap();
    counted.map(|counted| counted.receipt)
}

/// What a batch writes, in short.
fn written(batch: &Batch) -> Vec<&'static str> {
    let short = |write: &Write| match write {
        Write::Record(record) => {
            let record = Record::from_bytes(&record.bytes).unwrap();
            match record.entry.map(|entry| entry.event) {
                Some(Event::Submitted { .. }) => "submitted",
                Some(Event::Ended { .. }) => "ended",
                Some(Event::Called { .. }) => "called",
                _ => "other",
            }
        }
        Write::Blob { .. } => "blob",
        Write::DropBlob(_) => "drop blob",
        Write::LogKey(_) => "key",
        Write::Accepted(_) => "accepted",
    };
    batch.writes.iter().map(short).collect()
}

#[test]
fn one_commit_holds_a_contribution_and_its_verdict() {
    runtime().block_on(async {
        let fail = Fail::never();
        let (ceremony, pool) = open(&fail);
        ceremony.join("anna").await;
        ceremony.join("bert").await;
        let base = ceremony.start("anna").await;
        complete(&ceremony, &pool, "anna", update(&base, "anna"))
            .await
            .unwrap();
        let last = written(fail.0.batches.lock().unwrap().last().unwrap());
        assert_eq!(last[..4], ["blob", "submitted", "ended", "accepted"]);

        ceremony.check_in("bert").await;
        let base = ceremony.start("bert").await;
        let mut bad = update(&base, "bert");
        bad.sub_contributions.swap(1, 2);
        let error = complete(&ceremony, &pool, "bert", bad).await.unwrap_err();
        assert_eq!(error.code, Code::ContributionSizes);
        // What is refused at once is not stored at all.
        let last = written(fail.0.batches.lock().unwrap().last().unwrap());
        assert_eq!(last[..2], ["submitted", "ended"]);
        assert!(!last.iter().any(|it| it.contains("blob")), "{last:?}");
        assert_eq!(ceremony.store.blob_tickets().unwrap().len(), 1);
    });
}

#[test]
fn who_is_out_of_turn_is_not_verified() {
    runtime().block_on(async {
        let (ceremony, pool) = open(&Fail::never());
        ceremony.join("anna").await;
        ceremony.join("bert").await;
        let base = ceremony.start("anna").await;
        let _guard = block(&pool);
        let read = async { panic!("read") };
        let error = ceremony
            .coordinator
            .complete_arriving(id("bert"), read)
            .await;
        assert_eq!(error.unwrap_err().code, Code::NotYourTurn);
        drop(base);
    });
}

/// Plays a ceremony until something is not acknowledged.
async fn play(ceremony: &Ceremony, pool: &ThreadPool, heard: &mut Acknowledged) -> Option<()> {
    for name in ["anna", "bert"] {
        let status = ceremony.coordinator.join(id(name)).await.ok()?;
        heard.tickets.push((id(name), status.ticket.unwrap()));
    }
    for name in ["anna", "bert"] {
        ceremony.coordinator.check_in(id(name)).await.ok()?;
        let tags = StartRequest::default();
        let base = ceremony.coordinator.start(id(name), tags).await.ok()?;
        heard.started.push(id(name));
        let mut document = update(&base, name);
        if name == "bert" {
            document.sub_contributions.swap(1, 2);
        }
        match complete(ceremony, pool, name, document).await {
            Ok(receipt) => heard.receipts.push((id(name), receipt)),
            Err(error) if error.code.status() == 422 => heard.refused.push(id(name)),
            Err(_) => return None,
        }
    }
    Some(())
}

#[test]
fn nothing_acknowledged_is_lost_when_the_plug_is_pulled_at_such_a_commit() {
    runtime().block_on(async {
        let whole = Fail::never();
        let (ceremony, pool) = open(&whole);
        let mut heard = Acknowledged::default();
        play(&ceremony, &pool, &mut heard).await.unwrap();
        assert_eq!((heard.receipts.len(), heard.refused.len()), (1, 1));
        for at in 0..i64::try_from(whole.commits()).unwrap() {
            for after in [false, true] {
                let (ceremony, pool) = open(&Fail::at(at, after));
                let mut heard = Acknowledged::default();
                assert_eq!(
                    play(&ceremony, &pool, &mut heard).await,
                    None,
                    "commit {at}"
                );
                let (plan, ended) = ceremony.ended().await;
                ended.unwrap_err();

                let ceremony = plan.open();
                check(&ceremony, &heard).await;
                // Whoever was not answered has its receipt, or its turn.
                if heard.started.len() == 1 && heard.receipts.is_empty() {
                    let status = ceremony.check_in("anna").await;
                    match status.queue_status {
                        QueueWord::Contributed => assert!(status.receipt.is_some()),
                        QueueWord::Contributing => {
                            let base = ceremony.start("anna").await;
                            let document = update(&base, "anna");
                            ceremony.complete("anna", document).await.unwrap();
                        }
                        other => panic!("commit {at}: {other:?}"),
                    }
                }
                ceremony.restart().await;
            }
        }
    });
}
