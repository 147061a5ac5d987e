//! What the coordinator says of itself: whose log it is, its rules, what is planned, and who goes on.

use std::time::Duration;

use tauline_log::note::VerifierKey;
use tauline_log::tree::TreeHead;
use tauline_protocol::personal_message;
use tauline_protocol::public_log::{
    Notice, PublicEntry, PublicRules, SuccessorKey, handover_certificate,
};
use tauline_queue_core::{Rules, Timestamp};

use crate::custody::{Expected, KeyFrom, Opened, certified, named, succeeded};
use crate::finding::{Findings, Place, Topic, Violation, dated, listed, shown};
use crate::kind::Kind;
use crate::recovery::recovered;

/// Why a key is refused while nobody is known who could certify it.
const NOBODYS_LOG: &str = "The log gets a key, and no entry before has rightly said whose log it \
     is: the key may be anybody's.";

/// What the notices have said so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notices {
    expected: Expected,
    /// Whose log it is, whether that was expected or not.
    custody: Option<Opened>,
    /// The entry that said so, rightly or not.
    opened_by: Option<u64>,
    /// Given away, and nothing has followed.
    given: Option<Given>,
    program: Option<String>,
    rules: Option<PublicRules>,
    starts: u64,
}

/// To whom the ceremony was given, and by which entry.
#[derive(Debug, Clone, Copy)]
struct Given {
    entry: u64,
    to: SuccessorKey,
}

