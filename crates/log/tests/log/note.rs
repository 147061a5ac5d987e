//! Signed notes and keys, with the examples of the specification and of Go's `sumdb/note`.

use proptest::prelude::*;
use tauline_log::note::{
    KeyName, Kind, MAX_NOTE_LEN, MAX_SIGNATURES, Note, NoteError, Signature, SignatureLineError,
    Signer, VerifierKey, VerifierKeyError, VerifyError,
};

/// <https://c2sp.org/signed-note>, Example.
const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n\
    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

/// golang.org/x/mod, `sumdb/note/note_test.go`.
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
/// The seed in Peter's `PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz`.
const PETER_SEED: &str = "810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173";
const CRYPTOGRAPHY: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n\
    — EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";

fn key(text: &str) -> VerifierKey {
    text.parse().unwrap()
}

fn signer(name: &str, seed: u8) -> Signer {
    Signer::from_seed(name.parse().unwrap(), &[seed; 32])
}

fn parse(text: &str) -> Result<Note, NoteError> {
    Note::parse(text.as_bytes())
}

#[test]
fn the_examples_verify_and_are_written_as_they_were() {
    for (text, keys) in [(NOTE, &[KEY][..]), (CRYPTOGRAPHY, &[PETER, ENOCH])] {
        let note = parse(text).unwrap();
        assert_eq!(note.to_string(), text);
        let keys: Vec<VerifierKey> = keys.iter().map(|text| key(text)).collect();
        let verified = note.verify(&keys).unwrap();
        assert_eq!(verified.len(), keys.len());
        for (verified, key) in verified.iter().zip(&keys) {
            assert_eq!((verified.key, verified.time), (key, None));
        }
    }
    assert_eq!(parse(NOTE).unwrap().text(), "This is an example message.\n");
}

#[test]
fn keys_are_written_as_they_were() {
    for text in [
        KEY,
        PETER,
        ENOCH,
        // transparency-dev/formats, `note/note_cosigv1_test.go`: a `+` in base64, and type 04.
        "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
        "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    ] {
        assert_eq!(key(text).to_string(), text);
    }
    let witness = key("remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2");
    assert_eq!(witness.kind(), Kind::Cosignature);
    assert_eq!(witness.name().as_str(), "remora.n621.de");
    assert_eq!(witness.id().to_string(), "da77ade7");
}

/// Signatures are deterministic, so ours are those of Go's example.
#[test]
fn a_seed_signs_as_it_does_elsewhere() {
    let seed: [u8; 32] = hex::decode(PETER_SEED).unwrap().try_into().unwrap();
    let peter = Signer::from_seed("PeterNeumann".parse().unwrap(), &seed);
    assert_eq!(peter.verifier_key().to_string(), PETER);
    let theirs = parse(CRYPTOGRAPHY).unwrap();
    let ours = Note::signed(theirs.text(), &peter).unwrap();
    assert_eq!(ours.signatures(), &theirs.signatures()[..1]);
    let both = ours.with(theirs.signatures()[1].clone()).unwrap();
    assert_eq!(both, theirs);
}

#[test]
fn no_secret_is_shown() {
    let shown = format!("{:?}", signer("example.com/log", 7));
    assert!(shown.starts_with("Signer(example.com/log+"), "{shown}");
    assert!(!shown.contains("7, 7"), "{shown}");
}

#[test]
fn unknown_signatures_are_passed_over_known_ones_must_be_good() {
    let (a, b) = (signer("a.example", 1), signer("b.example", 2));
    let note = Note::signed("text\n", &a).unwrap();
    let key_of = |signer: &Signer| vec![signer.verifier_key().clone()];
    let both = [key_of(&a), key_of(&b)].concat();

    // Known, and good; another unknown beside it, of which nothing is asked.
    let stranger: Signature = "— b.example AAAAAAA=".parse().unwrap();
    let with_stranger = note.clone().with(stranger).unwrap();
    assert_eq!(with_stranger.verify(&both).unwrap().len(), 1);
    // The same name with another number, and the other way round.
    for same in ["— a.example AAAAAAA=".to_owned(), {
        let line = note.signatures()[0].to_string();
        line.replace("a.example", "c.example")
    }] {
        let note = note.clone().with(same.parse().unwrap()).unwrap();
        assert_eq!(note.verify(&both).unwrap().len(), 1, "{same}");
    }
    // None known.
    assert_eq!(note.verify(&key_of(&b)), Err(VerifyError::NoKnownSignature));
    assert_eq!(note.verify(&[]), Err(VerifyError::NoKnownSignature));
    assert_eq!(note.verify_any(&key_of(&b)), Ok(vec![]));
    // Known, and bad, beside one that is good.
    let of_other_text = Note::signed("other\n", &b).unwrap();
    let forged = note.with(of_other_text.signatures()[0].clone()).unwrap();
    let bad = VerifyError::BadSignature {
        name: "b.example".parse().unwrap(),
        id: b.verifier_key().id(),
    };
    assert_eq!(forged.verify(&both), Err(bad.clone()));
    assert_eq!(forged.verify_any(&both), Err(bad));
    assert_eq!(forged.verify(&key_of(&a)).unwrap().len(), 1);
}

