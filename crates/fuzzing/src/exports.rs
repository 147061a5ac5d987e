//! Whatever bytes are handed over as a file of powers or as a transcript, telling what they are,
//! reading and checking them never panics. Powers that can be read are the same in another form, and a
//! transcript that is accepted can be read by everybody else.

use rand_core::OsRng;
use tauline_transcript::Encoding;
use tauline_transcript::export::{PowersFileKind, PowersSet, check_powers_file, read_powers_file};
use tauline_transcript::recognise::{Kind, recognise_bytes};
use tauline_transcript::transcript::{
    EntrySearch, ExpectedSizes, Options, find_entries, read_powers, read_witnesses,
    verify_transcript,
};

/// As raw points, each list behind the number of its points, a set of powers is the same.
fn assert_same_as_raw(set: &PowersSet) {
    let Some(g1) = &set.g1_monomial else {
        return;
    };
    let g2 = &set.g2_monomial;
    let is_compressed = [g1.encoding(), g2.encoding()] == [Encoding::Compressed; 2];
    if !is_compressed || g1.len() < 2 || g2.len() < 2 {
        return;
    }
    let count = |points: usize| u32::try_from(points).expect("few points").to_be_bytes();
    let mut raw = count(g1.len()).to_vec();
    raw.extend(g1.bytes());
    raw.extend(count(g2.len()));
    raw.extend(g2.bytes());
    // Points that are none may look like anything.
    if !matches!(recognise_bytes(&raw), Kind::PowersRaw | Kind::Unknown) {
        return;
    }
    let again = read_powers_file(&raw).expect("raw points are powers");
    assert_eq!(again.kind, PowersFileKind::Raw);
    let [again] = &again.sets[..] else {
        panic!("one set became {}", again.sets.len());
    };
    assert_eq!(again.g1_monomial.as_ref(), Some(g1));
    assert_eq!(&again.g2_monomial, g2);
}

fn powers(bytes: &[u8]) {
    let Ok(file) = read_powers_file(bytes) else {
        return;
    };
    for set in &file.sets {
        let g1 = [&set.g1_monomial, &set.g1_lagrange];
        let g1: usize = g1.into_iter().flatten().map(|it| it.bytes().len()).sum();
        assert!(g1 + set.g2_monomial.bytes().len() <= bytes.len());
        assert_same_as_raw(set);
    }
    let _ = check_powers_file(&file, &mut OsRng, &|_, _| ());
}

fn transcript(bytes: &[u8]) {
    let mut witnesses = 0;
    let read = read_witnesses(bytes, |entry| {
        witnesses += 1;
        assert_eq!(entry.number, witnesses);
    });
    let found = find_entries(bytes, &EntrySearch::default());
    assert_eq!(found.is_ok(), read.is_ok());
    let options = Options {
        sizes: ExpectedSizes::AsStated,
        signed_sizes: None,
    };
    if let Ok(report) = verify_transcript(bytes, &options, &mut OsRng, &|_| ()) {
        read.expect("who verifies it reads its witnesses");
        assert_eq!(report.contributions, witnesses);
        for sub in &report.sub_ceremonies {
            let g1 = usize::try_from(sub.num_g1_powers).expect("a size");
            let powers = read_powers(bytes, g1).expect("who verifies it reads its powers");
            assert_eq!(powers.expect("its own size").g1().len(), g1);
        }
    }
}

/// Takes the bytes for a file of powers, and for a transcript.
///
/// # Panics
/// When what is read of them contradicts itself.
pub fn check(bytes: &[u8]) {
    let _ = recognise_bytes(bytes).to_string();
    powers(bytes);
    transcript(bytes);
}
