//! Reading and checking contributions, bases and powers in files, for several verbs.

use rand_core::OsRng;
use tauline_transcript::recognise::Kind;
use tauline_transcript::transcript::{TranscriptError, read_powers};
use tauline_transcript::{
    Base, Encoding, Powers, RawContribution, Size, Sizes, SizesError, SubCeremony, verify_base,
    verify_powers,
};

use crate::exit::{Failure, Outcome};
use crate::input::{Input, MAX_DOCUMENT};
use crate::recognised::{Wanted, want};
use crate::work;

/// Reads a contribution. Also returns its bytes.
pub(crate) fn contribution(input: &Input, wanted: Wanted) -> Outcome<(RawContribution, Vec<u8>)> {
    want(input, wanted)?;
    let bytes = input.bytes(MAX_DOCUMENT)?;
    let document = work::read_document(&bytes).map_err(|error| {
        Failure::bad(format!("{} is not a contribution: {error}", input.name()))
    })?;
    Ok((document, bytes))
}

/// Reads and checks the powers to build on, from a base, a contribution or a transcript.
pub(crate) fn base(input: &Input, ceremony: Option<&Sizes>) -> Outcome<Base> {
    let bad = |why: &dyn std::fmt::Display| {
        Failure::bad(format!(
            "{} holds no powers to build on: {why}",
            input.name()
        ))
    };
    let (document, sizes) = if want(input, Wanted::Base)? == Kind::Transcript {
        let sizes = ceremony.cloned().unwrap_or_default();
        (transcript_powers(input, &sizes)?, sizes)
    } else {
        let (document, _) = contribution(input, Wanted::Base)?;
        let sizes = match ceremony {
            Some(sizes) => sizes.clone(),
            None => stated_sizes(&document).map_err(|error| bad(&error))?,
        };
        (document, sizes)
    };
    verify_base(&document, &sizes, &mut OsRng).map_err(|invalid| bad(&invalid).code(invalid.code()))
}

/// The sizes of the lists in a document.
fn stated_sizes(document: &RawContribution) -> Result<Sizes, SizesError> {
    let lists = document.sub_contributions.iter().map(|sub| &sub.powers);
    Sizes::new(
        lists
            .map(|powers| Size {
                g1: powers.g1.len(),
                g2: powers.g2.len(),
            })
            .collect(),
    )
}

/// The final powers of a transcript as a base.
fn transcript_powers(input: &Input, sizes: &Sizes) -> Outcome<RawContribution> {
    let mut document = Base::initial(sizes).to_raw(Encoding::Uncompressed);
    for (sub, size) in document.sub_contributions.iter_mut().zip(sizes) {
        let powers = sub_ceremony_powers(input, size.g1)?;
        (sub.num_g1_powers, sub.num_g2_powers) =
            (powers.g1().len() as u64, powers.g2().len() as u64);
        sub.powers = powers.to_raw(Encoding::Uncompressed);
    }
    Ok(document)
}

/// The final powers of a transcript's sub-ceremony, decoded but not checked.
pub(crate) fn sub_ceremony_powers(input: &Input, g1: usize) -> Outcome<Powers> {
    match read_powers(input, g1) {
        Ok(Some(powers)) => Ok(powers),
        Ok(None) => Err(Failure::bad(format!(
            "{} has no sub-ceremony of {g1} powers",
            input.name()
        ))
        .help("name one by its number of powers in G1, such as 4096")),
        Err(error) => Err(transcript_failure(input, &error)),
    }
}

/// The error that ends a verb whose transcript cannot be used.
pub(crate) fn transcript_failure(input: &Input, error: &TranscriptError) -> Failure {
    let name = input.name();
    match error {
        TranscriptError::Read(error) => Failure::io(format!("cannot read {name}: {error}")),
        TranscriptError::Document(error) => {
            Failure::bad(format!("{name} is not a transcript: {error}"))
        }
        TranscriptError::Refused(refused) => {
            Failure::bad(format!("{name} is not valid: {refused}"))
        }
        TranscriptError::Powers(invalid) => {
            Failure::bad(format!("{name}: {invalid}")).code(invalid.code())
        }
    }
}

/// Checks powers from a transcript.
pub(crate) fn verified_powers(input: &Input, powers: &Powers) -> Outcome<Powers> {
    let sub_ceremony = SubCeremony {
        index: 0,
        size: powers.size(),
    };
    let raw = powers.to_raw(Encoding::Uncompressed);
    verify_powers(sub_ceremony, &raw, &mut OsRng).map_err(|invalid| {
        Failure::bad(format!("{}: {invalid}", input.name())).code(invalid.code())
    })
}
