//! Every replica serves everything.

use std::net::{IpAddr, Ipv4Addr};

use reqwest::Method;
use serde_json::{Value, json};
use tauline_protocol::admin::{AdminAnswer, AdminRequest};
use tauline_protocol::error::Code;
use tauline_protocol::status::QueueWord;

use crate::common::crowd::Crowd;
use crate::common::log::Watcher;
use crate::common::raw::Raw;
use crate::common::replicas::Fleet;
use crate::common::sse::Events;
use crate::common::{http, real};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn participants_go_from_replica_to_replica_and_lose_nothing() {
    const PEOPLE: usize = 12;
    let Some(fleet) = Fleet::begin(3, PEOPLE, &[]).await else {
        return;
    };
    let watchers: Vec<Watcher> = (0..3)
        .map(|number| Watcher::begin(&fleet.url(number), Some("/ceremony/transcript")))
        .collect();
    let mut crowd = Crowd::among(fleet.urls());
    crowd.come(PEOPLE);
    let shown = async move {
        let mut shown = Vec::new();
        for watcher in watchers {
            shown.extend(watcher.end().await);
        }
        shown
    };
    crowd.assert_kept(shown).await;
    let (leader, epoch) = fleet.leads().unwrap();
    for number in 0..3 {
        let leads = f64::from(u8::from(number == leader));
        assert_eq!(fleet.metric(number, "tauline_leads").await, Some(leads));
        let seen = fleet.metric(number, "tauline_leader_epoch").await;
        assert_eq!(seen, Some(epoch as f64));
        let forwarded = "tauline_forwarded_total{result=\"answered\"}";
        let forwarded = fleet.metric(number, forwarded).await.unwrap();
        assert_eq!(forwarded > 0.0, number != leader, "{number}: {forwarded}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_answers_as_the_leader_does() {
    let Some(fleet) = Fleet::begin(2, 2, &[]).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    fleet.until_ready(follower, true).await;
    let at = [fleet.anonymous(leader), fleet.anonymous(follower)];
    for path in [
        "/",
        "/docs",
        "/openapi.json",
        "/healthz",
        "/readyz",
        "/log/checkpoint",
        "/log/tile/entries/000.p/1",
        "/nothing/here",
        "/info/current_state",
        "/ceremony/transcript",
    ] {
        let [mut ours, mut theirs] = [at[0].get(path).await, at[1].get(path).await];
        for answer in [&mut ours, &mut theirs] {
            for own in ["date", "x-request-id"] {
                answer.headers.remove(own);
            }
        }
        assert_eq!(ours.status, theirs.status, "{path}");
        assert_eq!(ours.bytes, theirs.bytes, "{path}");
        assert_eq!(ours.headers, theirs.headers, "{path}");
    }
    // Any page may use each of them.
    let preflight = at[1].request(Method::OPTIONS, "/queue/join");
    let preflight = preflight
        .header("origin", "https://a.test")
        .header("access-control-request-method", "POST");
    let preflight = at[1].send(preflight).await.expect_ok();
    assert_eq!(preflight.header("access-control-allow-origin"), Some("*"));
    // A request has one name everywhere.
    let named = at[1].request(Method::GET, "/ceremony/status");
    let named = at[1].send(named.header("x-request-id", "its-name")).await;
    assert_eq!(named.header("x-request-id"), Some("its-name"));
    // Errors are the leader's.
    let refused = at[1].post("/queue/join").await;
    refused.expect_error(Code::SessionMissing);
    let mut unknown = at[1].clone();
    unknown.token = Some("0".repeat(64));
    let refused = unknown.post("/queue/checkin").await;
    refused.expect_error(Code::SessionUnknown);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_answers_and_streams_come_through_a_follower_as_things_happen() {
    let Some(fleet) = Fleet::begin(2, 4, &[]).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    let first = fleet.client(leader, 0).await;
    assert_eq!(
        first.join().await.queue_status,
        QueueWord::ReadyToContribute
    );
    let second = fleet.client(follower, 1).await;
    let third = fleet.client(follower, 2).await;
    assert_eq!(second.join().await.queue_status, QueueWord::Queued);
    assert_eq!(third.join().await.queue_status, QueueWord::Queued);
    let mut events = Events::open(&third, "/queue/events").await;
    let held = tokio::spawn(async move { (second.check_in_held(30.0).await, second) });
    first.leave().await;
    let (called, second) = held.await.unwrap();
    assert_eq!(called.queue_status, QueueWord::ReadyToContribute);
    second.leave().await;
    while !events
        .next()
        .await
        .unwrap()
        .data
        .contains("readyToContribute")
    {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rates_count_by_the_true_client_whichever_replica_it_asks() {
    let flags = ["--anonymous-rate", "6", "--trusted-proxies", "127.0.0.9"];
    let Some(fleet) = Fleet::begin(2, 1, &flags).await else {
        return;
    };
    let from = |address: [u8; 4]| {
        let address = IpAddr::from(Ipv4Addr::from(address));
        http::client().local_address(address).build().unwrap()
    };
    let ask = |client: &reqwest::Client, number: usize, lines: &[(&'static str, &'static str)]| {
        let mut request = client.get(format!("{}/nothing", fleet.url(number)));
        for (name, value) in lines {
            request = request.header(*name, *value);
        }
        async move { request.send().await.unwrap().status().as_u16() }
    };
    // What a client says of itself is not believed, and what it asks of either replica is one sum.
    let client = from([127, 0, 0, 5]);
    for count in 0..6 {
        let forged = [
            ("x-forwarded-for", "192.0.2.1"),
            ("x-tauline-client", "192.0.2.2"),
        ];
        assert_eq!(ask(&client, count % 2, &forged).await, 404, "{count}");
    }
    for number in 0..2 {
        assert_eq!(ask(&client, number, &[]).await, 429);
    }
    assert_eq!(ask(&from([127, 0, 0, 6]), 0, &[]).await, 404, "another");
    // A proxy that is trusted is believed by both.
    let proxy = from([127, 0, 0, 9]);
    for number in 0..2 {
        let lines = [("x-forwarded-for", "127.0.0.5")];
        assert_eq!(ask(&proxy, number, &lines).await, 429);
        let lines = [("x-forwarded-for", "192.0.2.7")];
        assert_eq!(ask(&proxy, number, &lines).await, 404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_else_is_heard_at_the_internal_listener() {
    let Some(fleet) = Fleet::begin(1, 1, &[]).await else {
        return;
    };
    let inside = format!("http://{}", fleet.replicas[0].cable.address);
    let client = http::client().build().unwrap();
    for path in [
        "/ceremony/status",
        "/.replica/leads",
        "/.replica/admin",
        "/.replica/check-ins",
    ] {
        for secret in [None, Some("0".repeat(64)), Some("x".to_owned())] {
            let mut request = client.post(format!("{inside}{path}"));
            request = request.header("x-tauline-client", "192.0.2.1");
            if let Some(secret) = secret {
                request = request.header("x-tauline-secret", secret);
            }
            assert_eq!(request.send().await.unwrap().status(), 403, "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_for_the_inside_is_nothing_outside_at_whichever_replica() {
    let Some(fleet) = Fleet::begin(2, 1, &[]).await else {
        return;
    };
    let order = serde_json::to_value(AdminRequest::Drain { at: None }).unwrap();
    for number in 0..2 {
        let client = fleet.client(number, 0).await;
        for path in ["leads", "admin", "wanted", "verdict"] {
            let path = format!("/.replica/{path}");
            let request = client.request(reqwest::Method::POST, &path).json(&order);
            let request = request.header("x-tauline-asks", "1");
            let outside = client.send(request).await;
            outside.expect_error(Code::NotFound);
        }
        let status = json!(client.status().await);
        assert_eq!(status["mode"], "open", "nobody was heard: {status}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_is_heard_at_every_replica() {
    let Some(fleet) = Fleet::begin(2, 2, &[]).await else {
        return;
    };
    let (leader, _) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    let answer = fleet
        .order(follower, &AdminRequest::Drain { at: None })
        .await;
    let AdminAnswer::Done { status, .. } = answer else {
        panic!("{answer:?}");
    };
    // Nobody is in line.
    assert_eq!(json!(status)["mode"], "halted");
    let client = fleet.client(leader, 0).await;
    let refused = client.post("/queue/join").await;
    refused.expect_error(Code::Halted);
    let answer = fleet
        .order(follower, &AdminRequest::Open { at: None })
        .await;
    assert!(matches!(answer, AdminAnswer::Done { .. }), "{answer:?}");
    let to = fleet.data_dir(follower).join("backup");
    let answer = fleet.order(follower, &AdminRequest::Backup { to }).await;
    let AdminAnswer::Refused { error } = answer else {
        panic!("{answer:?}");
    };
    assert!(error.contains(&fleet.replicas[leader].name), "{error}");
    let invited: Value = json!(fleet.order(follower, &AdminRequest::Invites).await);
    assert!(invited.to_string().contains(&real::name(1)), "{invited}");
    let answer = fleet.order(follower, &AdminRequest::Reload).await;
    assert!(matches!(answer, AdminAnswer::Reloaded { .. }), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replicas_with_other_invitations_say_so_until_they_have_the_same() {
    let Some(fleet) = Fleet::begin(2, 1, &[]).await else {
        return;
    };
    let said = |number: usize, what: &str| fleet.log(number).contains(what);
    let differ = "the file of --invites is another here than at other replicas";
    let same = "the replicas have the same invitations again";
    assert!(!said(0, differ) && !said(1, differ));
    // All read one file here, so a third one is said to run that has another.
    let sql = |statement: &str| {
        tokio::task::block_in_place(|| fleet.postgres.sql(&fleet.schema, statement))
    };
    sql(
        "INSERT INTO invitations VALUES ('other', sha256('other'), clock_timestamp() + interval '1 hour')",
    );
    for number in 0..2 {
        while !said(number, differ) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let metric = fleet.metric(number, "tauline_invites_differ").await;
        assert_eq!(metric, Some(1.0));
    }
    sql("DELETE FROM invitations WHERE replica = 'other'");
    for number in 0..2 {
        while !said(number, same) {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        let metric = fleet.metric(number, "tauline_invites_differ").await;
        assert_eq!(metric, Some(0.0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_refused_while_it_sends_gets_to_read_the_refusal_at_each_replica() {
    let Some(fleet) = Fleet::begin(2, 1, &[]).await else {
        return;
    };
    for url in fleet.urls() {
        for path in [
            "/contribution/probe",
            "/contribution/complete",
            "/contribute",
            "/nothing/here",
            "/index.html",
        ] {
            let mut raw = Raw::connect(&url).await;
            let answer = raw.send_whole("POST", path, 12 << 20).await;
            assert_eq!(answer.status / 100, 4, "{url}{path}");
        }
    }
}
