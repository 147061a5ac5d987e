//! Check-ins travel to the leader in batches, and each is answered as if it had come by itself.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use reqwest::Method;
use rustix::process::Signal;
use tauline_protocol::status::{QueueStatus, QueueWord};
use tokio::task::JoinHandle;

use crate::common::replicas::Fleet;
use crate::common::{Answer, Client, http};

const FORWARDED: &str = "tauline_forwarded_check_ins_total";
const BATCHES: &str = "tauline_forwarded_batches_total";
const HELD: &str = "tauline_held_answers";

/// As many connections from an address as there are, and a place and a turn that nobody loses on a slow machine.
const MANY: [&str; 6] = [
    "--max-connections-per-address",
    "0",
    "--checkin-min",
    "60",
    "--start-limit",
    "120",
];

/// A leader and a follower that passes on what it is asked, for so many people, with these flags.
async fn pair(people: usize, more: &[&str]) -> Option<(Fleet, usize, usize)> {
    let fleet = Fleet::begin(2, people, more).await?;
    let (leader, _) = fleet.leads().unwrap();
    let follower = fleet.followers(leader)[0];
    fleet.until_ready(follower, true).await;
    Some((fleet, leader, follower))
}

/// So many people in line, each at one of these replicas in turn, and the ticket that each has, in their order.
async fn line(fleet: &Fleet, at: &[usize], people: usize) -> Vec<(Client, u64)> {
    let mut line = Vec::new();
    for some in (0..people).collect::<Vec<_>>().chunks(32) {
        let come = some.iter().map(|&who| async move {
            let client = fleet.client(at[who % at.len()], who).await;
            let ticket = client.join().await.ticket.unwrap();
            (client, ticket)
        });
        line.extend(join_all(come).await);
    }
    line.sort_by_key(|(_, ticket)| *ticket);
    line
}

async fn held(client: &Client, seconds: u32) -> Answer {
    let path = format!("/queue/checkin?wait={seconds}");
    client.send(client.request(Method::POST, &path)).await
}

fn hold(client: &Client, seconds: u32) -> JoinHandle<Answer> {
    let client = client.clone();
    tokio::spawn(async move { held(&client, seconds).await })
}

