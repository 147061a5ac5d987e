//! Taking a ceremony over from another coordinator (`docs/spec/public-log.md#handover`).

use std::io;
use std::path::Path;

use rand_core::OsRng;
use tauline_store::check::Checked;
use tauline_store::handover::{self, Carried, TakeOverError};
use tauline_store::sqlite::Sqlite;
use tauline_store::{Contribution, Store as _, StoreError, Witness};
use tauline_transcript::transcript::{
    ExpectedSizes, Format, Options, TranscriptError, TranscriptWriter, WriteError,
    verify_transcript,
};
use tauline_transcript::{Encoding, Sizes};

/// How many contributions are read at a time.
const PAGE: u32 = 1024;

/// Takes the ceremony over that is in a bundle, unless it is here already. Points are decoded on the
/// threads of the current rayon pool.
///
/// # Errors
/// When anything in it is not as it should be. Nothing was changed then.
pub fn take_over(bundle: &Path, data_dir: &Path) -> Result<(), TakeOverError> {
    match handover::take_over(bundle, data_dir, inspect)? {
        Carried::Now(statement) => tracing::warn!(
            bundle = %bundle.display(),
            from = %statement.from,
            origin = statement.origin,
            entries = statement.entries,
            "the ceremony was taken over: every record and contribution fits, and the transcript is valid"
        ),
        Carried::Before => tracing::info!(
            bundle = %bundle.display(),
            "the ceremony of the bundle was taken over before"
        ),
    }
    Ok(())
}

/// Verifies the whole transcript, as anybody could.
fn inspect(store: &Sqlite, checked: &Checked) -> Result<(), String> {
    let all = contributions(store).map_err(|error| error.to_string())?;
    let document = transcript(checked, &all).map_err(|error| error.to_string())?;
    let sizes: Sizes = store.ceremony().sizes.clone();
    let options = Options {
        sizes: ExpectedSizes::These(sizes),
        ..Options::default()
    };
    match verify_transcript(document.as_slice(), &options, &mut OsRng, &|_| ()) {
        Ok(_) => Ok(()),
        Err(TranscriptError::Refused(refused)) => {
            let first = refused.failures.first().map(ToString::to_string);
            let why = first.unwrap_or_else(|| "a check failed".to_owned());
            Err(format!("its transcript is not valid: {why}"))
        }
        Err(error) => Err(format!("its transcript cannot be verified: {error}")),
    }
}

fn contributions(store: &Sqlite) -> Result<Vec<Contribution>, StoreError> {
    let reading = store.reading()?;
    let mut all: Vec<Contribution> = Vec::new();
    loop {
        let after = all.last().map_or(0, |last| last.number);
        let page = reading.page(after, PAGE)?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

fn transcript(checked: &Checked, all: &[Contribution]) -> Result<Vec<u8>, WriteError> {
    let powers = checked.base.powers();
    let number = all.len() as u64;
    let mut writer = TranscriptWriter::new(
        Vec::new(),
        Format::MessagePack(Encoding::Compressed),
        powers.len(),
        number,
    )?;
    for (i, powers) in powers.iter().enumerate() {
        let missing = || io::Error::other("a contribution has too few witnesses");
        let witness = || {
            all.iter()
                .map(move |one| one.witness.get(i).copied().ok_or_else(missing))
        };
        writer.sub_ceremony(
            powers,
            witness().map(|it: io::Result<Witness>| Ok(it?.running_product)),
            witness().map(|it| Ok(it?.pot_pubkey)),
            witness().map(|it| Ok(it?.bls_signature)),
        )?;
    }
    writer.finish(
        all.iter().map(|one| Ok(one.identity.as_str())),
        all.iter().map(|one| Ok(one.ecdsa)),
    )
}
