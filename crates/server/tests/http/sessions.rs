//! Who may be signed in, for how long, and by which clock.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tauline_protocol::error::Code;
use tauline_protocol::login::LoginAnswer;
use tauline_queue_core::Timestamp;
use tauline_server::Running;
use tauline_server::Settings;
use tauline_server::testing::clock::Clock;
use tauline_server::testing::start_at;

use crate::common::{Client, SMALL, TestServer};

#[tokio::test]
async fn people_are_counted_and_not_sessions() {
    let server = TestServer::with(&[("max-sessions", "2")]).await;
    for _ in 0..3 {
        server.client(1).await;
    }
    let last = server.client(2).await;
    let newcomer = |server: &TestServer| Client::with_key(&server.url(), 3);
    newcomer(&server)
        .sign_in()
        .await
        .expect_error(Code::SessionsFull);
    for number in [1, 2] {
        server.client(number).await;
    }
    // The count, and who is in, is known after a restart as well.
    let server = server.restart().await;
    newcomer(&server)
        .sign_in()
        .await
        .expect_error(Code::SessionsFull);
    for number in [1, 2] {
        server.client(number).await;
    }
    last.at(server.url()).join().await;
}

#[tokio::test]
async fn who_is_in_the_queue_signs_in_again_however_full_it_is() {
    let flags = [
        ("max-sessions", "2"),
        ("session-lifetime", "60"),
        ("contribution-limit", "3600"),
        ("checkin-min", "3000"),
    ];
    let server = TestServer::at_noon(&flags).await;
    let (holder, waiter) = (server.client(1).await, server.client(2).await);
    holder.join().await;
    holder.start(&server.sizes()).await;
    waiter.join().await;
    // Their sessions have ended, as far as anybody can tell who does not ask the queue.
    server.pass(Duration::from_secs(64)).await;
    for number in [3, 4] {
        server.client(number).await;
    }
    let mut newcomer = Client::with_key(&server.url(), 5);
    newcomer.sign_in().await.expect_error(Code::SessionsFull);
    let again = server.client(2).await;
    assert_eq!(again.check_in().await.ticket, Some(2));
    // Those who left make room.
    server.pass(Duration::from_secs(64)).await;
    for number in [6, 7] {
        server.client(number).await;
    }
}

fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Timestamp::from_millis(u64::try_from(now.as_millis()).unwrap())
}

async fn start(data: &std::path::Path, clock: Clock, flags: &[&str]) -> (Running, String) {
    let data = format!("--data-dir={}", data.display());
    let ceremony = format!("--ceremony={SMALL}");
    let args = ["tauline-server", "--listen=127.0.0.1:0", &data, &ceremony];
    let args = args.iter().chain(flags).map(Into::into);
    let settings = Settings::from_args(args).unwrap();
    let running = start_at(&settings, clock).await.unwrap();
    let url = format!("http://{}", running.address());
    (running, url)
}

#[tokio::test]
async fn sign_in_goes_by_the_wall_clock_after_a_start_with_a_clock_ahead() {
    let folder = tempfile::tempdir().unwrap();
    let ten_days = Duration::from_secs(10 * 24 * 3600);
    let (clock, _hands) = Clock::manual(now().saturating_add(ten_days));
    let (ahead, url) = start(folder.path(), clock, &[]).await;
    let (mut waits, mut idles) = (Client::with_key(&url, 1), Client::with_key(&url, 2));
    waits.sign_in().await.expect_ok();
    waits.join().await;
    idles.sign_in().await.expect_ok();
    ahead.stop().await.unwrap();

    let lifetime = Duration::from_secs(2);
    let flags = ["--session-lifetime=2"];
    let (right, url) = start(folder.path(), Clock::system(), &flags).await;
    let coordinator = right.coordinator();
    let behind = coordinator.clock().now().since(now());
    assert!(
        behind > Duration::from_secs(9 * 24 * 3600),
        "the log is ahead"
    );
    // Messages are in force by the time that their signers know.
    let mut client = Client::with_key(&url, 3);
    let nonce = client.nonce().await;
    let expires = Duration::from_secs(nonce.expires_at).as_secs();
    assert!(expires.abs_diff(now().as_secs()) < 700, "{expires}");
    let date = |at: Timestamp| {
        let seconds = i64::try_from(at.as_secs()).unwrap();
        jiff::Timestamp::from_second(seconds).unwrap()
    };
    let soon = date(now().saturating_add(Duration::from_secs(60)));
    let early = date(now().saturating_sub(Duration::from_secs(60)));
    let lines = format!("\nExpiration Time: {soon}\nNot Before: {early}");
    let message = client.siwe_message(&nonce, &lines);
    let answer: LoginAnswer = client.login_with(&message).await.expect_ok().json();
    assert!(
        answer.expires_at.abs_diff(now().as_secs()) < 60,
        "{answer:?}"
    );
    client.token = Some(answer.token);
    client.check_in().await;
    // What expired yesterday has expired, and what begins tomorrow has not begun.
    for day in [-86_400, 86_400] {
        let nonce = client.nonce().await;
        let at =
            jiff::Timestamp::from_second(i64::try_from(now().as_secs()).unwrap() + day).unwrap();
        let line = match day {
            -86_400 => format!("\nExpiration Time: {at}"),
            _ => format!("\nNot Before: {at}"),
        };
        let message = client.siwe_message(&nonce, &line);
        client
            .login_with(&message)
            .await
            .expect_error(Code::LoginExpired);
    }
    // Sessions of before are good, and last no longer than others, but for those in the queue.
    let (waits, idles) = (waits.at(url.clone()), idles.at(url));
    idles.check_in().await;
    let until = tokio::time::Instant::now() + lifetime + Duration::from_millis(200);
    tokio::time::sleep_until(until).await;
    idles
        .post("/queue/checkin")
        .await
        .expect_error(Code::SessionUnknown);
    assert_eq!(waits.check_in().await.ticket, Some(1));
    right.stop().await.unwrap();
}
