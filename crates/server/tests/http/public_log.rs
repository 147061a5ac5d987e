//! The public log, as whoever checks it meets it (`docs/spec/public-log.md#tiles`).

use std::path::Path;
use std::time::Duration;

use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::note::VerifierKey;
use tauline_log::tile::{Contents, Tile};
use tauline_protocol::Identity;
use tauline_protocol::error::{Code, ErrorBody};
use tauline_protocol::public_log::{Commitment, Notice, key_certificate};
use tauline_protocol::statement::{PromisedPhase, SignedStatement, Statement};
use tauline_protocol::status::QueueStatus;
use tauline_queue_core::{Event, Mode, Outcome};
use tauline_transcript::signature::{ecdsa_recover, eip55, personal_message_digest};

use crate::common::TestServer;
use crate::common::log::{Downloaded, download};

/// Whoever checks the log finds that it is that of a fair coordinator, with so many contributions.
pub(crate) async fn assert_fair(server: &TestServer, contributions: u64) {
    let log = download(&server.anonymous()).await;
    let report = log.assert_fair(&[], &[]);
    assert_eq!(report.statistics.outcomes.contributed, contributions);
}

#[tokio::test]
async fn the_first_entry_says_whose_log_it_is() {
    let server = TestServer::start().await;
    let log = download(&server.anonymous()).await;
    let Some(Notice::Opened {
        origin,
        key,
        coordinator,
        certificate,
        sizes,
        ..
    }) = &log.entries[0].notice
    else {
        panic!("{:?}", log.entries[0]);
    };
    assert_eq!(
        *origin,
        format!("{}/log", server.url().trim_start_matches("http://"))
    );
    assert_eq!(log.checkpoint.origin.as_str(), origin);
    assert_eq!(sizes, &server.sizes().to_string());
    let digest = personal_message_digest(key_certificate(origin, key).as_bytes());
    let signature: [u8; 65] = hex::decode(certificate).unwrap().try_into().unwrap();
    let signer = eip55(&ecdsa_recover(&digest, &signature).unwrap());
    assert_eq!(&signer, coordinator);
    assert_eq!(
        signer,
        server.anonymous().status().await.coordinator_address
    );
    assert!(matches!(
        log.entries[1].notice,
        Some(Notice::Started { .. })
    ));
}

#[tokio::test]
async fn whoever_joins_is_in_the_log_before_it_is_answered_and_nobody_else_sees_who_it_is() {
    let server = TestServer::start().await;
    let anna = server.client(1).await;
    let ticket = anna.join().await.ticket.unwrap();
    let log = download(&server.anonymous()).await;
    let joined: Vec<Commitment> = log
        .entries
        .iter()
        .filter_map(|entry| match &entry.queue {
            Some(Event::Joined {
                ticket: one, id, ..
            }) if one.value() == ticket => Some(*id),
            _ => None,
        })
        .collect();
    assert_eq!(joined.len(), 1, "{:?}", log.entries);
    let address = anna.identity().to_string();
    for entry in &log.entries {
        let text = String::from_utf8(entry.to_bytes()).unwrap();
        assert!(
            !text.to_lowercase().contains(&address.to_lowercase()),
            "{text}"
        );
    }
}

#[tokio::test]
async fn an_accepted_contribution_opens_its_commitment() {
    let server = TestServer::start().await;
    let anna = server.client(1).await;
    anna.take_part(&server.sizes()).await;
    let log = download(&server.anonymous()).await;
    let mut joined = None;
    let mut accepted = None;
    for entry in &log.entries {
        match &entry.queue {
            Some(Event::Joined { id, .. }) => joined = Some(*id),
            Some(Event::Ended {
                outcome: Outcome::Contributed,
                ..
            }) => accepted = entry.accepted,
            _ => {}
        }
    }
    let accepted = accepted.expect("the contribution is in the log before the receipt is there");
    assert_eq!(accepted.number, 1);
    let opened = Commitment::new(&anna.identity(), &accepted.nonce.0);
    assert_eq!(Some(opened), joined);
    let other = Identity::invite("somebody").unwrap();
    assert_ne!(Some(Commitment::new(&other, &accepted.nonce.0)), joined);
}

