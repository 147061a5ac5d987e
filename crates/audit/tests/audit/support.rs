//! Honest logs to plant frauds in: told as a story, or lived at random.

use std::time::Duration;

use k256::ecdsa::SigningKey;
use tauline_audit::{Auditor, Expected, Kind, Report};
use tauline_log::checkpoint::{Checkpoint, SignedCheckpoint};
use tauline_log::note::Signer;
use tauline_log::tree::{Frontier, TreeHead};
use tauline_protocol::Identity;
use tauline_protocol::public_log::{
    Accepted, Blinding, Commitment, Hex32, Notice, PublicEntry, PublicRules, WitnessPart,
    key_certificate, witness_digest,
};
use tauline_queue_core::{
    Command, Entry, Event, Mode, Outcome, Queue, Refusal, Rules, Ticket, Timestamp, Verdict,
};
use tauline_transcript::signature;

pub(crate) const ORIGIN: &str = "ceremony.example.org/log";
pub(crate) const BEGAN: u64 = 1_790_000_000_000;

/// What stands for an identity.
pub(crate) type Who = Commitment;

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn signer() -> Signer {
    Signer::from_seed(ORIGIN.parse().unwrap(), &[7; 32])
}

pub(crate) fn coordinator() -> SigningKey {
    SigningKey::from_slice(&[0x42; 32]).unwrap()
}

pub(crate) fn address(key: &SigningKey) -> [u8; 20] {
    signature::eth_address(key.verifying_key())
}

pub(crate) fn blinding() -> Blinding {
    Blinding::new([5; 32])
}

pub(crate) fn person(name: &str) -> Identity {
    Identity::invite(name).unwrap()
}

pub(crate) fn commitment(name: &str) -> Commitment {
    blinding().commitment(&person(name))
}

pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(BEGAN + 1000 * seconds)
}

/// The entry that says whose log it is, certified by a key.
pub(crate) fn opened(key: &SigningKey) -> Notice {
    let log_key = signer().verifier_key().to_string();
    let message = key_certificate(ORIGIN, &log_key);
    let digest = signature::personal_message_digest(message.as_bytes());
    Notice::Opened {
        origin: ORIGIN.to_owned(),
        key: log_key,
        coordinator: signature::eip55(&address(key)),
        sizes: "16:4,32:4".to_owned(),
        started: at(0),
        certificate: hex::encode(signature::ecdsa_sign(&digest, key)),
    }
}

pub(crate) fn started(rules: &Rules) -> Notice {
    Notice::Started {
        program: "tauline-server 0.1.0".to_owned(),
        rules: PublicRules::from(rules),
        there_until: None,
    }
}

/// Running product, public key and signature of one sub-ceremony.
type Points = (Vec<u8>, Vec<u8>, Option<Vec<u8>>);

/// What a transcript has of a contribution: made up, different for each.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    pub(crate) number: u64,
    pub(crate) identity: Identity,
    pub(crate) points: Vec<Points>,
    pub(crate) ecdsa: Option<Vec<u8>>,
}

impl Witness {
    pub(crate) fn new(number: u64, identity: Identity) -> Self {
        let byte = |n: u64| u8::try_from((number * 7 + n) % 251).unwrap();
        let points = (0..2).map(|n| {
            let signature = (n == 0).then(|| vec![byte(n + 20); 48]);
            (vec![byte(n); 48], vec![byte(n + 10); 96], signature)
        });
        Self {
            number,
            identity,
            points: points.collect(),
            ecdsa: number.is_multiple_of(2).then(|| vec![byte(30); 65]),
        }
    }

    pub(crate) fn parts(&self) -> Vec<WitnessPart<'_>> {
        self.points
            .iter()
            .map(|(product, key, signature)| WitnessPart {
                running_product: product,
                pot_pubkey: key,
                bls_signature: signature.as_deref(),
            })
            .collect()
    }

    pub(crate) fn accepted(&self) -> Accepted {
        let digest = witness_digest(
            self.number,
            &self.identity,
            self.parts(),
            self.ecdsa.as_deref(),
        );
        Accepted {
            number: self.number,
            digest: Hex32(digest),
            nonce: Hex32(blinding().nonce(&self.identity)),
        }
    }
}

/// A log under construction, and the transcript that belongs to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    pub(crate) entries: Vec<PublicEntry>,
    pub(crate) transcript: Vec<Witness>,
    owners: std::collections::BTreeMap<u64, Identity>,
}

impl Log {
    pub(crate) fn notice(&mut self, at: Timestamp, notice: Notice) {
        self.entries.push(PublicEntry::of_notice(at, notice));
    }

    pub(crate) fn event(&mut self, entry: &Entry<Identity>) {
        let mut public = PublicEntry::of_queue(entry, &blinding());
        match &entry.event {
            Event::Joined { ticket, id, .. } => {
                self.owners.insert(ticket.value(), id.clone());
            }
            Event::Ended {
                ticket,
                outcome: Outcome::Contributed,
            } => {
                let number = self.transcript.len() as u64 + 1;
                let witness = Witness::new(number, self.owners[&ticket.value()].clone());
                public.accepted = Some(witness.accepted());
                self.transcript.push(witness);
            }
            _ => {}
        }
        self.entries.push(public);
    }

