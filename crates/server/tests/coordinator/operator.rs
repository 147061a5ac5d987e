//! What the operator does: drain, open, pause, resume, pardon, expel, backup.

use tauline_protocol::admin::{AdminAnswer, AdminRequest, InLine, SOCKET_NAME};
use tauline_protocol::error::Code;
use tauline_protocol::status::{EndedWord, ModeWord, QueueWord};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

use crate::support::{Ceremony, Plan, id, refused, secs};

#[tokio::test]
async fn draining_serves_everyone_in_line_and_then_halts() {
    let ceremony = Ceremony::joined_by(&["anna", "bert"]).await;
    ceremony
        .admin(AdminRequest::Drain { at: None })
        .await
        .unwrap();
    let error = refused(ceremony.coordinator.join(id("cleo")).await, Code::Draining);
    assert!(error.contains("no new entries"), "{error}");
    assert_eq!(ceremony.coordinator.status().mode, ModeWord::Draining);
    ceremony.contribute("anna").await;
    assert_eq!(ceremony.coordinator.status().mode, ModeWord::Draining);
    ceremony.contribute("bert").await;
    assert_eq!(ceremony.coordinator.status().mode, ModeWord::Halted);
    refused(ceremony.coordinator.join(id("cleo")).await, Code::Halted);

    let error = ceremony.admin(AdminRequest::Resume).await.unwrap_err();
    assert!(error.contains("use `open`"), "{error}");
    ceremony
        .admin(AdminRequest::Open { at: None })
        .await
        .unwrap();
    assert_eq!(ceremony.join("cleo").await.ticket, Some(3));
}

#[tokio::test]
async fn a_pause_stops_every_deadline() {
    let ceremony = Ceremony::in_turn_of("anna").await;
    let before = ceremony.join("bert").await;
    let anna = ceremony.coordinator.status().turn.unwrap();
    ceremony.admin(AdminRequest::Pause).await.unwrap();
    let AdminAnswer::Done {
        paused: true,
        status,
    } = ceremony.ask(AdminRequest::Status).await
    else {
        panic!("not paused")
    };
    assert_eq!(status.mode, ModeWord::Halted);
    ceremony.pass(secs(3600)).await;
    let bert = ceremony.check_in("bert").await;
    assert_eq!(bert.queue_position, Some(1));
    assert_eq!(bert.next_checkin_in_ms, before.next_checkin_in_ms);
    ceremony.admin(AdminRequest::Resume).await.unwrap();
    assert_eq!(ceremony.coordinator.status().mode, ModeWord::Open);
    assert_eq!(
        ceremony.coordinator.status().turn.unwrap().ticket,
        anna.ticket
    );
    ceremony.pass(secs(4)).await;
    assert_eq!(
        ceremony.check_in("bert").await.queue_status,
        QueueWord::Queued
    );
    let error = ceremony.admin(AdminRequest::Resume).await.unwrap_err();
    assert!(error.contains("not paused"), "{error}");
}

#[tokio::test]
async fn a_contribution_that_arrives_in_a_pause_is_not_lost() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    let base = ceremony.start("anna").await;
    ceremony.admin(AdminRequest::Pause).await.unwrap();
    ceremony.pass(secs(600)).await;
    ceremony
        .complete("anna", crate::support::update(&base, "anna"))
        .await
        .unwrap();
    assert_eq!(ceremony.coordinator.status().contributions, 1);
}

#[tokio::test]
async fn a_pause_while_draining_resumes_to_draining() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    ceremony
        .admin(AdminRequest::Drain { at: None })
        .await
        .unwrap();
    ceremony.admin(AdminRequest::Pause).await.unwrap();
    ceremony.admin(AdminRequest::Resume).await.unwrap();
    assert_eq!(ceremony.coordinator.status().mode, ModeWord::Draining);
}

