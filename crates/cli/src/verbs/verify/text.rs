//! The report on a transcript as text.

use std::fmt::Write;

use tauline_transcript::transcript::{
    FaultySignature, Listed, RefusedTranscript, Report, SignatureKind,
};

use crate::numbers;

/// How many failures, and warnings of each kind, are printed; the rest are counted.
const MAX_LISTED: usize = 10;

/// The checks that failed.
pub(super) fn bad(refused: &RefusedTranscript) -> String {
    let mut text = String::new();
    let listed = refused.failures.iter().take(MAX_LISTED);
    for fault in listed {
        let _ = writeln!(text, "FAILED  {fault}");
    }
    let more = refused.failure_count.saturating_sub(MAX_LISTED as u64);
    if more > 0 {
        let _ = writeln!(text, "FAILED  … and {}", numbers::count(more, "more check"));
    }
    text
}

/// A line about signatures, the counts of each sub-ceremony, and the fingerprints of the powers.
pub(super) fn table(report: &Report) -> String {
    let mut text = headline(report);
    text.push('\n');
    text.push_str(&contributions(report));
    let _ = writeln!(
        text,
        "  {:>12}  {:>9}  {:>10}    {:>9}  {:>9}  {:>9}",
        "sub-ceremony", "links", "no entropy", "BLS valid", "invalid", "absent"
    );
    for sub in &report.sub_ceremonies {
        let _ = writeln!(
            text,
            "  {:>12}  {:>9}  {:>10}    {:>9}  {:>9}  {:>9}",
            numbers::with_commas(sub.num_g1_powers),
            numbers::with_commas(sub.links_valid),
            numbers::with_commas(sub.no_entropy),
            numbers::with_commas(sub.bls_signatures.valid),
            numbers::with_commas(sub.bls_signatures.invalid),
            numbers::with_commas(sub.bls_signatures.absent),
        );
    }
    let _ = writeln!(text, "  Ethereum signatures: {}", report.ecdsa_signatures);
    for sub in &report.sub_ceremonies {
        let Some(mark) = &sub.mark else { continue };
        let number = numbers::with_commas(sub.num_g1_powers);
        let _ = write!(
            text,
            "  {number:>12} powers  fingerprint {}",
            mark.fingerprint
        );
        if let Some(published) = mark.published_as {
            let _ = write!(text, ": {published}");
        }
        text.push('\n');
    }
    text
}

/// How many signatures there are, how many of them are not valid, and whose they are.
fn headline(report: &Report) -> String {
    let signatures = &report.signatures;
    let present = numbers::count(signatures.present, "signature");
    match (signatures.present, signatures.faulty.count) {
        (0, _) => "No signatures are present.".to_owned(),
        (_, 0) => format!("{present} present, all valid."),
        (_, faulty) => {
            let whose = whose(&signatures.faulty);
            format!(
                "{present} present, {} INVALID: {whose}.",
                numbers::with_commas(faulty)
            )
        }
    }
}

/// The first few owners of signatures that are not valid, each once.
fn whose(faulty: &Listed<FaultySignature>) -> String {
    let mut owners: Vec<String> = Vec::new();
    for it in &faulty.first {
        let owner = format!("{} (contribution {})", escaped(&it.identity), it.entry);
        if !owners.contains(&owner) {
            owners.push(owner);
        }
    }
    let more = owners.len().saturating_sub(MAX_LISTED);
    owners.truncate(MAX_LISTED);
    match more > 0 || faulty.count > faulty.first.len() as u64 {
        true => format!("of {} and others", owners.join(", ")),
        false => format!("of {}", numbers::list(&owners)),
    }
}

/// An identity from the transcript, escaped to fit on a line.
fn escaped(text: &str) -> String {
    text.chars().flat_map(char::escape_debug).collect()
}

