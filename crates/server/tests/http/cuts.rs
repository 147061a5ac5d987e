//! Uploads that are cut off anywhere: the turn goes on, the next try is accepted, and nothing is stored
//! twice.

use std::collections::BTreeMap;

use tauline_protocol::status::QueueWord;
use tauline_queue_core::{Event, Ticket};
use tauline_store::Store as _;
use tauline_store::sqlite::Sqlite;
use tauline_transcript::Encoding;

use crate::common::log::{Downloaded, download};
use crate::common::raw::Raw;
use crate::common::turn::{JSON, MSGPACK};
use crate::common::{Client, TestServer};

/// Sends this much of a body, and closes the connection.
async fn send_cut(server: &TestServer, client: &Client, form: &str, body: &[u8], at: usize) {
    let headers = format!("Content-Type: {form}\r\nContent-Length: {}\r\n", body.len());
    let mut raw = Raw::connect(&server.url()).await;
    let token = client.token.as_deref();
    raw.head("POST", "/contribution/complete", token, &headers)
        .await;
    raw.send(&body[..at]).await;
}

/// One participant after the other sends a contribution that is cut where `place` says, by the number of
/// the cut and the length of the body, and then sends it again. The first who is not cut is the last.
/// How many contributed.
async fn contribute_after_cuts(server: &TestServer, place: impl Fn(usize, usize) -> usize) -> u64 {
    for cut in 0.. {
        let client = server.client(u32::try_from(cut).unwrap()).await;
        let status = client.join().await;
        assert_eq!(status.queue_status, QueueWord::ReadyToContribute);
        let contribution = client.contribution(&client.start(&server.sizes()).await);
        let (form, body) = match cut % 2 {
            0 => (JSON, contribution.to_json().unwrap()),
            _ => {
                let packed = contribution.to_msgpack(Encoding::Uncompressed);
                (MSGPACK, packed.unwrap())
            }
        };
        let at = place(cut, body.len());
        let is_last = at >= body.len();
        if !is_last {
            send_cut(server, &client, form, &body, at).await;
            let turn = client.status().await.turn.expect("a turn runs");
            assert_eq!(turn.phase, QueueWord::Contributing, "cut at {at}");
            assert_eq!(Some(turn.ticket), status.ticket, "cut at {at}");
        }
        let path = "/contribution/complete";
        // On a busy machine the cut one may be read after this one has begun, and take its place for a moment.
        let answer = loop {
            let answer = client.post_bytes(path, form, body.clone()).await;
            if answer.status != 408 {
                break answer;
            }
        };
        answer.expect_ok();
        if is_last {
            return cut as u64 + 1;
        }
    }
    unreachable!("there is always a next cut")
}

/// How often each ticket's contribution arrived, by the log.
fn arrivals(log: &Downloaded) -> BTreeMap<u64, u32> {
    let mut arrivals = BTreeMap::new();
    for entry in &log.entries {
        if let Some(Event::Submitted { ticket, .. }) = &entry.queue {
            *arrivals.entry(ticket.value()).or_default() += 1;
        }
    }
    arrivals
}

/// So many contributions are there, each once.
async fn assert_stored_once(server: TestServer, contributions: u64) {
    let report = server.verify_transcript().await.unwrap();
    assert_eq!(report.contributions, contributions);
    let log = download(&server.anonymous()).await;
    let once: BTreeMap<u64, u32> = (1..=contributions).map(|ticket| (ticket, 1)).collect();
    assert_eq!(arrivals(&log), once);
    let report = log.assert_fair(&[], &[]);
    assert_eq!(report.statistics.outcomes.contributed, contributions);
    let data = server.stop().await;
    let store = Sqlite::look_at(data.path()).unwrap();
    let kept = store.blob_tickets().unwrap();
    assert_eq!(kept, [Ticket::new(contributions)]);
}

#[tokio::test]
async fn a_small_upload_that_is_cut_anywhere_is_sent_again() {
    const CUTS: usize = 40;
    let server = TestServer::start().await;
    let contributions = contribute_after_cuts(&server, |cut, len| len * cut / CUTS).await;
    assert_eq!(contributions, CUTS as u64 + 1);
    assert_stored_once(server, contributions).await;
}

#[tokio::test]
async fn a_large_upload_that_is_cut_every_64_kib_is_sent_again() {
    const STEP: usize = 64 << 10;
    // A body of 0.8 MB.
    let server = TestServer::with(&[("ceremony", "8192:8")]).await;
    let contributions = contribute_after_cuts(&server, |cut, _| cut * STEP).await;
    assert!(contributions >= 12, "{contributions}");
    assert_stored_once(server, contributions).await;
}