#[tokio::test]
async fn the_log_only_grows_over_restarts() {
    let mut server = TestServer::start().await;
    let mut last: Option<Downloaded> = None;
    for round in 0..4 {
        let client = server.client(round).await;
        client.join().await;
        client.leave().await;
        // What nobody waits for is signed within a second.
        tokio::time::sleep(Duration::from_millis(1200)).await;
        let log = download(&server.anonymous()).await;
        if let Some(before) = &last {
            let proof = log
                .tree
                .snapshot()
                .consistency_from(before.checkpoint.tree.size);
            log.checkpoint
                .tree
                .verify_consistency(&before.checkpoint.tree, &proof.unwrap())
                .unwrap();
            assert_eq!(log.entries[..before.entries.len()], before.entries);
        }
        let left = log.entries.iter().any(|entry| {
            matches!(
                entry.queue,
                Some(Event::Ended { ticket, outcome: Outcome::Left }) if ticket.value() == u64::from(round) + 1
            )
        });
        assert!(left, "round {round}: {:?}", log.entries);
        last = Some(log);
        assert_fair(&server, 0).await;
        server = server.restart().await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_cached_and_says_what_there_is() {
    let server = TestServer::start().await;
    let client = server.anonymous();
    let size = download(&client).await.checkpoint.tree.size;
    let beyond = Tile::new(Contents::Entries, 0, u16::try_from(size + 1).unwrap()).unwrap();
    for path in [
        beyond.to_string(),
        "tile/0/001".to_owned(),
        "tile/9/000".to_owned(),
        "tile/entries/000".to_owned(),
        "tile/0/0".to_owned(),
        "tile/0/000.p/0".to_owned(),
        "checkpoints".to_owned(),
    ] {
        let answer = client.get(&format!("/log/{path}")).await;
        assert_eq!(answer.status, 404, "{path}");
        let cached = answer.header("cache-control");
        assert!(cached.is_none_or(|it| !it.contains("immutable")), "{path}");
        assert!(
            answer.text().contains("tile/entries/N"),
            "{path}: {}",
            answer.text()
        );
    }
    let answer = client
        .get(&format!("/log/tile/entries/000.p/{size}"))
        .await
        .expect_ok();
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"));
}

/// Copies the database without what is beside it.
fn copy_database(from: &Path, to: &Path) {
    for name in ["tauline.db", "tauline.db-wal"] {
        if from.join(name).exists() {
            std::fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn a_backup_that_is_older_than_what_was_signed_is_not_taken_up() {
    let server = TestServer::start().await;
    server.client(1).await.join().await;
    let kept = tempfile::tempdir().unwrap();
    let server = server
        .restart_after(|data| copy_database(data, kept.path()))
        .await;
    server.client(2).await.join().await;
    let data = server.stop().await;
    // The operator puts the backup in place, and removes the mark that would refuse it.
    std::fs::remove_file(data.path().join("tauline.mark")).unwrap();
    let _ = std::fs::remove_file(data.path().join("tauline.db-wal"));
    copy_database(kept.path(), data.path());
    let error = TestServer::try_on(&data, &[])
        .await
        .expect_err("it does not start");
    let text = format!("{error:#}");
    assert!(text.contains("would take back what was signed"), "{text}");
}

#[tokio::test]
async fn without_the_file_that_guards_it_the_log_goes_on_only_at_the_operators_word() {
    let server = TestServer::start().await;
    server.client(1).await.join().await;
    let data = server.stop().await;
    let guard = data.path().join("tauline.signed");
    std::fs::remove_file(&guard).unwrap();
    let error = TestServer::try_on(&data, &[])
        .await
        .expect_err("it does not start");
    let text = format!("{error:#}");
    assert!(
        text.contains("--accept-missing-guard") && text.contains("tauline.signed"),
        "{text}"
    );
    let told = [("accept-missing-guard", "true")];
    TestServer::try_on(&data, &told).await.unwrap();
}

/// The log's key, as the log itself has it.
fn log_key(log: &Downloaded) -> VerifierKey {
    match &log.entries[0].notice {
        Some(Notice::Opened { key, .. }) => key.parse().unwrap(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn joining_is_answered_with_a_ticket_that_the_log_bears_out() {
    let server = TestServer::start().await;
    let anna = server.client(1).await;
    let status = anna.join().await;
    let signed = status.signed_ticket.expect("a ticket");
    let log = download(&server.anonymous()).await;
    let ticket = SignedStatement::parse(signed.ticket.as_bytes()).unwrap();
    let Statement::Ticket(ticket) = ticket.verify(&log_key(&log)).unwrap().clone() else {
        panic!("{ticket}");
    };
    assert_eq!(Some(ticket.ticket.value()), status.ticket);
    assert_eq!(
        ticket.commitment,
        Commitment::new(&anna.identity(), &signed.nonce.0)
    );
    let leaf = log.tree.leaf(ticket.entry).unwrap();
    assert_eq!(ticket.leaf.0, *leaf.as_bytes());
    let entry = &log.entries[usize::try_from(ticket.entry).unwrap()];
    assert!(
        matches!(&entry.queue, Some(Event::Joined { ticket: one, id, .. })
            if *one == ticket.ticket && *id == ticket.commitment),
        "{entry:?}"
    );
    let covered = SignedCheckpoint::parse(signed.checkpoint.as_bytes()).unwrap();
    let covered = covered.verify(&[log_key(&log)]).unwrap();
    assert!(ticket.entry < covered.tree.size);
    // Joining again is a check-in, and the ticket is the same one.
    let again = anna.join().await.signed_ticket.unwrap();
    assert_eq!(again.nonce, signed.nonce);
    // Nobody else is given one.
    assert_eq!(anna.check_in().await.signed_ticket, None);
}

#[tokio::test]
async fn a_check_in_is_answered_with_a_promise_that_is_never_taken_back() {
    let server = TestServer::start().await;
    let (anna, bert) = (server.client(1).await, server.client(2).await);
    anna.join().await;
    bert.join().await;
    let log = download(&server.anonymous()).await;
    let promise = |status: &QueueStatus| {
        let text = status.promise.clone().expect("a promise");
        let signed = SignedStatement::parse(text.as_bytes()).unwrap();
        match signed.verify(&log_key(&log)).unwrap() {
            Statement::Promise(promise) => promise.clone(),
            other => panic!("{other}"),
        }
    };
    let first = promise(&bert.check_in().await);
    assert_eq!(first.phase, PromisedPhase::Waiting);
    assert!(first.kept_until > first.at);
    let second = promise(&bert.check_in().await);
    assert!(second.kept_until >= first.kept_until);
    let turn = promise(&anna.check_in().await);
    assert_eq!(turn.phase, PromisedPhase::Ready);
    // In the turn the time for the contribution is what counts; nothing else is promised.
    anna.start(&server.sizes()).await;
    assert_eq!(anna.check_in().await.promise, None);
}

#[tokio::test]
async fn who_may_not_join_holds_a_signed_refusal() {
    let server = TestServer::start().await;
    let anna = server.client(1).await;
    anna.join().await;
    anna.leave().await;
    let answer = anna.post("/queue/join").await;
    assert_eq!(answer.status, 403, "{}", answer.text());
    let body: ErrorBody = answer.json();
    let signed = body.signed.expect("a signed refusal");
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let log = download(&server.anonymous()).await;
    let refusal = SignedStatement::parse(signed.refusal.as_bytes()).unwrap();
    let Statement::Refusal(refusal) = refusal.verify(&log_key(&log)).unwrap().clone() else {
        panic!("{refusal}");
    };
    assert_eq!(refusal.code, Code::UsedUp);
    assert_eq!(refusal.mode, Mode::Open);
    assert_eq!(
        refusal.commitment,
        Commitment::new(&anna.identity(), &signed.nonce.0)
    );
    // What it rests on is in the log: the stay that used the identity up.
    let size = usize::try_from(refusal.log_size).unwrap();
    let ended = log.entries[..size].iter().any(|entry| {
        matches!(
            entry.queue,
            Some(Event::Ended {
                outcome: Outcome::Left,
                ..
            })
        )
    });
    assert!(ended, "{:?}", log.entries);
    // Other errors are not signed.
    let body: ErrorBody = anna.post("/queue/leave").await.json();
    assert_eq!(body.signed, None);
}