fn contributions(report: &Report) -> String {
    let participants = report.participants;
    let kinds = [
        (participants.ethereum, "by Ethereum key"),
        (participants.github, "by GitHub account"),
        (participants.invited, "by invitation"),
    ];
    let kinds: Vec<String> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{} {kind}", numbers::with_commas(*count)))
        .collect();
    let mut text = numbers::count(report.contributions, "contribution");
    if !kinds.is_empty() {
        let _ = write!(text, ": {}", kinds.join(", "));
    }
    text.push('\n');
    text
}

/// What does not make a transcript invalid, but should be known.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let mut notes = Vec::new();
    faulty_signatures(report, &mut notes);
    each(
        &report.repeated_participants,
        &mut notes,
        "participants who stand there twice",
        |it| {
            format!(
                "{} stands there twice: contributions {} and {}",
                escaped(&it.identity),
                it.first,
                it.again
            )
        },
    );
    for (i, sub) in report.sub_ceremonies.iter().enumerate() {
        if sub.no_entropy == 0 {
            continue;
        }
        let first: Vec<_> = sub.no_entropy_entries.iter().take(MAX_LISTED).collect();
        let more = if sub.no_entropy > first.len() as u64 {
            ", …"
        } else {
            ""
        };
        notes.push(format!(
            "{} to sub-ceremony {i} ({} powers) changed nothing, the secret was 1: {}{more}",
            numbers::count(sub.no_entropy, "contribution"),
            sub.num_g1_powers,
            numbers::list(&first)
        ));
    }
    each(
        &report.equal_secrets,
        &mut notes,
        "contributions with equal secrets",
        |it| {
            format!(
                "contribution {} has one secret for the sub-ceremonies {}",
                it.entry,
                numbers::list(&it.sub_ceremonies)
            )
        },
    );
    known_secrets(report, &mut notes);
    if report.signatures.over_other_sizes > 0 {
        let sizes: Vec<_> = report
            .signatures
            .other_sizes
            .iter()
            .map(ToString::to_string)
            .collect();
        notes.push(format!(
            "{} over other sizes than the transcript states: {}",
            match report.signatures.over_other_sizes {
                1 => "1 Ethereum signature is valid".to_owned(),
                count => format!(
                    "{} Ethereum signatures are valid",
                    numbers::with_commas(count)
                ),
            },
            sizes.join(",")
        ));
    }
    notes
}

fn faulty_signatures(report: &Report, notes: &mut Vec<String>) {
    let faulty = &report.signatures.faulty;
    each(faulty, notes, "signatures that are not valid", |it| {
        let which = match (it.kind, it.sub_ceremony) {
            (SignatureKind::Bls, Some(sub)) => format!("BLS signature for sub-ceremony {sub}"),
            _ => "Ethereum signature".to_owned(),
        };
        let whose = escaped(&it.identity);
        format!(
            "contribution {} by {whose}: the {which} is {}",
            it.entry, it.fault
        )
    });
    if faulty.count > 0 {
        notes.push(
            "a coordinator leaves out signatures that are not valid: one that is there was changed \
             afterwards, or the name beside it was"
                .to_owned(),
        );
    }
}

fn known_secrets(report: &Report, notes: &mut Vec<String>) {
    let known: Vec<_> = report.sub_ceremonies.iter().enumerate().collect();
    if report.contributions == 0 {
        notes.push("Nobody has contributed: the powers are those of tau = 1.".to_owned());
        return;
    }
    for (i, sub) in known {
        if let Some(secret) = &sub.known_secret {
            notes.push(format!(
                "the secret of sub-ceremony {i} ({} powers) is known: {secret}",
                sub.num_g1_powers
            ));
        }
    }
}

/// Adds a line for each of the first few, and one that counts the others.
fn each<T>(listed: &Listed<T>, notes: &mut Vec<String>, what: &str, line: impl Fn(&T) -> String) {
    notes.extend(listed.first.iter().take(MAX_LISTED).map(line));
    let more = listed.count.saturating_sub(MAX_LISTED as u64);
    if more > 0 {
        notes.push(format!("… and {} more {what}", numbers::with_commas(more)));
    }
}
