//! What must hold in the end: receipts, transcript and log are of the same contributions, and the log
//! is that of a fair coordinator.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use reqwest::Client;
use serde_json::{Value, json};
use tauline_audit::{Auditor, Expected, Report};
use tauline_log::checkpoint::SignedCheckpoint;
use tauline_log::note::VerifierKey;
use tauline_log::tile;
use tauline_protocol::public_log::PublicEntry;
use tauline_protocol::status::CeremonyStatus;
use tauline_queue_core::Event;
use tauline_transcript::transcript::{ExpectedSizes, Options, verify_transcript};

use super::seen::Done;

/// What the log was found to say.
pub struct Audited {
    /// The audit's report.
    pub report: Report,
    /// Tickets of accepted contributions, in the order of acceptance.
    pub accepted: Vec<u64>,
    /// Tickets past which a turn went.
    pub passed: BTreeSet<u64>,
}

async fn get(client: &Client, url: &str, path: &str) -> Result<Vec<u8>> {
    let answer = client.get(format!("{url}{path}")).send().await?;
    let answer = answer.error_for_status()?;
    Ok(answer.bytes().await?.to_vec())
}

/// Downloads the public log and audits it.
///
/// # Errors
/// A log that cannot be read, is not what was signed, or is not that of a fair coordinator.
pub async fn audit(client: &Client, url: &str) -> Result<Audited> {
    let text = get(client, url, "/log/checkpoint").await?;
    let signed = SignedCheckpoint::parse(&text)?;
    let head = signed.unverified().tree;
    let mut auditor = Auditor::new(Expected::default());
    auditor.check_checkpoint(head, "of the log")?;
    let mut passed = BTreeSet::new();
    for bundle in tile::bundles(head.size) {
        let bytes = get(client, url, &format!("/log/{bundle}")).await?;
        for entry in tile::bundle_from_bytes(&bytes, bundle.width())? {
            auditor.push(entry)?;
            if let Some(Event::Called { passed: these, .. }) = PublicEntry::from_bytes(entry)?.queue
            {
                passed.extend(these.iter().map(|ticket| ticket.value()));
            }
        }
    }
    let key: VerifierKey = auditor.opened().context("the log says whose")?.key.clone();
    signed.verify(&[key])?;
    ensure!(auditor.head() == head, "the log is not what was signed");
    let report = auditor.report();
    ensure!(report.is_fair(), "{:#?}", report.violations);
    let accepted = auditor.accepted().iter().map(|it| it.ticket.value());
    Ok(Audited {
        accepted: accepted.collect(),
        report,
        passed,
    })
}

/// Every acknowledged contribution is there once, and nothing else is: by the receipts, the log and the
/// transcript, in the order of tickets but for whom a turn went past.
///
/// # Errors
/// Whatever is not so.
pub async fn contributions(
    client: &Client,
    url: &str,
    sizes: &str,
    done: &[Done],
    audited: &Audited,
) -> Result<()> {
    let status = get(client, url, "/ceremony/status").await?;
    let status: CeremonyStatus = serde_json::from_slice(&status)?;
    let mut done: Vec<&Done> = done.iter().collect();
    done.sort_by_key(|one| one.number);
    let numbers: Vec<u64> = done.iter().map(|one| one.number).collect();
    let expected: Vec<u64> = (1..=status.contributions).collect();
    ensure!(numbers == expected, "acknowledged were {numbers:?}");
    let tickets: Vec<u64> = done.iter().map(|one| one.ticket).collect();
    ensure!(
        tickets == audited.accepted,
        "acknowledged were the tickets {tickets:?}, and the log has {:?}",
        audited.accepted
    );
    in_order(&tickets, &audited.passed)?;
    for one in &done {
        let receipt = one.receipt.verify(&status.coordinator_address)?;
        ensure!(receipt.identity == one.identity, "a receipt of another");
    }
    let transcript = get(client, url, "/ceremony/transcript").await?;
    let options = Options {
        sizes: ExpectedSizes::These(sizes.parse()?),
        ..Options::default()
    };
    let mut random = rand::rngs::OsRng;
    verify_transcript(&transcript[..], &options, &mut random, &|_| ())?;
    let transcript: Value = serde_json::from_slice(&transcript)?;
    let listed = transcript["participantIds"].as_array();
    let listed = listed.context("a transcript has participants")?;
    let expected: Vec<Value> = done.iter().map(|one| json!(one.identity)).collect();
    // The first is nobody's: the initial state.
    ensure!(
        listed.get(1..) == Some(&expected[..]),
        "the transcript has {listed:?}"
    );
    Ok(())
}

/// Each ticket is there once, and is above all before it unless a turn went past it.
fn in_order(tickets: &[u64], passed: &BTreeSet<u64>) -> Result<()> {
    let mut highest = None;
    for ticket in tickets {
        ensure!(
            highest < Some(*ticket) || passed.contains(ticket),
            "{ticket} came after {highest:?} and was not passed: {tickets:?}"
        );
        highest = highest.max(Some(*ticket));
    }
    let once: BTreeSet<&u64> = tickets.iter().collect();
    ensure!(once.len() == tickets.len(), "one came twice: {tickets:?}");
    Ok(())
}

#[test]
fn tickets_are_in_order_but_for_those_that_were_passed() {
    let nobody = BTreeSet::new();
    assert!(in_order(&[1, 2, 4, 7], &nobody).is_ok());
    assert!(in_order(&[1, 4, 2, 7], &nobody).is_err());
    assert!(in_order(&[1, 4, 2, 7], &BTreeSet::from([2])).is_ok());
    assert!(in_order(&[1, 2, 4, 2], &BTreeSet::from([2])).is_err());
}
