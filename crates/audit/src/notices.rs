//! What the coordinator says of itself: whose log it is, and under which rules it runs.

use std::time::Duration;

use tauline_log::note::VerifierKey;
use tauline_protocol::public_log::{Notice, PublicRules, key_certificate};
use tauline_queue_core::Rules;
use tauline_transcript::signature;

use crate::finding::{Findings, Place, Topic, Violation, shown};
use crate::kind::Kind;

/// Whose log it is, as far as it was shown: the key is certified by the coordinator's.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Opened {
    /// The log's origin.
    pub origin: String,
    /// The log's key.
    pub key: VerifierKey,
    /// The EIP-55 address of the coordinator, whose key certifies the log's.
    pub coordinator: String,
    /// Sizes of the sub-ceremonies, as a text.
    pub sizes: String,
    /// The entry that says so.
    pub entry: u64,
}

/// What the person who asks knows of the log beforehand.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// The coordinator's Ethereum address.
    pub coordinator: Option<[u8; 20]>,
    /// The log's key.
    pub key: Option<VerifierKey>,
}

/// What the notices have said so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notices {
    expected: Expected,
    pub(crate) opened: Option<Opened>,
    is_opened: bool,
    program: Option<String>,
    rules: Option<PublicRules>,
    starts: u64,
}

/// What a notice means for the fold.
#[allow(clippy::large_enum_variant, reason = "one at a time, on the stack")]
pub(crate) enum Means {
    /// The log is public from here on.
    Public,
    /// A process has started, with these rules, if they are usable.
    Start(Option<Rules>),
}

impl Notices {
    pub(crate) fn new(expected: Expected) -> Self {
        Self {
            expected,
            ..Self::default()
        }
    }

    /// Whether it was said whose log it is, rightly or not.
    pub(crate) fn is_opened(&self) -> bool {
        self.is_opened
    }

    pub(crate) fn take(&mut self, place: Place, notice: &Notice, findings: &mut Findings) -> Means {
        match notice {
            Notice::Started { program, rules } => {
                Means::Start(self.started(place, program, rules, findings))
            }
            Notice::Opened { .. } if self.is_opened => {
                findings.violation(Violation::at(
                    place,
                    Kind::OpenedTwice,
                    None,
                    "It is said a second time whose log this is: a log has one owner and one key."
                        .into(),
                ));
                Means::Public
            }
            Notice::Opened {
                origin,
                key,
                coordinator,
                sizes,
                certificate,
                ..
            } => {
                self.is_opened = true;
                if place.entry > 0 {
                    let text = format!(
                        "The log became public with entry {}. The coordinator may have known the \
                         entries before it, and nobody else.",
                        place.entry
                    );
                    findings.remark(place, Topic::NotPublicBefore, None, text);
                }
                match self.certified(origin, key, coordinator, certificate) {
                    Ok(key) => {
                        self.opened = Some(Opened {
                            origin: origin.clone(),
                            key,
                            coordinator: coordinator.clone(),
                            sizes: sizes.clone(),
                            entry: place.entry,
                        });
                    }
                    Err((kind, text)) => {
                        findings.violation(Violation::at(place, kind, None, text));
                    }
                }
                Means::Public
            }
        }
    }

