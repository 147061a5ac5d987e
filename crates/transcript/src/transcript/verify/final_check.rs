//! The checks on the final powers.

use crate::random::SecureRandom;
use blstrs::G1Affine;

use crate::encoding::Point;
use crate::error::SubCeremony;
use crate::known_secret::known_secret_of;
use crate::transcript::error::TranscriptError;
use crate::transcript::read::final_powers::raw_powers;
use crate::transcript::read::index::Index;
use crate::transcript::read::source::Source;
use crate::transcript::report::SubReport;
use crate::transcript::report::failure::{Failures, TranscriptCheck};
use crate::verify::verify_powers;

/// The final powers pass the checks on a contribution (2 to 4, 6 and 7), and the last running
/// product is the first of them (`docs/spec/ceremony.md#transcript-powers`).
pub(crate) fn check_powers<S: Source + ?Sized>(
    source: &S,
    index: &Index,
    sub_ceremony: SubCeremony,
    last_product: Option<G1Affine>,
    report: &mut SubReport,
    failures: &mut Failures,
    rng: &mut dyn SecureRandom,
) -> Result<(), TranscriptError> {
    let mut refuse = |check| failures.push(Some(sub_ceremony), None, check);
    if sub_ceremony.size.check().is_err() {
        // Already refused; its powers mean nothing.
        return Ok(());
    }
    let sub = &index.subs[sub_ceremony.index];
    let raw = match raw_powers(source, index, sub, sub_ceremony)? {
        Ok(raw) => raw,
        Err(invalid) => {
            refuse(TranscriptCheck::Powers(invalid));
            return Ok(());
        }
    };
    // Asked even of powers that fail other checks: it tells where they do not come from.
    let encoding = raw.g1.encoding();
    let first_power = raw
        .g1
        .iter()
        .nth(1)
        .and_then(|it| G1Affine::decode(it, encoding).ok());
    if first_power.is_none() || first_power != last_product {
        refuse(TranscriptCheck::LastProduct);
    }
    match verify_powers(sub_ceremony, &raw, rng) {
        Err(invalid) => refuse(TranscriptCheck::Powers(invalid)),
        Ok(powers) => {
            report.known_secret = known_secret_of(powers.g1());
            report.mark = Some(powers.mark());
        }
    }
    Ok(())
}