#[test]
fn every_changed_bit_of_a_note_is_noticed() {
    let key = [key(KEY)];
    for at in 0..NOTE.len() {
        for bit in 0..8 {
            let mut bytes = NOTE.as_bytes().to_vec();
            bytes[at] ^= 1 << bit;
            let is_believed = Note::parse(&bytes).is_ok_and(|note| note.verify(&key).is_ok());
            assert!(!is_believed, "bit {bit} of byte {at}");
        }
    }
}

#[test]
fn every_changed_character_of_a_key_is_noticed() {
    for at in 0..KEY.len() {
        for other in ['A', 'b', '0', '+', '='] {
            let mut text = KEY.to_owned();
            text.replace_range(at..=at, &other.to_string());
            assert_eq!(text.parse::<VerifierKey>().is_ok(), text == KEY, "{text}");
        }
    }
}

#[test]
fn the_text_ends_at_the_last_empty_line() {
    let signer = signer("example.com/log", 3);
    for text in [
        "\n",
        "a\n",
        "a\n\n",
        "a\n\nb\n",
        "— example.com/log AAAA\n",
        "\n\n\n",
        "ü 漢\n",
    ] {
        let note = Note::signed(text, &signer).unwrap();
        let read = parse(&note.to_string()).unwrap();
        assert_eq!(read, note, "{text:?}");
        assert_eq!(read.text(), text);
        assert!(read.verify(&[signer.verifier_key().clone()]).is_ok());
    }
}

#[test]
fn what_is_no_note_is_refused_and_where_is_said() {
    let line = "— a AAAAAAA=";
    for (text, told) in [
        (
            "",
            "the note has no empty line between a text and signatures",
        ),
        (
            "text\n",
            "the note has no empty line between a text and signatures",
        ),
        (
            "text\n\n",
            "the note has no empty line between a text and signatures",
        ),
        (
            "— a AAAAAAA=\n",
            "the note has no empty line between a text and signatures",
        ),
        (
            "text\n\n— a AAAAAAA=",
            "the note's last line does not end in a newline",
        ),
        (
            "text\n\n\n",
            "the note has no empty line between a text and signatures",
        ),
        (
            "text\n\n— a AAAAAAA=\nrest\n",
            "line 4 of the note: a signature begins with an em dash and a space",
        ),
        (
            "one\ntwo\n\n- a AAAAAAA=\n",
            "line 4 of the note: a signature begins with an em dash and a space",
        ),
        (
            "text\n\n—a AAAAAAA=\n",
            "line 3 of the note: a signature begins with an em dash and a space",
        ),
        (
            "text\n\n— a\n",
            "line 3 of the note: a signature has a name, a space and base64",
        ),
        (
            "text\n\n—  AAAAAAA=\n",
            "line 3 of the note: \"\" is no name of a key: it is empty, or has a space, a control character or a \"+\"",
        ),
        (
            "text\n\n— a+b AAAAAAA=\n",
            "line 3 of the note: \"a+b\" is no name of a key: it is empty, or has a space, a control character or a \"+\"",
        ),
        (
            "text\n\n— a\u{a0}b AAAAAAA=\n",
            "line 3 of the note: \"a\\u{a0}b\" is no name of a key: it is empty, or has a space, a control character or a \"+\"",
        ),
        (
            "text\n\n— a  AAAAAAA=\n",
            "line 3 of the note: the signature is not in base64 as RFC 4648 has it",
        ),
        (
            "text\n\n— a AAAAAAA= \n",
            "line 3 of the note: the signature is not in base64 as RFC 4648 has it",
        ),
        (
            "text\n\n— a AAAAAAA\n",
            "line 3 of the note: the signature is not in base64 as RFC 4648 has it",
        ),
        (
            "text\n\n— a AAAAAAB=\n",
            "line 3 of the note: the signature is not in base64 as RFC 4648 has it",
        ),
        (
            "text\n\n— a AAAAAA==\n",
            "line 3 of the note: a signature has 4 bytes for the key's number and more; this one has 4",
        ),
        (
            "text\n\n— a \n",
            "line 3 of the note: a signature has 4 bytes for the key's number and more; this one has 0",
        ),
        (
            "te\txt\n\n— a AAAAAAA=\n",
            "byte 2 of the note is the control character 0x09",
        ),
        (
            "text\r\n\n— a AAAAAAA=\n",
            "byte 4 of the note is the control character 0x0d",
        ),
        (
            "text\n\n— a\0 AAAAAAA=\n",
            "byte 11 of the note is the control character 0x00",
        ),
    ] {
        assert_eq!(parse(text).unwrap_err().to_string(), told, "{text:?}");
    }
    let not_utf8 = [b"text \xff\n\n", line.as_bytes(), b"\n"].concat();
    assert_eq!(Note::parse(&not_utf8), Err(NoteError::NotUtf8(5)));
    let cut = "— a".parse::<Signature>();
    assert_eq!(cut, Err(SignatureLineError::NoBase64));
}

