//! Both stores are driven with the same changes, and give the same answers.

use proptest::collection::vec;
use proptest::prelude::*;
use tauline_protocol::Identity;
use tauline_queue_core::{Ticket, Timestamp};
use tauline_store::{Asked, Batch, Blob, Session, SignInWrite, Store, StoreError, Write};
use zeroize::Zeroizing;

use crate::made_up::{Plain, contribution};
use crate::place::{NOON, Place};

/// What is asked of both. Small numbers choose among few things, so that they meet.
#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Change>),
    SignIns(Vec<SignIn>),
    FirstIdentity(u8, u8),
    Expire(u8),
    Restart,
}

#[derive(Debug, Clone)]
enum Change {
    Record(Vec<u8>),
    /// The last record again.
    RecordAgain,
    Blob(u16),
    /// The blob of a ticket that has one.
    BlobAgain(u8),
    DropBlob(u8),
    /// The end of a stay, and its contribution, by one of few identities.
    Accept(u8),
    AcceptWithoutEnd,
    EndAgain,
    LogKey(u8),
}

#[derive(Debug, Clone)]
enum SignIn {
    Put(u8, u8, u8),
    Delete(u8),
    Account(u8, u8),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => vec(any::<u8>(), 0..60).prop_map(Change::Record),
        1 => Just(Change::RecordAgain),
        3 => any::<u16>().prop_map(Change::Blob),
        1 => any::<u8>().prop_map(Change::BlobAgain),
        2 => any::<u8>().prop_map(Change::DropBlob),
        4 => any::<u8>().prop_map(Change::Accept),
        1 => Just(Change::AcceptWithoutEnd),
        1 => Just(Change::EndAgain),
        1 => any::<u8>().prop_map(Change::LogKey),
    ]
}

fn sign_in() -> impl Strategy<Value = SignIn> {
    prop_oneof![
        (0..6_u8, 0..9_u8, 0..200_u8).prop_map(|(hash, who, end)| SignIn::Put(hash, who, end)),
        (0..6_u8).prop_map(SignIn::Delete),
        (0..6_u8, 0..9_u8).prop_map(|(account, who)| SignIn::Account(account, who)),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => vec(change(), 0..5).prop_map(Step::Commit),
        4 => vec(sign_in(), 0..5).prop_map(Step::SignIns),
        2 => (0..6_u8, 0..9_u8).prop_map(|(account, who)| Step::FirstIdentity(account, who)),
        1 => (0..200_u8).prop_map(Step::Expire),
        1 => Just(Step::Restart),
    ]
}

fn identity(who: u8) -> Identity {
    let names = [
        "eth|0x",
        "git|1|Octo",
        "invite|ab",
        "invite|É",
        "git|2|octo",
    ];
    let name = names[usize::from(who) % names.len()];
    let text = match name {
        "eth|0x" => format!("{name}{}", format!("{who:02x}").repeat(20)),
        _ => format!("{name}{}", who / 5),
    };
    text.parse().unwrap()
}

fn at(end: u8) -> Timestamp {
    Timestamp::from_millis(NOON.as_millis() + u64::from(end))
}

/// What both were told, as far as the next step depends on it.
#[derive(Clone)]
struct Told {
    plain: Plain,
    last: Option<Write>,
    last_end: Option<Ticket>,
    tickets: u64,
    contributions: u64,
    /// Tickets with a blob that counts.
    blobs: Vec<Ticket>,
}

impl Told {
    fn batch(&mut self, changes: &[Change]) -> Batch {
        Batch {
            writes: changes
                .iter()
                .flat_map(|change| self.writes(change))
                .collect(),
        }
    }

    fn some_blob(&self, which: u8) -> Option<Ticket> {
        let count = self.blobs.len();
        (count > 0).then(|| self.blobs[usize::from(which) % count])
    }

    fn writes(&mut self, change: &Change) -> Vec<Write> {
        match change {
            Change::Record(bytes) => {
                let record = self.plain.chain.append(bytes.clone(), None);
                self.last = Some(Write::Record(record));
                self.last.clone().into_iter().collect()
            }
            Change::RecordAgain => self.last.clone().into_iter().collect(),
            Change::Blob(len) => {
                self.tickets += 1;
                let ticket = Ticket::new(self.tickets);
                self.blobs.push(ticket);
                let blob = Blob::new(vec![len.to_le_bytes()[0]; usize::from(*len)]);
                vec![Write::Blob { ticket, blob }]
            }
            Change::BlobAgain(which) => self
                .some_blob(*which)
                .map(|ticket| Write::Blob {
                    ticket,
                    blob: Blob::new(vec![1]),
                })
                .into_iter()
                .collect(),
            Change::DropBlob(which) => {
                let ticket = self.some_blob(*which);
                self.blobs.retain(|one| Some(*one) != ticket);
                ticket.map(Write::DropBlob).into_iter().collect()
            }
            Change::Accept(who) => {
                self.tickets += 1;
                let ticket = Ticket::new(self.tickets);
                let bytes = format!("end {ticket}").into_bytes();
                let end = Write::Record(self.plain.chain.append(bytes, Some(ticket)));
                self.last = Some(end.clone());
                self.last_end = Some(ticket);
                self.contributions += 1;
                let mut one = contribution(self.contributions, identity(*who));
                one.ticket = ticket;
                vec![end, Write::Accepted(one)]
            }
            Change::AcceptWithoutEnd => {
                let number = self.contributions + 1;
                let mut one = contribution(number, "invite|nobody".parse().unwrap());
                one.ticket = Ticket::new(self.tickets + 1000);
                vec![Write::Accepted(one)]
            }
            Change::EndAgain => self
                .last_end
                .map(|ticket| Write::Record(self.plain.chain.append(vec![7], Some(ticket))))
                .into_iter()
                .collect(),
            Change::LogKey(byte) => vec![Write::LogKey(Zeroizing::new([*byte; 32]))],
        }
    }
}