/// What a notice means for the fold.
#[allow(clippy::large_enum_variant, reason = "one at a time, on the stack")]
pub(crate) enum Means {
    /// The log is public from here on.
    Public,
    /// A process has started, with these rules, if they are usable.
    Start(Option<Rules>),
    /// The ceremony is given away, which asks for a queue in which nothing runs.
    GivenAway,
    /// Nothing.
    Nothing,
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
        self.opened_by.is_some()
    }

    /// Whose log it is, if it was rightly said and is as expected.
    pub(crate) fn opened(&self) -> Option<&Opened> {
        let custody = self.custody.as_ref();
        custody.filter(|it| self.expected.differs(it).is_none())
    }

    /// How the log is another than the one that was expected. A later entry may make it right: the log
    /// has come to whom it was expected of.
    pub(crate) fn unexpected(&self) -> Option<Violation> {
        self.expected.differs(self.custody.as_ref()?)
    }

    /// To be told of each entry first: who has given the ceremony away appends nothing more, and only
    /// the other one goes on (`docs/spec/public-log.md#handover`).
    pub(crate) fn followed(&mut self, place: Place, entry: &PublicEntry, findings: &mut Findings) {
        if matches!(entry.notice, Some(Notice::HandedOver { .. })) {
            return;
        }
        // Once is enough: all that comes after it is of the same going on.
        if let Some(given) = self.given.take() {
            let text = format!(
                "The ceremony was given away by entry {}, and then only the coordinator that it was \
                 given to may go on: something else followed.",
                given.entry
            );
            findings.violation(Violation::at(place, Kind::WentOnAfterHandover, None, text));
        }
    }

    /// Takes a notice. `before` is the tree without it, where the notice gives the ceremony away.
    pub(crate) fn take(
        &mut self,
        place: Place,
        before: Option<TreeHead>,
        notice: &Notice,
        findings: &mut Findings,
    ) -> Means {
        match notice {
            Notice::Opened { .. } => {
                if let Err((kind, text)) = self.open(place, notice, findings) {
                    findings.violation(Violation::at(place, kind, None, text));
                }
                Means::Public
            }
            Notice::Recovered { .. } => {
                match recovered(place, self.opened_by, notice) {
                    Ok(text) => findings.remark(place, Topic::Recovery, None, text),
                    Err(text) => {
                        let kind = Kind::RecoveredLate;
                        findings.violation(Violation::at(place, kind, None, text));
                    }
                }
                Means::Nothing
            }
            Notice::Started { program, rules, .. } => {
                Means::Start(self.started(place, program, rules, findings))
            }
            Notice::Planned { opens, drains } => {
                findings.remark(place, Topic::Plan, None, planned(*opens, *drains));
                Means::Nothing
            }
            Notice::KeyRotated { key, certificate } => {
                match self.rotate(place, key, certificate) {
                    Ok(text) => findings.remark(place, Topic::Key, None, text),
                    Err(text) => {
                        let kind = Kind::WrongCertificate;
                        findings.violation(Violation::at(place, kind, None, text));
                    }
                }
                Means::Nothing
            }
            Notice::HandingOver { to, .. } => {
                match self.give(place, before, notice, to) {
                    Ok(text) => findings.remark(place, Topic::Handover, None, text),
                    Err(text) => {
                        let kind = Kind::HandoverNotSigned;
                        findings.violation(Violation::at(place, kind, None, text));
                    }
                }
                Means::GivenAway
            }
            Notice::HandedOver {
                coordinator,
                key,
                certificate,
            } => {
                match self.succeed(place, coordinator, key, certificate) {
                    Ok(text) => findings.remark(place, Topic::Handover, None, text),
                    Err((kind, text)) => {
                        findings.violation(Violation::at(place, kind, None, text));
                    }
                }
                Means::Nothing
            }
        }
    }

    /// It is said whose log this is.
    fn open(
        &mut self,
        place: Place,
        notice: &Notice,
        findings: &mut Findings,
    ) -> Result<(), (Kind, String)> {
        let Notice::Opened {
            origin,
            key,
            coordinator,
            sizes,
            certificate,
            ..
        } = notice
        else {
            return Ok(());
        };
        if self.is_opened() {
            let text =
                "It is said a second time whose log this is: a log has one owner and one key.";
            return Err((Kind::OpenedTwice, text.to_owned()));
        }
        self.opened_by = Some(place.entry);
        if place.entry > 0 {
            let text = format!(
                "The log became public with entry {}. The coordinator may have known the entries \
                 before it, and nobody else.",
                place.entry
            );
            findings.remark(place, Topic::NotPublicBefore, None, text);
        }
        let key = certified(origin, key, coordinator, certificate)
            .map_err(|text| (Kind::WrongCertificate, text))?;
        let first = key_from(place, key, coordinator);
        self.custody = Some(Opened::new(origin.clone(), sizes.clone(), first));
        Ok(())
    }

    /// Another key of the same coordinator. What there is to say of it, or what is wrong
    /// (`docs/spec/public-log.md#rotation`).
    fn rotate(&mut self, place: Place, key: &str, certificate: &str) -> Result<String, String> {
        let Some(custody) = &mut self.custody else {
            return Err(NOBODYS_LOG.to_owned());
        };
        let read = certified(&custody.origin, key, &custody.coordinator, certificate)?;
        let next = key_from(place, read, &custody.coordinator);
        custody.go_on(next);
        Ok(format!("The log has another key from here on: {key}."))
    }

    /// The ceremony is given to another coordinator: the one that has it must have signed that, else
    /// anybody could let a copy of its log go on elsewhere.
    fn give(
        &mut self,
        place: Place,
        before: Option<TreeHead>,
        notice: &Notice,
        to: &SuccessorKey,
    ) -> Result<String, String> {
        let entry = place.entry;
        self.given = Some(Given { entry, to: *to });
        let (Some(custody), Some(before)) = (&self.custody, before) else {
            return Err(NOBODYS_LOG.to_owned());
        };
        let Notice::HandingOver {
            url, certificate, ..
        } = notice
        else {
            return Err(NOBODYS_LOG.to_owned());
        };
        let text = handover_certificate(&custody.origin, &before, to, url.as_deref());
        if personal_message::signer(&text, certificate).as_ref() != Some(&custody.coordinator) {
            return Err(format!(
                "The ceremony is said to be given to {}, and {}, whose it is, has not signed that: anybody \
                 may have written it.",
                named(to),
                custody.coordinator
            ));
        }
        let reached = url.as_deref().map(|url| format!(", at {url}"));
        Ok(format!(
            "The coordinator gives the ceremony to {}{}.",
            named(to),
            reached.unwrap_or_default()
        ))
    }

    /// Another coordinator goes on. What there is to say of it, or what is wrong
    /// (`docs/spec/public-log.md#handover`).
    fn succeed(
        &mut self,
        place: Place,
        coordinator: &str,
        key: &str,
        certificate: &str,
    ) -> Result<String, (Kind, String)> {
        // An entry between the two that cannot be read was not told of here.
        let given = self.given.take();
        let Some(given) = given.filter(|it| it.entry + 1 == place.entry) else {
            let text = format!(
                "{coordinator} goes on with the ceremony, and the entry before does not give it to \
                 anybody."
            );
            return Err((Kind::HandoverNotAnnounced, text));
        };
        let Some(custody) = &mut self.custody else {
            return Err((Kind::WrongCertificate, NOBODYS_LOG.to_owned()));
        };
        let read = succeeded(&custody.origin, key, coordinator, certificate, &given.to)?;
        custody.go_on(key_from(place, read, coordinator));
        Ok(format!(
            "{coordinator} goes on with the ceremony. The log's key is {key} from here on."
        ))
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

fn key_from(place: Place, key: VerifierKey, coordinator: &str) -> KeyFrom {
    KeyFrom {
        entry: place.entry,
        at: place.at,
        key,
        coordinator: coordinator.to_owned(),
    }
}

/// What is planned, in a sentence (`docs/spec/public-log.md#planned`).
fn planned(opens: Option<Timestamp>, drains: Option<Timestamp>) -> String {
    let opens = opens.map(|at| format!("opens at {}", dated(at)));
    let drains = drains.map(|at| format!("drains at {}", dated(at)));
    let plan: Vec<String> = opens.into_iter().chain(drains).collect();
    match plan.is_empty() {
        true => "Nothing is planned any more.".to_owned(),
        false => format!("It is planned that the queue {}.", listed(plan)),
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
