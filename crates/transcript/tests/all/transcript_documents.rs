//! Transcripts as documents: written, read back, pinned; and documents that are none.

use std::path::Path;

use crate::fixtures::{rng, secrets, sizes};
use crate::history::*;
use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;
use k256::ecdsa::SigningKey;
use serde_json::{Value, json};
use tauline_transcript::identity::Identity;
use tauline_transcript::signature::eth_address;
use tauline_transcript::transcript::*;
use tauline_transcript::{
    DocumentError, Element, Encoding, PointError, Size, Sizes, contribute, contribute_with,
};

#[test]
fn an_honest_transcript_is_accepted_in_every_format() {
    let formats = [
        Format::Json,
        Format::PrettyJson,
        Format::MessagePack(Encoding::Compressed),
        Format::MessagePack(Encoding::Uncompressed),
    ];
    for format in formats {
        let document = honest().write(Vec::new(), format).unwrap();
        let report = verify_with(&document, &options(SIZES)).unwrap();
        assert_eq!(report.contributions, 5, "{format:?}");
        assert_eq!(
            report.participants,
            Participants {
                ethereum: 4,
                github: 1,
                invited: 0
            }
        );
        assert_eq!(
            report.ecdsa_signatures,
            Tally {
                valid: 4,
                invalid: 0,
                absent: 1
            }
        );
        for sub in &report.sub_ceremonies {
            assert_eq!(sub.links_valid, 5);
            assert_eq!(
                sub.bls_signatures,
                Tally {
                    valid: 5,
                    invalid: 0,
                    absent: 0
                }
            );
            assert_eq!(sub.no_entropy, 0);
        }
        assert_eq!(
            verify_with(
                &document,
                &Options {
                    sizes: ExpectedSizes::AsStated,
                    signed_sizes: None
                }
            )
            .unwrap(),
            report
        );
    }
}

#[test]
fn the_start_of_a_ceremony_is_accepted() {
    let sizes: Sizes = SIZES.parse().unwrap();
    let start = Transcript::initial(&sizes)
        .write(Vec::new(), Format::Json)
        .unwrap();
    let report = verify_with(&start, &options(SIZES)).unwrap();
    assert_eq!(report.contributions, 0);
    assert_eq!(report.ecdsa_signatures, Tally::default());
    assert_eq!(report.sub_ceremonies[3].links_valid, 0);
}

#[test]
fn more_entries_than_a_batch_are_all_checked() {
    // Contributions with known secrets: products are cheap to make, powers are not needed before
    // the last. 200 entries are four batches.
    let sizes: Sizes = "2:2".parse().unwrap();
    let mut transcript = Transcript::initial(&sizes);
    let mut rng = rng(3);
    for n in 0..200_u8 {
        let id = Identity::eth([n; 20]);
        let update = contribute(transcript.base(), &mut rng, &[], &|_| {});
        transcript
            .accept(id.clone(), &update.sign(&id, None), &mut rng)
            .unwrap();
    }
    let bytes = transcript.write(Vec::new(), Format::Json).unwrap();
    let report = verify_with(&bytes, &options("2:2")).unwrap();
    assert_eq!(report.contributions, 200);
    assert_eq!(report.sub_ceremonies[0].links_valid, 200);
    assert_eq!(report.sub_ceremonies[0].bls_signatures.valid, 200);

    let mut document: Value = serde_json::from_slice(&bytes).unwrap();
    for k in [1, 63, 64, 65, 127, 128, 199, 200] {
        let key = document["transcripts"][0]["witness"]["potPubkeys"][k].take();
        document["transcripts"][0]["witness"]["potPubkeys"][k] = g2(5);
        match verify_with(document.to_string().as_bytes(), &options("2:2")) {
            Err(TranscriptError::Refused(refused)) => {
                assert_eq!(faults(&refused), [(Some(0), "UpdateProof", Some(k as u64))]);
                assert_eq!(refused.report.sub_ceremonies[0].links_valid, 199);
                assert_eq!(refused.report.sub_ceremonies[0].bls_signatures.invalid, 1);
            }
            other => panic!("{k}: {other:?}"),
        }
        document["transcripts"][0]["witness"]["potPubkeys"][k] = key;
    }
}