#[test]
fn what_is_no_text_is_not_signed() {
    let signer = signer("example.com/log", 3);
    let terminated = Err(NoteError::TextNotTerminated);
    assert_eq!(Note::signed("", &signer), terminated);
    assert_eq!(Note::signed("text", &signer), terminated);
    assert_eq!(
        Note::signed("te\x7fxt\x1f\n", &signer),
        Err(NoteError::ControlCharacter { at: 5, byte: 0x1f })
    );
    let long = Note::signed(format!("{}\n", "a".repeat(MAX_NOTE_LEN)), &signer);
    assert!(matches!(long, Err(NoteError::TooLong(_))));
}

#[test]
fn a_note_has_at_most_64_signatures_of_the_longest_kind() {
    // 4,900 bytes each, which is longer than the longest post-quantum signature that is foreseen.
    let line = format!("— {} {}\n", "w".repeat(200), "AAAA".repeat(4_900 / 3));
    let text = format!("text\n\n{}", line.repeat(MAX_SIGNATURES));
    let note = parse(&text).unwrap();
    assert_eq!(note.signatures().len(), MAX_SIGNATURES);
    assert_eq!(note.to_string(), text);
    let more = note.signatures()[0].clone();
    assert_eq!(note.with(more), Err(NoteError::TooManySignatures));
    assert_eq!(parse(&(text + &line)), Err(NoteError::TooManySignatures));
    let long = format!("{}\n\n— a AAAAAAA=\n", "a".repeat(MAX_NOTE_LEN));
    assert_eq!(parse(&long), Err(NoteError::TooLong(long.len())));
}

#[test]
fn what_is_no_key_is_refused_and_why_is_said() {
    let cases = [
        ("", "a verifier key is NAME+ID+BASE64, and \"\" is not"),
        (
            "example.com/foo+530d903a",
            "a verifier key is NAME+ID+BASE64, and \"example.com/foo+530d903a\" is not",
        ),
        (
            "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "\"\" is no name of a key: it is empty, or has a space, a control character or a \"+\"",
        ),
        (
            "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "the number of a key has eight hexadecimal digits, and \"530D903A\" does not",
        ),
        (
            "example.com/foo+30d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "the number of a key has eight hexadecimal digits, and \"30d903a\" does not",
        ),
        (
            "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "example.com/foo with this key has the number 530d903a, not 530d903b: one of them is mistyped",
        ),
        (
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
            "the key of example.com/foo is not in base64 as RFC 4648 has it",
        ),
        (
            "example.com/foo+530d903a+",
            "the key of example.com/foo is not in base64 as RFC 4648 has it",
        ),
        (
            "example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
            "the key of example.com/foo is of type 0x06; 0x01 (Ed25519) and 0x04 (cosignature) are known",
        ),
        (
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U0=",
            "the key of example.com/foo is not an Ed25519 public key that can be relied on",
        ),
    ];
    for (text, told) in cases {
        let error = text.parse::<VerifierKey>().unwrap_err();
        assert_eq!(error.to_string(), told, "{text:?}");
    }
}

/// With the neutral element as a key, a signature exists that holds for every text.
#[test]
fn a_key_that_verifies_everything_is_refused() {
    let name: KeyName = "example.com/log".parse().unwrap();
    let mut neutral = [0; 32];
    neutral[0] = 1;
    for kind in [Kind::Ed25519, Kind::Cosignature] {
        let refused = Err(VerifierKeyError::Key(name.clone()));
        assert_eq!(VerifierKey::new(name.clone(), kind, &neutral), refused);
        assert_eq!(VerifierKey::new(name.clone(), kind, &[2; 32]), refused);
    }
}

proptest! {
    #[test]
    fn notes_are_read_as_they_were_written(
        text in "([^\\x00-\\x1f]{0,20}\n){1,5}",
        names in prop::collection::vec("[a-z./]{1,10}", 1..6),
        seed: [u8; 32],
    ) {
        let signers: Vec<Signer> = names
            .iter()
            .map(|name| Signer::from_seed(name.parse().unwrap(), &seed))
            .collect();
        let mut note = Note::signed(text.as_str(), &signers[0]).unwrap();
        for signer in &signers[1..] {
            let more = Note::signed(text.as_str(), signer).unwrap();
            note = note.with(more.signatures()[0].clone()).unwrap();
        }
        let keys: Vec<VerifierKey> = signers.iter().map(|s| s.verifier_key().clone()).collect();
        let read = Note::parse(note.to_string().as_bytes()).unwrap();
        prop_assert_eq!(&read, &note);
        prop_assert_eq!(read.verify(&keys).unwrap().len(), names.len());
    }

    #[test]
    fn what_is_read_as_a_note_is_written_the_same(
        bytes in "[a\n]{0,8}\n\n(— [a-c+ ]{1,3} [AQB=]{4,8}\n){0,3}",
    ) {
        if let Ok(note) = Note::parse(bytes.as_bytes()) {
            prop_assert_eq!(note.to_string(), bytes);
        }
    }
}