#[tokio::test]
async fn a_pardon_lets_join_again_and_survives_a_restart() {
    let ceremony = Ceremony::new();
    ceremony.join("anna").await;
    ceremony.coordinator.leave(id("anna")).await.unwrap();
    refused(ceremony.coordinator.join(id("anna")).await, Code::UsedUp);
    ceremony
        .admin(AdminRequest::Pardon { id: id("anna") })
        .await
        .unwrap();
    let status = ceremony.check_in("anna").await;
    assert_eq!(status.queue_status, QueueWord::NotQueued);
    assert_eq!(
        status.ended,
        Some(EndedWord::Left),
        "what happened stays said"
    );
    let ceremony = ceremony.restart().await;
    assert_eq!(ceremony.join("anna").await.ticket, Some(2));
    ceremony.contribute("anna").await;
    let error = ceremony
        .admin(AdminRequest::Pardon { id: id("anna") })
        .await
        .unwrap_err();
    assert!(error.contains("final"), "{error}");
    let error = ceremony
        .admin(AdminRequest::Pardon { id: id("bert") })
        .await
        .unwrap_err();
    assert!(error.contains("nothing to pardon"), "{error}");
}

fn expel(ticket: u64) -> AdminRequest {
    AdminRequest::Expel {
        ticket,
        reason: "it floods the coordinator".parse().unwrap(),
    }
}

#[tokio::test]
async fn who_is_expelled_is_told_the_reason_and_may_not_join_until_pardoned() {
    let ceremony = Ceremony::joined_by(&["anna", "bert", "cleo"]).await;
    ceremony.start("anna").await;
    let held = ceremony.coordinator.clone();
    let held = tokio::spawn(async move { held.check_in_held(id("bert"), secs(100)).await });
    while line(&ceremony, 2).await.0[1].clients == 0 {
        tokio::task::yield_now().await;
    }
    for ticket in [2, 1] {
        ceremony.admin(expel(ticket)).await.unwrap();
    }
    let told = held.await.unwrap().unwrap();
    for status in [told, ceremony.check_in("anna").await] {
        assert_eq!(status.queue_status, QueueWord::Expired);
        assert_eq!(status.ended, Some(EndedWord::Expelled));
        let because = status.ended_because.as_deref();
        assert_eq!(because, Some("it floods the coordinator"));
    }
    assert_eq!(
        ceremony.check_in("cleo").await.queue_status,
        QueueWord::ReadyToContribute
    );

    // The reason is in the log: another process knows it, too.
    let ceremony = ceremony.restart().await;
    let error = refused(ceremony.coordinator.join(id("bert")).await, Code::UsedUp);
    assert!(
        error.contains("the ceremony's operator ended your stay (it floods the coordinator)"),
        "{error}"
    );
    ceremony
        .admin(AdminRequest::Pardon { id: id("bert") })
        .await
        .unwrap();
    assert_eq!(ceremony.join("bert").await.ticket, Some(4));
}

#[tokio::test]
async fn what_an_expelled_participant_has_computed_is_refused_with_the_reason() {
    let ceremony = Ceremony::joined_by(&["anna", "bert"]).await;
    let base = ceremony.start("anna").await;
    ceremony.admin(expel(1)).await.unwrap();
    let error = refused(
        ceremony
            .complete("anna", crate::support::update(&base, "anna"))
            .await,
        Code::StayEnded,
    );
    assert!(error.contains("it floods the coordinator"), "{error}");
    ceremony.check_in("bert").await;
    ceremony.contribute("bert").await;
    assert_eq!(ceremony.coordinator.status().contributions, 1);
}

#[tokio::test]
async fn nobody_is_expelled_who_is_not_there_or_has_contributed() {
    let ceremony = Ceremony::joined_by(&["anna", "bert"]).await;
    ceremony.contribute("anna").await;
    let error = ceremony.admin(expel(1)).await.unwrap_err();
    assert!(error.contains("ticket 1 is over"), "{error}");
    for never in [0, 3] {
        let error = ceremony.admin(expel(never)).await.unwrap_err();
        assert!(error.contains("nobody has ticket"), "{error}");
    }
    ceremony.admin(AdminRequest::Pause).await.unwrap();
    ceremony.admin(expel(2)).await.unwrap();
    let bert = ceremony.check_in("bert").await;
    assert_eq!(bert.ended, Some(EndedWord::Expelled), "in a pause, too");
}