fn sign_ins(all: &[SignIn]) -> Vec<SignInWrite> {
    let one = |sign_in: &SignIn| match sign_in {
        SignIn::Put(hash, who, end) => SignInWrite::Put(Session {
            hash: [*hash; 32],
            identity: identity(*who),
            expires_at: at(*end),
        }),
        SignIn::Delete(hash) => SignInWrite::Delete([*hash; 32]),
        SignIn::Account(account, who) => SignInWrite::GithubAccount {
            account: u64::from(*account),
            identity: identity(*who),
        },
    };
    all.iter().map(one).collect()
}

/// An answer, of which a refusal's words may differ.
fn answer<T: std::fmt::Debug>(result: Result<T, StoreError>) -> String {
    match result {
        Ok(it) => format!("{it:?}"),
        Err(_) => "refused".to_owned(),
    }
}

/// All that a store says of itself but its keys.
fn everything(store: &dyn Store) -> String {
    let mut all = vec![
        answer(store.log(0, 10_000)),
        answer(store.log(3, 2)),
        answer(store.contributions(0, 1000)),
        answer(store.contributions(2, 1)),
        answer(store.blob_tickets()),
        answer(store.sessions_lasting(at(0))),
        answer(store.sessions_lasting(at(100))),
        answer(Ok(store.accounts())),
        answer(store.first_accounts(2)),
        answer(store.first_accounts(u64::MAX)),
    ];
    for ticket in store.blob_tickets().unwrap() {
        all.push(answer(store.blob(ticket)));
        all.push(answer(store.ending(ticket)));
        all.push(answer(store.contribution(ticket)));
    }
    for who in 0..9 {
        let name = identity(who);
        for asked in [name.as_str(), name.as_str().rsplit('|').next().unwrap()] {
            all.push(answer(store.number_of(&Asked::new(asked).unwrap())));
        }
        all.push(answer(store.session(&[who; 32])));
        all.push(answer(store.identity_of_github(u64::from(who))));
    }
    let reading = store.reading().unwrap();
    all.push(answer(reading.contributions()));
    all.push(answer(reading.page(0, 1000)));
    all.push(answer(reading.unchecked_page(1, 2)));
    all.join("\n")
}

fn drive(steps: &[Step]) {
    let (first, Some(second)) = (Place::sqlite(), Place::postgres()) else {
        return;
    };
    let mut open = [first.open(), second.open()];
    let mut told = Told {
        plain: Plain::new(),
        last: None,
        last_end: None,
        tickets: 0,
        contributions: 0,
        blobs: Vec::new(),
    };
    for step in steps {
        let stores = || open.each_ref().map(|one| one.store());
        let answers = match step {
            Step::Commit(changes) => {
                let mut then = told.clone();
                let batch = then.batch(changes);
                let answers = stores().map(|store| answer(store.commit(&batch)));
                if answers[0] != "refused" {
                    told = then;
                } else {
                    // No ticket is used again.
                    told.tickets = then.tickets;
                }
                answers
            }
            Step::SignIns(all) => {
                let writes = sign_ins(all);
                stores().map(|store| answer(store.write_sign_ins(&writes)))
            }
            Step::FirstIdentity(account, who) => stores().map(|store| {
                answer(store.first_identity_of_github(u64::from(*account), &identity(*who)))
            }),
            Step::Expire(end) => {
                stores().map(|store| answer(store.delete_sessions_expired_before(at(*end))))
            }
            Step::Restart => {
                drop(open);
                open = [first.open(), second.open()];
                [String::new(), String::new()]
            }
        };
        assert_eq!(answers[0], answers[1], "{step:?}");
        let said = open.each_ref().map(|one| everything(one.store()));
        assert_eq!(said[0], said[1], "after {step:?}");
        let log = open[1].store().log(0, 10_000).unwrap();
        let hash = log.last().map_or([0; 32], |last| last.hash);
        assert_eq!(hash, *told.plain.chain.hash());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn both_stores_answer_alike(steps in vec(step(), 1..16)) {
        drive(&steps);
    }
}