    pub(crate) fn bytes(&self) -> Vec<Vec<u8>> {
        self.entries.iter().map(PublicEntry::to_bytes).collect()
    }

    /// The place of the first entry for which this holds.
    pub(crate) fn find(&self, is: impl Fn(&Event<Commitment>) -> bool) -> usize {
        let mut events = self.entries.iter().map(|entry| entry.queue.as_ref());
        let found = events.position(|event| event.is_some_and(&is));
        found.unwrap_or_else(|| panic!("no such event in {:#?}", self.entries))
    }

    /// The place of the last such entry.
    pub(crate) fn find_last(&self, is: impl Fn(&Event<Commitment>) -> bool) -> usize {
        let mut events = self.entries.iter().map(|entry| entry.queue.as_ref());
        let found = events.rposition(|event| event.is_some_and(&is));
        found.unwrap_or_else(|| panic!("no such event in {:#?}", self.entries))
    }

    /// The event at a place, to be changed.
    pub(crate) fn change(&mut self, place: usize) -> &mut Event<Commitment> {
        self.entries[place].queue.as_mut().unwrap()
    }

    /// Puts an event into the log, with the time of the entry ahead of it.
    pub(crate) fn insert(&mut self, place: usize, event: Event<Commitment>) {
        let at = self.entries[place - 1].at;
        self.entries.insert(place, queue_entry(at, event));
    }

    /// Appends an event.
    pub(crate) fn push(&mut self, at: Timestamp, event: Event<Commitment>) -> usize {
        self.entries.push(queue_entry(at, event));
        self.entries.len() - 1
    }

    pub(crate) fn head(&self, size: usize) -> TreeHead {
        let mut frontier = Frontier::new();
        self.bytes()[..size]
            .iter()
            .for_each(|entry| frontier.push(entry));
        frontier.head()
    }

    pub(crate) fn checkpoint(&self, size: usize) -> SignedCheckpoint {
        let checkpoint = Checkpoint::new(ORIGIN.parse().unwrap(), self.head(size));
        checkpoint.sign(&signer()).unwrap()
    }

    pub(crate) fn read_by(&self, mut auditor: Auditor) -> Auditor {
        for entry in self.bytes() {
            auditor.push(&entry).unwrap();
        }
        auditor
    }

    pub(crate) fn audit(&self) -> Report {
        self.read_by(auditor()).report()
    }

    #[track_caller]
    pub(crate) fn assert_honest(&self) {
        let report = self.audit();
        assert!(report.is_fair(), "{:#?}", report.violations);
    }

    /// The first violation is this one, and that entry shows it.
    #[track_caller]
    pub(crate) fn assert_caught(&self, kind: Kind, place: usize) {
        let report = self.audit();
        let first = report.violations.first();
        let found = first.map(|first| (first.kind, first.entry));
        assert_eq!(found, Some((kind, Some(place as u64))), "{first:#?}");
        assert!(report.verdict().contains(&report.violations[0].text));
    }
}

pub(crate) fn queue_entry(at: Timestamp, event: Event<Commitment>) -> PublicEntry {
    PublicEntry {
        v: 1,
        at,
        queue: Some(event),
        accepted: None,
        because: None,
        notice: None,
    }
}

/// Who expects the coordinator of these tests.
pub(crate) fn auditor() -> Auditor {
    let mut expected = Expected::default();
    expected.coordinator = Some(address(&coordinator()));
    expected.key = Some(signer().verifier_key().clone());
    Auditor::new(expected)
}

/// A ceremony that is told command by command, with a coordinator that does what it should.
pub(crate) struct Story {
    pub(crate) log: Log,
    pub(crate) queue: Queue<Identity>,
    rules: Rules,
    durable: Vec<Entry<Identity>>,
    /// Milliseconds.
    now: u64,
}