#[test]
fn the_names_of_the_first_schema_are_read() {
    let text = honest_document()
        .to_string()
        .replace("\"transcripts\"", "\"subTranscripts\"");
    assert_eq!(
        verify_with(text.as_bytes(), &options(SIZES))
            .unwrap()
            .contributions,
        5
    );
}

/// A transcript of known secrets: 17, 18 by an Ethereum account, then 33, 34 by an invited party.
fn pinned_transcript() -> Transcript {
    let mut transcript = Transcript::initial(&sizes("4:2,8:3"));
    let key = SigningKey::from_slice(&[1; 32]).unwrap();
    let identities = [
        Identity::eth(eth_address(key.verifying_key())),
        Identity::invite("zoë").unwrap(),
    ];
    for (identity, first) in identities.into_iter().zip([17, 33]) {
        let update = contribute_with(
            transcript.base(),
            secrets(&sizes("4:2,8:3"), first),
            &|_| {},
        );
        let key = identity.eth_address().map(|_| &key);
        let contribution = update.unwrap().sign(&identity, key);
        transcript
            .accept(identity, &contribution, &mut rng(5))
            .unwrap();
    }
    transcript
}

/// Every byte of a transcript is pinned. A file is written when `TAULINE_UPDATE_GOLDEN` is set.
#[test]
fn transcripts_are_pinned() {
    for (name, format) in [
        ("transcript.json", Format::Json),
        ("transcript.pretty.json", Format::PrettyJson),
        (
            "transcript.compressed.msgpack",
            Format::MessagePack(Encoding::Compressed),
        ),
        (
            "transcript.uncompressed.msgpack",
            Format::MessagePack(Encoding::Uncompressed),
        ),
    ] {
        let bytes = pinned_transcript().write(Vec::new(), format).unwrap();
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/golden")
            .join(name);
        if std::env::var_os("TAULINE_UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &bytes).unwrap();
        }
        let pinned = std::fs::read(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        assert!(
            bytes == pinned,
            "{name} changed: documents are an interface. If it was meant to, run with \
             TAULINE_UPDATE_GOLDEN=1"
        );
        let report = verify_with(&pinned, &options("4:2,8:3")).unwrap();
        assert_eq!(
            report.participants,
            Participants {
                ethereum: 1,
                github: 0,
                invited: 1
            }
        );
    }
}

// Documents that are none.

#[track_caller]
fn not_a_document(bytes: &[u8]) -> String {
    match verify_with(bytes, &options(SIZES)) {
        Err(TranscriptError::Document(error)) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_truncated_document_is_refused_wherever_it_ends() {
    for format in [Format::Json, Format::MessagePack(Encoding::Compressed)] {
        let sizes: Sizes = "2:2".parse().unwrap();
        let bytes = Transcript::initial(&sizes)
            .write(Vec::new(), format)
            .unwrap();
        for len in 0..bytes.len() {
            not_a_document(&bytes[..len]);
        }
        verify_with(&bytes, &options("2:2")).unwrap();
    }
}

#[test]
fn bytes_after_the_document_are_refused() {
    for format in [Format::Json, Format::MessagePack(Encoding::Uncompressed)] {
        let mut bytes = honest().write(Vec::new(), format).unwrap();
        bytes.push(b'{');
        not_a_document(&bytes);
    }
    let mut spaced = honest().write(Vec::new(), Format::Json).unwrap();
    spaced.extend_from_slice(b"\r\n\t ");
    verify_with(&spaced, &options(SIZES)).unwrap();
}

#[test]
fn fields_unknown_or_given_twice_are_refused() {
    let text = honest_document().to_string();
    for (from, to, problem) in [
        (
            "{\"participant",
            "{\"x\":1,\"participant",
            "unknown field `x`",
        ),
        (
            "\"powersOfTau\":{",
            "\"powersOfTau\":{\"x\":[],",
            "unknown field `x`",
        ),
        (
            "\"witness\":{",
            "\"witness\":{\"potPubkeys\":[],",
            "given twice",
        ),
        (
            "\"numG1Powers\":4,",
            "\"numG1Powers\":4,\"numG1Powers\":4,",
            "given twice",
        ),
        ("\"numG1Powers\":4,", "", "no field `numG1Powers`"),
        (
            "\"numG1Powers\":4,",
            "\"numG1Powers\":-4,",
            "not a number of powers",
        ),
        (
            "\"numG1Powers\":4,",
            "\"numG1Powers\":4e3,",
            "not a number of powers",
        ),
        (
            "\"numG1Powers\":4,",
            "\"numG1Powers\":99999999999999999999,",
            "not a number of powers",
        ),
        ("\"potPubkeys\"", "\"potpubkeys\"", "no field `potPubkeys`"),
        ("\"transcripts\"", "\"transcript\"", "unknown field"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        let error = not_a_document(changed.as_bytes());
        assert!(error.contains(problem), "{error}");
    }
    for (from, to) in [
        (
            "\"witness\":{",
            "\"witness\":{\"comment\":{\"a\":[1,null,\"x\"]},",
        ),
        ("\"numG1Powers\":4,", "\"comment\":true,\"numG1Powers\":4,"),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from}");
        verify_with(changed.as_bytes(), &options(SIZES)).unwrap();
    }
}

#[test]
fn deep_documents_are_refused_without_overflow() {
    let deep = "[".repeat(1_000_000);
    not_a_document(deep.as_bytes());
    not_a_document(format!("{{\"transcripts\":[{{\"x\":{deep}").as_bytes());
    // MessagePack: {"transcripts": [{"x": [[[[…
    let mut deep = b"\x81\xabtranscripts\x91\x81\xa1x".to_vec();
    deep.resize(1_000_000, 0x91);
    not_a_document(&deep);
}

#[test]
fn promised_lengths_are_not_believed() {
    // Lists and values of 2^32 - 1 items, and nothing in them.
    for tail in [
        b"\xdd\xff\xff\xff\xff".as_slice(),
        b"\x91\xdf\xff\xff\xff\xff",
    ] {
        let mut bytes = b"\x81\xabtranscripts".to_vec();
        bytes.extend_from_slice(tail);
        not_a_document(&bytes);
    }
    for tail in [
        b"\xc6\xff\xff\xff\xff".as_slice(),
        b"\xdb\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff",
    ] {
        let mut bytes = b"\x81\xabtranscripts\x91\x81\xa1x".to_vec();
        bytes.extend_from_slice(tail);
        not_a_document(&bytes);
    }
}

#[test]
fn other_things_are_no_transcripts() {
    for bytes in [
        b"".as_slice(),
        b"null",
        b"[]",
        b"{}",
        b"\"x\"",
        b"\xff\xfe",
        b"\x00",
        b"\x80",
        b"\x1f\x8b\x08\x00",
        b"{\"transcripts\":7}",
        b"{\"transcripts\":[7]}",
        b"{\"transcripts\":null}",
        b"{\"transcripts\":[]}garbage",
        b"{\"transcripts\":[{}]}",
    ] {
        not_a_document(bytes);
    }
    let mut no_text = honest_document();
    no_text["participantIds"][1] = json!(7);
    not_a_document(no_text.to_string().as_bytes());
    let mut no_point = honest_document();
    no_point["transcripts"][0]["witness"]["potPubkeys"][1] = Value::Null;
    not_a_document(no_point.to_string().as_bytes());
    let mut many = honest_document();
    many["transcripts"] = json!(vec![many["transcripts"][0].clone(); 17]);
    assert!(not_a_document(many.to_string().as_bytes()).contains("more than 16 sub-ceremonies"));
}

#[test]
fn one_document_has_one_point_encoding() {
    let compressed = honest()
        .write(Vec::new(), Format::MessagePack(Encoding::Compressed))
        .unwrap();
    let generator = G1Affine::generator();
    // The first witness point in the other encoding.
    let mut from = b"\xafrunningProducts\x96\xc4\x30".to_vec();
    from.extend(generator.to_compressed());
    let mut to = b"\xafrunningProducts\x96\xc4\x60".to_vec();
    to.extend(generator.to_uncompressed());
    let at = compressed
        .windows(from.len())
        .position(|it| it == from)
        .unwrap();
    let mut mixed = compressed[..at].to_vec();
    mixed.extend(&to);
    mixed.extend(&compressed[at + from.len()..]);
    match verify_with(&mixed, &options(SIZES)) {
        Err(TranscriptError::Refused(refused)) => {
            let error = PointError::Length {
                expected: 48,
                got: 96,
            };
            let element = Element::RunningProduct;
            let check = TranscriptCheck::Decoding { element, error };
            assert!(
                refused.failures.iter().any(|it| it.check == check),
                "{refused:?}"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_source_that_fails_is_not_a_wrong_transcript() {
    struct Broken;
    impl std::io::Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("disk on fire"))
        }
    }
    impl Source for Broken {
        type Reader<'a> = Self;
        fn open(&self, _: u64) -> std::io::Result<Self> {
            Ok(Self)
        }
    }
    match verify_transcript(&Broken, &options(SIZES), &mut rng(1), &|_| {}) {
        Err(error @ TranscriptError::Read(_)) => {
            assert_eq!(
                error.to_string(),
                "the transcript cannot be read: disk on fire"
            );
        }
        other => panic!("{other:?}"),
    }
}

// Writing.

#[test]
fn a_transcript_with_uneven_lists_cannot_be_written() {
    let powers = &honest().base().powers()[0];
    let point = || Ok(G1Affine::generator().to_compressed());
    let key = || Ok(G2Affine::generator().to_compressed());
    for (products, keys, signatures, list) in [
        (1, 2, 2, "runningProducts"),
        (3, 2, 2, "runningProducts"),
        (2, 1, 2, "potPubkeys"),
        (2, 2, 3, "blsSignatures"),
    ] {
        let mut writer = TranscriptWriter::new(Vec::new(), Format::Json, 1, 2).unwrap();
        let result = writer.sub_ceremony(
            powers,
            (0..products).map(|_| point()),
            (0..keys).map(|_| key()),
            (0..signatures).map(|_| Ok(None)),
        );
        assert!(matches!(result, Err(WriteError::Length { list: it, .. }) if it == list));
    }
    let writer = TranscriptWriter::new(Vec::new(), Format::Json, 1, 0).unwrap();
    let none = std::iter::empty::<std::io::Result<&str>>();
    let result = writer.finish(none, []);
    assert!(matches!(
        result,
        Err(WriteError::SubCeremonies {
            expected: 1,
            got: 0
        })
    ));
}

#[test]
fn an_error_of_the_store_ends_the_writing() {
    let powers = &honest().base().powers()[0];
    let mut writer = TranscriptWriter::new(Vec::new(), Format::Json, 1, 1).unwrap();
    let result = writer.sub_ceremony(powers, [Err(std::io::Error::other("row 7"))], [], []);
    assert_eq!(
        result.unwrap_err().to_string(),
        "the transcript cannot be written: row 7"
    );
}

#[test]
fn powers_of_a_transcript_are_read_back() {
    for format in [
        Format::PrettyJson,
        Format::MessagePack(Encoding::Uncompressed),
    ] {
        let document = honest().write(Vec::new(), format).unwrap();
        let powers = read_powers(document.as_slice(), 16).unwrap().unwrap();
        assert_eq!(&powers, &honest().base().powers()[2]);
        assert_eq!(powers.size(), Size { g1: 16, g2: 4 });
        assert!(read_powers(document.as_slice(), 17).unwrap().is_none());
    }
    assert!(matches!(
        read_powers(b"{}".as_slice(), 16),
        Err(TranscriptError::Document(DocumentError::Json(_)))
    ));
}