    /// The log's key, if the coordinator's has certified it and both are those that were expected
    /// (`docs/spec/public-log.md#certificate`).
    fn certified(
        &self,
        origin: &str,
        key: &str,
        coordinator: &str,
        certificate: &str,
    ) -> Result<VerifierKey, (Kind, String)> {
        let wrong = |text: String| (Kind::WrongCertificate, text);
        let read: VerifierKey = key
            .parse()
            .map_err(|error| wrong(format!("The log's key is not readable: {error}.")))?;
        if read.name().as_str() != origin {
            return Err(wrong(format!(
                "The log's key is that of {}, and the log is {origin}.",
                read.name()
            )));
        }
        let message = key_certificate(origin, key);
        let digest = signature::personal_message_digest(message.as_bytes());
        let mut bytes = [0; 65];
        let signer = match hex::decode_to_slice(certificate, &mut bytes) {
            Ok(()) => signature::ecdsa_recover(&digest, &bytes),
            Err(_) => None,
        };
        let Some(signer) = signer else {
            return Err(wrong(
                "The certificate of the log's key is no Ethereum signature.".to_owned(),
            ));
        };
        let found = signature::eip55(&signer);
        if found != coordinator {
            return Err(wrong(format!(
                "The certificate of the log's key is signed by {found}, and the log names {coordinator} \
                 as its coordinator: the key may be anybody's."
            )));
        }
        if let Some(expected) = self.expected.coordinator.filter(|it| *it != signer) {
            return Err((
                Kind::OtherCoordinator,
                format!(
                    "This is the log of {coordinator}, not of {}.",
                    signature::eip55(&expected)
                ),
            ));
        }
        if let Some(expected) = self.expected.key.as_ref().filter(|it| **it != read) {
            return Err((
                Kind::OtherKey,
                format!("The log's key is {read}, not {expected}."),
            ));
        }
        Ok(read)
    }

    fn started(
        &mut self,
        place: Place,
        program: &str,
        rules: &PublicRules,
        findings: &mut Findings,
    ) -> Option<Rules> {
        self.starts += 1;
        if self.starts > 1 {
            let text = "The coordinator was started again.";
            findings.remark(place, Topic::Restart, None, text.into());
        }
        if self.program.as_deref() != Some(program) {
            let text = format!("The coordinator runs {program}.");
            findings.remark(place, Topic::Version, None, text);
            self.program = Some(program.to_owned());
        }
        if let Some(before) = self.rules.filter(|before| before != rules) {
            for text in changes(&before, rules) {
                findings.remark(place, Topic::Settings, None, text);
            }
        }
        self.rules = Some(*rules);
        let read = Rules::from(rules);
        match read.validate() {
            Ok(()) => Some(read),
            Err(error) => {
                let text = format!("The settings of the rules make no sense: {error}.");
                findings.violation(Violation::at(place, Kind::UnusableRules, None, text));
                None
            }
        }
    }
}

/// What differs between two settings, a sentence for each.
fn changes(before: &PublicRules, after: &PublicRules) -> Vec<String> {
    let lengths = [
        ("checkin_max", before.checkin_max, after.checkin_max),
        ("checkin_min", before.checkin_min, after.checkin_min),
        ("checkin_grace", before.checkin_grace, after.checkin_grace),
        (
            "checkin_relaxed",
            before.checkin_relaxed,
            after.checkin_relaxed,
        ),
        ("start_limit", before.start_limit, after.start_limit),
        (
            "contribution_limit",
            before.contribution_limit,
            after.contribution_limit,
        ),
        ("stall_limit", before.stall_limit, after.stall_limit),
        (
            "disconnect_limit",
            before.disconnect_limit,
            after.disconnect_limit,
        ),
        (
            "verification_limit",
            before.verification_limit,
            after.verification_limit,
        ),
        ("expected_turn", before.expected_turn, after.expected_turn),
        ("lasting_step", before.lasting_step, after.lasting_step),
        ("tick", before.tick, after.tick),
    ];
    let length = |millis| shown(Duration::from_millis(millis));
    let mut found: Vec<String> = (lengths.into_iter())
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| {
            format!(
                "The setting {name} is now {}; it was {}.",
                length(after),
                length(before)
            )
        })
        .collect();
    let numbers = [
        ("checkin_rate", before.checkin_rate, after.checkin_rate),
        ("passes", before.passes, after.passes),
    ];
    let changed = numbers
        .into_iter()
        .filter(|(_, before, after)| before != after);
    found.extend(changed.map(|(name, before, after)| {
        format!("The setting {name} is now {after}; it was {before}.")
    }));
    if before.contribution_min != after.contribution_min {
        let text = |it: Option<u64>| it.map_or("absent".to_owned(), length);
        found.push(format!(
            "The setting contribution_min is now {}; it was {}.",
            text(after.contribution_min),
            text(before.contribution_min)
        ));
    }
    found
}
