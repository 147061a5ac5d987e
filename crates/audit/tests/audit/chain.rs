//! Logs that change hands.

use k256::ecdsa::SigningKey;
use tauline_audit::{Kind, Report};
use tauline_log::checkpoint::{Checkpoint, SignedCheckpoint};
use tauline_log::note::Signer;
use tauline_protocol::personal_message;
use tauline_protocol::public_log::{Notice, SuccessorKey, handover_certificate, key_certificate};
use tauline_queue_core::{Mode, Rules, Verdict};
use tauline_transcript::signature;

use crate::support::{Log, ORIGIN, Story, address, auditor, coordinator, five};

/// The seed of the log's first key, which is `support::signer`.
pub(crate) const FIRST: u8 = 7;
/// The seeds of the other coordinators' keys: of their own, and of the log's.
pub(crate) const SECOND: u8 = 0x43;
pub(crate) const THIRD: u8 = 0x44;
pub(crate) const STRANGER: u8 = 0x55;
/// The seed of the log's second key under the second coordinator.
pub(crate) const ANOTHER: u8 = 0x53;

pub(crate) fn ethereum(seed: u8) -> SigningKey {
    SigningKey::from_slice(&[seed; 32]).unwrap()
}

pub(crate) fn log_key(seed: u8) -> Signer {
    Signer::from_seed(ORIGIN.parse().unwrap(), &[seed; 32])
}

pub(crate) fn eip55(key: &SigningKey) -> String {
    signature::eip55(&address(key))
}

pub(crate) fn certificate(by: &SigningKey, key: &str) -> String {
    personal_message::sign(&key_certificate(ORIGIN, key), by)
}

pub(crate) fn rotated(by: &SigningKey, to: &Signer) -> Notice {
    let key = to.verifier_key().to_string();
    Notice::KeyRotated {
        certificate: certificate(by, &key),
        key,
    }
}

/// What the coordinator `by` says next in this log to give the ceremony away.
pub(crate) fn handing_over(log: &Log, by: &SigningKey, to: &SigningKey) -> Notice {
    let to = SuccessorKey::from(to.verifying_key());
    let url = "https://next.example.org";
    let before = log.head(log.entries.len());
    let text = handover_certificate(ORIGIN, &before, &to, Some(url));
    Notice::HandingOver {
        to,
        url: Some(url.to_owned()),
        certificate: personal_message::sign(&text, by),
    }
}

pub(crate) fn handed_over(by: u8) -> Notice {
    let (own, key) = (ethereum(by), log_key(by).verifier_key().to_string());
    Notice::HandedOver {
        coordinator: eip55(&own),
        certificate: certificate(&own, &key),
        key,
    }
}

/// Puts a notice into the story's log, and tells where.
pub(crate) fn say(story: &mut Story, notice: Notice) -> usize {
    let now = story.now();
    story.log.notice(now, notice);
    story.log.entries.len() - 1
}

/// The coordinator gives the halted ceremony away, and the other one opens it after a minute. Returns
/// the place of the other one's first entry.
pub(crate) fn hand_over(story: &mut Story, by: &SigningKey, to: u8) -> usize {
    story.mode(Mode::Halted).pass(5000);
    let giving = handing_over(&story.log, by, &ethereum(to));
    say(story, giving);
    let place = say(story, handed_over(to));
    story.restart(60_000).mode(Mode::Open);
    place
}

/// A log, and with which entry which of its keys begins.
pub(crate) struct Chain {
    pub(crate) log: Log,
    pub(crate) keys: Vec<(usize, u8)>,
}

/// Three coordinators have had the ceremony, and each served somebody of the same line. The second has
/// replaced its key of the log.
pub(crate) fn chain() -> Chain {
    let mut story = five(Rules::default());
    story.submit("ada").pass(500).judge(Verdict::Valid);
    let second = hand_over(&mut story, &coordinator(), SECOND);
    story.check_in("bob").contribute("bob");
    let again = say(&mut story, rotated(&ethereum(SECOND), &log_key(ANOTHER)));
    story.check_in("carol").contribute("carol");
    let third = hand_over(&mut story, &ethereum(SECOND), THIRD);
    story.check_in("dan").contribute("dan");
    Chain {
        log: story.log(),
        keys: vec![
            (0, FIRST),
            (second, SECOND),
            (again, ANOTHER),
            (third, THIRD),
        ],
    }
}

pub(crate) fn checkpoint(log: &Log, size: usize, seed: u8) -> SignedCheckpoint {
    let checkpoint = Checkpoint::new(ORIGIN.parse().unwrap(), log.head(size));
    checkpoint.sign(&log_key(seed)).unwrap()
}

pub(crate) fn kinds(report: &Report) -> Vec<Kind> {
    report.violations.iter().map(|it| it.kind).collect()
}

/// What is found if the key of this seed has signed a tree of this size.
pub(crate) fn signed_by(log: &Log, size: usize, seed: u8) -> Vec<Kind> {
    let mut auditor = auditor();
    auditor
        .check_signed_checkpoint(checkpoint(log, size, seed), "of the log")
        .unwrap();
    kinds(&log.read_by(auditor).report())
}