impl Story {
    pub(crate) fn new(rules: Rules) -> Self {
        let mut log = Log::default();
        log.notice(at(0), opened(&coordinator()));
        log.notice(at(0), started(&rules));
        Self {
            log,
            queue: Queue::new(rules, at(0)).unwrap(),
            rules,
            durable: Vec::new(),
            now: BEGAN,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    /// Time passes, and the coordinator's timer keeps it awake.
    pub(crate) fn pass(&mut self, millis: u64) -> &mut Self {
        let until = self.now + millis;
        while let Some(wake) = self.queue.wake_at().filter(|it| it.as_millis() <= until) {
            self.now = self.now.max(wake.as_millis());
            self.step(Command::Tick).unwrap();
        }
        self.now = until;
        self
    }

    pub(crate) fn step(&mut self, command: Command<Identity>) -> Result<(), Refusal> {
        let step = self.queue.step(self.now(), command);
        for entry in step.entries {
            if !entry.event.is_volatile() {
                self.log.event(&entry);
                self.durable.push(entry);
            }
        }
        step.result
    }

    /// The process dies; after some time another takes over.
    pub(crate) fn restart(&mut self, away: u64) -> &mut Self {
        self.now += away;
        self.log.notice(self.now(), started(&self.rules));
        self.replay();
        self
    }

    /// The same, where the process before is known to have been there until it died.
    pub(crate) fn fail_over(&mut self, away: u64) -> &mut Self {
        let there = self.now();
        self.now += away;
        let mut notice = started(&self.rules);
        if let Notice::Started { there_until, .. } = &mut notice {
            *there_until = Some(there);
        }
        self.log.notice(self.now(), notice);
        self.replay();
        self.queue.was_there_until(there);
        self
    }

    fn replay(&mut self) {
        let log = self.durable.iter().cloned();
        self.queue = Queue::replay(self.rules, at(0), log).unwrap();
    }

    pub(crate) fn join(&mut self, name: &str) -> &mut Self {
        self.join_as(&person(name))
    }

    pub(crate) fn join_as(&mut self, who: &Identity) -> &mut Self {
        let id = who.clone();
        self.step(Command::Join { id }).unwrap();
        self
    }

    pub(crate) fn check_in(&mut self, name: &str) -> &mut Self {
        let id = person(name);
        self.step(Command::CheckIn { id }).unwrap();
        self
    }

    /// Those wait and check in every four seconds.
    pub(crate) fn wait(&mut self, names: &[&str], seconds: u64) -> &mut Self {
        for _ in 0..seconds / 4 {
            self.pass(4000);
            names.iter().for_each(|name| {
                self.check_in(name);
            });
        }
        self.pass(seconds % 4 * 1000)
    }

    pub(crate) fn start(&mut self, name: &str, checks_in: bool) -> &mut Self {
        let id = person(name);
        self.step(Command::Start { id, checks_in }).unwrap();
        self
    }

    pub(crate) fn submit(&mut self, name: &str) -> &mut Self {
        let id = person(name);
        self.step(Command::Submit { id }).unwrap();
        self
    }

    pub(crate) fn judge(&mut self, verdict: Verdict) -> &mut Self {
        let ticket = self.queue.state().turn().unwrap().ticket;
        self.step(Command::Judge { ticket, verdict }).unwrap();
        self
    }

    /// Keeps no more than the queue itself, for logs that are long: there is no restart any more.
    #[allow(dead_code, reason = "the example `large_log` uses it")]
    pub(crate) fn forget_the_past(&mut self) {
        self.durable.clear();
    }

    /// Whoever has the turn starts and contributes.
    pub(crate) fn contribute(&mut self, name: &str) -> &mut Self {
        self.contribute_as(&person(name))
    }

    pub(crate) fn contribute_as(&mut self, who: &Identity) -> &mut Self {
        let id = who.clone();
        let checks_in = false;
        self.step(Command::Start { id, checks_in }).unwrap();
        self.pass(1000);
        let id = who.clone();
        self.step(Command::Submit { id }).unwrap();
        self.pass(500).judge(Verdict::Valid)
    }

    /// The same without any time passing.
    #[allow(dead_code, reason = "not all who take this file use it")]
    pub(crate) fn at_once(&mut self, who: &Identity) -> &mut Self {
        let (id, checks_in) = (who.clone(), false);
        self.step(Command::Start { id, checks_in }).unwrap();
        let id = who.clone();
        self.step(Command::Submit { id }).unwrap();
        self.judge(Verdict::Valid)
    }

    pub(crate) fn mode(&mut self, mode: Mode) -> &mut Self {
        self.step(Command::SetMode(mode)).unwrap();
        self
    }

    pub(crate) fn pardon(&mut self, name: &str) -> &mut Self {
        let id = person(name);
        self.step(Command::Pardon { id }).unwrap();
        self
    }

    /// The log, of which no auditor complains.
    #[track_caller]
    pub(crate) fn log(&self) -> Log {
        self.log.assert_honest();
        self.log.clone()
    }
}

/// Ada has the turn and contributes since a second; Bob, Carol, Dan and Eve are in line.
pub(crate) fn five(rules: Rules) -> Story {
    let mut story = Story::new(rules);
    story.join("ada").join("bob").join("carol");
    story.pass(100);
    story.join("dan").join("eve");
    story.start("ada", false).pass(1000);
    story
}

pub(crate) fn called(number: u64) -> impl Fn(&Event<Commitment>) -> bool {
    move |event| matches!(event, Event::Called { ticket, .. } if ticket.value() == number)
}

pub(crate) fn joined(number: u64) -> impl Fn(&Event<Commitment>) -> bool {
    move |event| matches!(event, Event::Joined { ticket, .. } if ticket.value() == number)
}

pub(crate) fn ended(number: u64) -> impl Fn(&Event<Commitment>) -> bool {
    move |event| matches!(event, Event::Ended { ticket, .. } if ticket.value() == number)
}

pub(crate) fn ticket(number: u64) -> Ticket {
    Ticket::new(number)
}