/// Waits until the leader holds so many answers.
async fn until_held(fleet: &Fleet, leader: usize, count: usize) {
    let begun = Instant::now();
    loop {
        let now = fleet.metric(leader, HELD).await;
        if now == Some(count as f64) {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "{now:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_check_in_at_once_each_get_their_own_answer() {
    const PEOPLE: usize = 300;
    let Some((fleet, leader, follower)) = pair(PEOPLE, &MANY).await else {
        return;
    };
    let line = line(&fleet, &[follower], PEOPLE).await;
    let first = line[0].1;
    let before = [
        fleet.metric(follower, BATCHES).await.unwrap(),
        fleet.metric(follower, FORWARDED).await.unwrap(),
    ];
    for round in 0..3 {
        let asked = line.iter().map(|(client, ticket)| async move {
            let name = format!("request-{round}-{ticket}");
            let request = client.request(Method::POST, "/queue/checkin");
            let answer = client.send(request.header("x-request-id", &name)).await;
            let answer = answer.expect_ok();
            assert_eq!(answer.header("x-request-id"), Some(&*name));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.header("x-tauline-not-leading"), None);
            (answer.json::<QueueStatus>(), client, *ticket)
        });
        for (status, client, ticket) in join_all(asked).await {
            assert_eq!(status.ticket, Some(ticket));
            assert_eq!(status.id, client.identity(), "{ticket}");
            assert_eq!(status.queue_position, Some(ticket - first), "{status:?}");
        }
    }
    let batches = fleet.metric(follower, BATCHES).await.unwrap() - before[0];
    let check_ins = fleet.metric(follower, FORWARDED).await.unwrap() - before[1];
    assert_eq!(check_ins, 3.0 * PEOPLE as f64);
    println!("{check_ins} check-ins in {batches} batches");
    assert!(batches < check_ins / 2.0, "{batches}");
    // At the leader itself the answer is the same, whatever the way.
    let (client, _) = &line[7];
    let mut answers = Vec::new();
    for number in [leader, follower] {
        let mut answer = client.at(fleet.url(number)).post("/queue/checkin").await;
        for own in ["date", "x-request-id", "content-length"] {
            answer.headers.remove(own);
        }
        answers.push(answer.headers);
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_ins_in_a_batch_count_by_address_and_by_session() {
    let flags = [
        &MANY[..],
        &["--anonymous-rate", "6", "--session-rate", "10"],
    ]
    .concat();
    let Some((fleet, leader, follower)) = pair(2, &flags).await else {
        return;
    };
    let from = |last: u8| {
        let address = IpAddr::from(Ipv4Addr::new(127, 0, 0, last));
        let client = http::client().local_address(address).build().unwrap();
        fleet.anonymous(follower).by(client)
    };
    let count = |answers: &[Answer], status: u16| {
        let same = answers.iter().filter(|answer| answer.status == status);
        same.count()
    };
    let (five, six) = (from(5), from(6));
    let asked = (0..20).map(|_| five.post("/queue/checkin"));
    let answers = join_all(asked).await;
    assert_eq!(count(&answers, 401), 6);
    assert_eq!(count(&answers, 429), 14);
    let early = answers.iter().filter(|answer| answer.status == 429);
    for answer in early {
        assert!(answer.header("retry-after").is_some());
    }
    assert_eq!(six.post("/queue/checkin").await.status, 401, "another");
    // The same sum, wherever it asks.
    let here = five.at(fleet.url(leader));
    assert_eq!(here.post("/queue/checkin").await.status, 429);
    let one = fleet.client(follower, 0).await;
    let another = fleet.client(follower, 1).await;
    let answers = join_all((0..20).map(|_| one.post("/queue/checkin"))).await;
    assert_eq!([count(&answers, 200), count(&answers, 429)], [10, 10]);
    another.post("/queue/checkin").await.expect_ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn held_check_ins_are_answered_by_turns_and_released_by_who_goes_away() {
    const PEOPLE: usize = 60;
    let Some((fleet, leader, follower)) = pair(PEOPLE, &MANY).await else {
        return;
    };
    let line = line(&fleet, &[follower], PEOPLE).await;
    let mut waiting: Vec<_> = line[1..].iter().map(|(one, _)| hold(one, 60)).collect();
    until_held(&fleet, leader, PEOPLE - 1).await;
    line[0].0.leave().await;
    let called = waiting.remove(0).await.unwrap().expect_ok();
    let status: QueueStatus = called.json();
    assert_eq!(status.ticket, Some(line[1].1));
    assert_eq!(status.queue_status, QueueWord::ReadyToContribute);
    // The others are held still. Whoever goes away is held no more, and nobody else is touched by it.
    until_held(&fleet, leader, PEOPLE - 2).await;
    for gone in waiting.drain(..20) {
        gone.abort();
    }
    until_held(&fleet, leader, PEOPLE - 22).await;
    // A session holds so many and no more, and has room again when some are gone.
    let who = &line[1].0;
    until_room(who).await;
    let more = &line[PEOPLE - 1].0;
    let mut holds: Vec<_> = (0..7).map(|_| hold(more, 60)).collect();
    until_held(&fleet, leader, PEOPLE - 15).await;
    assert_eq!(held(more, 60).await.status, 429);
    holds.drain(..3).for_each(|gone| gone.abort());
    until_held(&fleet, leader, PEOPLE - 18).await;
    let again = hold(more, 60);
    until_held(&fleet, leader, PEOPLE - 17).await;
    // With a follower all go that waited there.
    drop((waiting, holds, again));
}

/// Somebody whose turn it is, is answered at once.
async fn until_room(client: &Client) {
    let status: QueueStatus = held(client, 60).await.expect_ok().json();
    assert_eq!(status.queue_status, QueueWord::ReadyToContribute);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_that_is_killed_holds_nothing_at_the_leader() {
    const PEOPLE: usize = 40;
    let Some((mut fleet, leader, follower)) = pair(PEOPLE, &MANY).await else {
        return;
    };
    let line = line(&fleet, &[follower], PEOPLE).await;
    let waiting: Vec<_> = line.iter().map(|(one, _)| hold(one, 60)).collect();
    until_held(&fleet, leader, PEOPLE - 1).await;
    fleet.kill(follower);
    until_held(&fleet, leader, 0).await;
    drop(waiting);
}

/// Hundreds are held when the leader is lost: each is answered, by the next one or with 503 and when to come
/// again, and has its place.
async fn nobody_is_forgotten(lost: impl FnOnce(&mut Fleet, usize)) {
    const PEOPLE: usize = 240;
    let flags = [&MANY[..], &["--lease", "1"]].concat();
    let Some(mut fleet) = Fleet::begin(3, PEOPLE, &flags).await else {
        return;
    };
    let (leader, epoch) = fleet.leads().unwrap();
    let followers = fleet.followers(leader);
    for &number in &followers {
        fleet.until_ready(number, true).await;
    }
    let line = line(&fleet, &followers, PEOPLE).await;
    let waiting: Vec<_> = line.iter().map(|(one, _)| hold(one, 10)).collect();
    until_held(&fleet, leader, PEOPLE - 1).await;
    lost(&mut fleet, leader);
    let (next, _) = fleet.leader_after(epoch).await;
    assert_ne!(next, leader);
    let (mut answered, mut refused) = (0, 0);
    for (asked, (_, ticket)) in waiting.into_iter().zip(&line) {
        let answer = asked.await.unwrap();
        match answer.status {
            200 => {
                assert_eq!(answer.json::<QueueStatus>().ticket, Some(*ticket));
                answered += 1;
            }
            503 => {
                assert!(answer.header("retry-after").is_some(), "{answer:?}");
                refused += 1;
            }
            other => panic!("{other}: {answer:?}"),
        }
    }
    println!("{answered} were answered by the next leader, {refused} told to come again");
    assert!(answered > 0);
    let first = line[0].1;
    let asked = line.iter().map(|(client, _)| client.check_in());
    for (status, (_, ticket)) in join_all(asked).await.into_iter().zip(&line) {
        assert_eq!(status.ticket, Some(*ticket), "{status:?}");
        assert_eq!(status.queue_position, Some(ticket - first), "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_is_held_is_forgotten_when_the_leader_is_killed() {
    nobody_is_forgotten(|fleet, leader| fleet.kill(leader)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_who_is_held_is_forgotten_when_the_leader_freezes() {
    nobody_is_forgotten(|fleet, leader| fleet.signal(leader, Signal::STOP)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_waits_for_a_leader_that_its_replica_cannot_reach() {
    const PEOPLE: usize = 30;
    let Some((fleet, leader, follower)) = pair(PEOPLE, &MANY).await else {
        return;
    };
    let line = line(&fleet, &[follower], PEOPLE).await;
    let waiting: Vec<_> = line.iter().map(|(one, _)| hold(one, 60)).collect();
    until_held(&fleet, leader, PEOPLE - 1).await;
    let begun = Instant::now();
    fleet.replicas[leader].cable.cut();
    let first = line[0].1;
    for (asked, (_, ticket)) in waiting.into_iter().zip(&line) {
        let answer = asked.await.unwrap();
        // Whose turn it is was answered before.
        let is_first = answer.status == 200 && *ticket == first;
        let is_refused = answer.status == 503 && answer.header("retry-after").is_some();
        assert!(is_first || is_refused, "{ticket}: {answer:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(30));
    fleet.replicas[leader].cable.mend();
    fleet.until_ready(follower, true).await;
    for (client, ticket) in &line {
        assert_eq!(client.check_in().await.ticket, Some(*ticket));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_batch_is_refused_and_nobody_else_is_touched_by_it() {
    let Some((fleet, leader, follower)) = pair(3, &MANY).await else {
        return;
    };
    let line = line(&fleet, &[follower], 3).await;
    let waiting: Vec<_> = line[1..].iter().map(|(one, _)| hold(one, 60)).collect();
    until_held(&fleet, leader, 2).await;
    let asked = "SELECT encode(secret, 'hex') FROM replicas";
    let secret = tokio::task::block_in_place(|| fleet.postgres.sql(&fleet.schema, asked));
    let inside = format!("http://{}", fleet.replicas[leader].cable.address);
    let client = http::client().build().unwrap();
    let wrong: [&[u8]; 3] = [
        b"\0\0\0\x02hm",
        b"\xff\xff\xff\xff",
        b"\0\0\0\x04\x91\x81\xa0\xc0",
    ];
    for (number, wrong) in wrong.into_iter().enumerate() {
        let request = client.post(format!("{inside}/.replica/check-ins"));
        let request = request
            .header("x-tauline-client", "192.0.2.1")
            .header("x-tauline-secret", &secret)
            .header("x-tauline-asks", "1")
            .body(wrong.to_vec());
        let answer = request.send().await.unwrap();
        assert_eq!(answer.bytes().await.unwrap_or_default(), "", "{number}");
        let log = fleet.log(leader);
        let told = log.matches("no batch of check-ins").count();
        assert_eq!(told, number + 1, "{log}");
    }
    until_held(&fleet, leader, 2).await;
    line[0].0.check_in().await;
    drop(waiting);
}