#[tokio::test]
async fn handover_the_backup_goes_on_elsewhere_with_the_next_ticket() {
    let ceremony = Ceremony::new();
    for name in ["anna", "bert", "cleo"] {
        ceremony.join(name).await;
    }
    ceremony.coordinator.leave(id("cleo")).await.unwrap();
    ceremony
        .admin(AdminRequest::Drain { at: None })
        .await
        .unwrap();
    let receipt = ceremony.contribute("anna").await;
    ceremony.contribute("bert").await;
    assert_eq!(ceremony.coordinator.status().mode, ModeWord::Halted);
    let copy = ceremony.path().join("handover.db");
    ceremony
        .admin(AdminRequest::Backup { to: copy.clone() })
        .await
        .unwrap();
    let error = ceremony
        .admin(AdminRequest::Backup { to: copy.clone() })
        .await
        .unwrap_err();
    assert!(error.contains("exists already"), "{error}");
    let error = ceremony
        .admin(AdminRequest::Backup {
            to: "copy.db".into(),
        })
        .await
        .unwrap_err();
    assert!(error.contains("absolute"), "{error}");

    let elsewhere = Plan::default();
    std::fs::copy(&copy, elsewhere.directory.path().join("tauline.db")).unwrap();
    let new = elsewhere.open();
    assert_eq!(new.coordinator.address(), ceremony.coordinator.address());
    let (mut there, here) = (new.coordinator.status(), ceremony.coordinator.status());
    // But for the record that says that a coordinator started there.
    assert_eq!(there.log.records, here.log.records + 1);
    there.log = here.log.clone();
    assert_eq!(there, here);
    new.admin(AdminRequest::Open { at: None }).await.unwrap();
    assert_eq!(new.check_in("anna").await.receipt, Some(receipt));
    refused(
        new.coordinator.join(id("anna")).await,
        Code::AlreadyContributed,
    );
    refused(new.coordinator.join(id("cleo")).await, Code::UsedUp);
    assert_eq!(new.join("dora").await.ticket, Some(4));
    new.contribute("dora").await;
    assert_eq!(new.coordinator.status().contributions, 3);
}

#[tokio::test]
async fn a_backup_in_the_middle_of_everything_is_consistent() {
    let ceremony = Ceremony::new();
    for number in 0..6 {
        ceremony.join(&format!("n{number}")).await;
    }
    let mut copies = Vec::new();
    for number in 0..6 {
        let to = ceremony.path().join(format!("copy-{number}.db"));
        let operator = ceremony.operator();
        let request = AdminRequest::Backup { to: to.clone() };
        let backup = tokio::spawn(async move { operator.admin(request).await });
        // Deadlines that have passed meanwhile would end the others' stays: no time passes.
        ceremony.contribute(&format!("n{number}")).await;
        assert!(matches!(backup.await.unwrap(), AdminAnswer::Done { .. }));
        copies.push(to);
    }
    for (number, copy) in (0..).zip(copies) {
        let plan = Plan::default();
        std::fs::copy(&copy, plan.directory.path().join("tauline.db")).unwrap();
        // Opening checks the log against everything beside it.
        let copy = plan.open();
        let contributions = copy.coordinator.status().contributions;
        assert!(
            number <= contributions && contributions <= number + 1,
            "{contributions}"
        );
    }
}

