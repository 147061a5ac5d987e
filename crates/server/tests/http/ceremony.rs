//! A small ceremony with everything in it: fifty participants, some of whom vanish, give up or send
//! rubbish of each kind (`docs/spec/ceremony.md#checks`); what is left verifies as one transcript.
//!
//! On a clock that the test moves, so that nothing depends on how fast the machine is.

use std::collections::BTreeMap;
use std::time::Duration;

use tauline_protocol::status::{EndedWord, QueueWord};

use crate::common::spoil::{KINDS, spoilt};
use crate::common::{Client, TestServer};
use crate::public_log::assert_fair;

/// What a participant does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Plan {
    Contribute,
    /// Never checks in after joining.
    VanishInLine,
    /// Checks in until called, then nothing.
    VanishWhenCalled,
    /// Starts, then nothing.
    VanishWhileComputing,
    /// Starts, checks in once, then nothing.
    Stall,
    LeaveLine,
    Abort,
    /// The kind of rubbish, by its place in the table.
    Spoil(usize),
}

impl Plan {
    fn of(number: usize) -> Self {
        const DROPOUTS: [Plan; 6] = [
            Plan::VanishInLine,
            Plan::VanishWhenCalled,
            Plan::VanishWhileComputing,
            Plan::Stall,
            Plan::LeaveLine,
            Plan::Abort,
        ];
        match number {
            _ if number.is_multiple_of(2) => Self::Contribute,
            _ if number / 2 < KINDS.len() => Self::Spoil(number / 2),
            _ => DROPOUTS[(number / 2 - KINDS.len()) % DROPOUTS.len()],
        }
    }

    fn outcome(self) -> EndedWord {
        match self {
            Self::Contribute => EndedWord::Contributed,
            Self::VanishInLine => EndedWord::MissedCheckin,
            Self::VanishWhenCalled => EndedWord::FailedToStart,
            Self::VanishWhileComputing => EndedWord::TimedOut,
            Self::Stall => EndedWord::Stalled,
            Self::LeaveLine => EndedWord::Left,
            Self::Abort => EndedWord::Aborted,
            Self::Spoil(_) => EndedWord::Invalid,
        }
    }
}

struct Participant {
    client: Client,
    plan: Plan,
    ticket: u64,
    /// Whether it still does anything by itself.
    is_there: bool,
}

const PARTICIPANTS: usize = 50;

#[tokio::test]
async fn fifty_participants_with_every_way_to_fail_make_one_transcript() {
    let server = TestServer::at_noon(&[]).await;
    let sizes = server.sizes();
    let mut participants = Vec::new();
    for number in 0..PARTICIPANTS {
        let client = server.client(u32::try_from(number).unwrap()).await;
        let ticket = client.join().await.ticket.unwrap();
        participants.push(Participant {
            client,
            plan: Plan::of(number),
            ticket,
            is_there: true,
        });
    }
    let plans: std::collections::BTreeSet<String> = participants
        .iter()
        .map(|participant| format!("{:?}", participant.plan))
        .collect();
    assert_eq!(
        plans.len(),
        7 + KINDS.len(),
        "every plan has somebody: {plans:?}"
    );

    let mut turns = Vec::new();
    for _round in 0..10_000 {
        let mut somebody_acted = false;
        for participant in participants
            .iter_mut()
            .filter(|participant| participant.is_there)
        {
            let Participant {
                client,
                plan,
                is_there,
                ticket,
            } = participant;
            match plan {
                Plan::VanishInLine => {
                    *is_there = false;
                    continue;
                }
                Plan::LeaveLine => {
                    client.leave().await;
                    *is_there = false;
                    continue;
                }
                _ => {}
            }
            let status = client.check_in().await;
            if status.queue_status != QueueWord::ReadyToContribute {
                assert_eq!(
                    status.queue_status,
                    QueueWord::Queued,
                    "{plan:?} {status:?}"
                );
                continue;
            }
            turns.push(*ticket);
            *is_there = false;
            somebody_acted = true;
            if *plan == Plan::VanishWhenCalled {
                continue;
            }
            let base = client.start(&sizes).await;
            match plan {
                Plan::Contribute => {
                    client.contribute(&sizes).await;
                }
                Plan::Abort => {
                    client.abort("rehearsing").await;
                }
                Plan::Stall => {
                    client.check_in().await;
                }
                Plan::Spoil(kind) => {
                    let (code, name, spoil) = KINDS[*kind];
                    let body = spoilt(&client.contribution(&base), &base, spoil);
                    let path = "/contribution/complete";
                    let answer = client.post_bytes(path, "application/json", body).await;
                    answer.expect_error(code);
                    println!("{name}: {}", answer.text());
                }
                _ => {}
            }
        }
        if participants.iter().all(|participant| !participant.is_there) {
            break;
        }
        if !somebody_acted {
            server.pass(Duration::from_secs(2)).await;
        }
    }
    assert!(
        participants.iter().all(|participant| !participant.is_there),
        "all had their turn"
    );
    // The last turn may belong to somebody who vanished.
    server.pass(Duration::from_secs(200)).await;

    assert!(turns.is_sorted(), "strictly first in, first out: {turns:?}");
    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    for participant in &participants {
        let status = participant.client.check_in().await;
        assert_eq!(
            status.ended,
            Some(participant.plan.outcome()),
            "{:?}",
            participant.plan
        );
        assert_eq!(
            status.receipt.is_some(),
            participant.plan == Plan::Contribute
        );
        *outcomes
            .entry(participant.plan.outcome().as_str().to_owned())
            .or_default() += 1;
        let again = participant.client.post("/queue/join").await;
        assert_eq!(again.status, 403, "nobody comes back: {}", again.text());
    }
    println!("{outcomes:?}");

    let status = server.anonymous().status().await;
    assert_eq!(status.contributions, 25);
    assert_eq!(status.queue_length, 0);
    let report = server.verify_transcript().await.unwrap();
    let report = serde_json::to_value(&report).unwrap();
    assert_eq!(report["contributions"], 25, "{report}");
    let transcript: serde_json::Value = server.anonymous().get("/ceremony/transcript").await.json();
    let listed: Vec<&str> = transcript["participantIds"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|id| id.as_str())
        .collect();
    let contributors: Vec<String> = std::iter::once(String::new())
        .chain(
            participants
                .iter()
                .filter(|participant| participant.plan == Plan::Contribute)
                .map(|participant| participant.client.identity().to_string()),
        )
        .collect();
    assert_eq!(listed, contributors, "in the order of their tickets");
    // What nobody waits for is signed within a second.
    server.pass(Duration::from_secs(2)).await;
    assert_fair(&server, 25).await;
}