/// Who is in line, and how many there are.
async fn line(ceremony: &Ceremony, first: u32) -> (Vec<InLine>, u64, bool) {
    match ceremony.ask(AdminRequest::Queue { first }).await {
        AdminAnswer::Queue {
            line,
            in_all,
            paused,
        } => (line, in_all, paused),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_operator_sees_who_is_in_line_whether_they_are_there_and_by_when() {
    let ceremony = Ceremony::new();
    assert_eq!(line(&ceremony, 10).await, (Vec::new(), 0, false));
    for name in ["anna", "bert", "cleo", "dora"] {
        ceremony.join(name).await;
    }
    ceremony.start("anna").await;
    ceremony.pass(secs(2)).await;
    let held = ceremony.coordinator.clone();
    let held = tokio::spawn(async move { held.check_in_held(id("cleo"), secs(100)).await });
    let (people, in_all, paused) = loop {
        let seen = line(&ceremony, 3).await;
        if seen.0[2].clients > 0 {
            break seen;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!((in_all, paused), (4, false));
    let names: Vec<_> = people.iter().map(|one| one.id.as_str()).collect();
    assert_eq!(names, ["invite|anna", "invite|bert", "invite|cleo"]);
    let positions: Vec<_> = people
        .iter()
        .map(|one| (one.position, one.ticket))
        .collect();
    assert_eq!(positions, [(0, 1), (1, 2), (2, 3)]);
    let states: Vec<_> = people.iter().map(|one| one.state).collect();
    assert_eq!(
        states,
        [
            QueueWord::Contributing,
            QueueWord::Queued,
            QueueWord::Queued
        ]
    );
    let clients: Vec<_> = people.iter().map(|one| one.clients).collect();
    assert_eq!(clients, [0, 0, 1]);
    assert!(people.iter().all(|one| one.age_in_ms >= 2_000));
    let bert = ceremony.coordinator.how_far(vec![id("bert")]).await;
    assert_eq!(
        Some(people[1].deadline_in_ms),
        bert.unwrap()[0].next_checkin_in_ms
    );

    ceremony.admin(AdminRequest::Pause).await.unwrap();
    let before = line(&ceremony, 10).await;
    ceremony.pass(secs(1000)).await;
    let (people, _, paused) = line(&ceremony, 10).await;
    assert!(paused);
    assert_eq!(people[1].deadline_in_ms, before.0[1].deadline_in_ms);
    held.abort();
}

#[tokio::test]
async fn the_socket_is_the_operators_alone_and_answers_line_by_line() {
    use std::os::unix::fs::PermissionsExt as _;
    let ceremony = Ceremony::new();
    // A socket of a process that is gone is in nobody's way.
    std::fs::write(ceremony.path().join(SOCKET_NAME), b"").unwrap();
    let socket = tauline_server::testing::admin::serve(ceremony.path(), ceremony.operator());
    let socket = socket.unwrap();
    let path = ceremony.path().join(SOCKET_NAME);
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );

    let (reader, mut writer) = UnixStream::connect(&path).await.unwrap().into_split();
    let mut lines = BufReader::new(reader).lines();
    writer
        .write_all(b"{\"do\":\"drain\"}\n{\"do\":\"dance\"}\n{\"do\":\"open\"}\n")
        .await
        .unwrap();
    let mut answers = Vec::new();
    for _ in 0..3 {
        let line = lines.next_line().await.unwrap().unwrap();
        answers.push(serde_json::from_str::<AdminAnswer>(&line).unwrap());
    }
    let mode = |answer: &AdminAnswer| match answer {
        AdminAnswer::Done { status, .. } => Some(status.mode),
        _ => None,
    };
    let modes: Vec<_> = answers.iter().map(mode).collect();
    // Nobody is in line: drained at once.
    assert_eq!(modes, [Some(ModeWord::Halted), None, Some(ModeWord::Open)]);

    writer.write_all(&[b' '; 80_000]).await.unwrap();
    let line = lines.next_line().await.unwrap().unwrap();
    assert_eq!(mode(&serde_json::from_str(&line).unwrap()), None);
    assert_eq!(
        lines.next_line().await.ok().flatten(),
        None,
        "and the line is cut"
    );
    drop(socket);
    assert!(!path.exists());
}
