//! What a file is, told by its content.

use crate::history::{honest, honest_document};
use crate::support::data_file;
use serde_json::{Value, json};
use tauline_transcript::Encoding;
use tauline_transcript::recognise::*;
use tauline_transcript::transcript::Format;

fn kind(bytes: impl AsRef<[u8]>) -> Kind {
    recognise_bytes(bytes.as_ref())
}

/// An object whose fields stand in this order.
fn in_order(fields: &[(&str, &Value)]) -> String {
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

#[test]
fn own_documents_are_told_whatever_comes_first() {
    let transcript = honest_document();
    let names = [
        "transcripts",
        "participantIds",
        "participantEcdsaSignatures",
    ];
    for shift in 0..3 {
        let mut fields: Vec<_> = names
            .iter()
            .map(|name| (*name, &transcript[*name]))
            .collect();
        fields.rotate_left(shift);
        let text = in_order(&fields);
        assert_eq!(kind(&text), Kind::Transcript);
        let seven = json!(7);
        let strange = json!([{"transcripts": [1, 2, 3]}, "contributions"]);
        let fields = [&[("comment", &strange), ("at", &seven)][..], &fields].concat();
        assert_eq!(kind(in_order(&fields)), Kind::Transcript);
        assert_eq!(kind(format!("\n\t {text}")), Kind::Transcript);
        assert_eq!(
            kind([UTF8_MARK, text.as_bytes()].concat()),
            Kind::Transcript
        );
        assert_eq!(kind(&text[..text.len() / 2]), Kind::Transcript);
    }
    for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
        let transcript = honest()
            .write(Vec::new(), Format::MessagePack(encoding))
            .unwrap();
        assert_eq!(kind(transcript), Kind::Transcript);
        assert_eq!(
            kind(honest().base().to_msgpack(encoding).unwrap()),
            Kind::Contribution
        );
    }
    assert_eq!(kind(honest().base().to_json().unwrap()), Kind::Contribution);
    for (text, expected) in [
        (
            r#"{"ecdsaSignature":"","contributions":[]}"#,
            Kind::Contribution,
        ),
        (r#"{"subContributions":[]}"#, Kind::Contribution),
        (r#"{"subTranscripts":[]}"#, Kind::Transcript),
        (r#"{"x":{"y":[{}]},"g1_lagrange":[]}"#, Kind::PowersJson),
        (r#"{"setup_G2":[]}"#, Kind::PowersJson),
        (r#"{"g1Monomial":[]}"#, Kind::PowersJson),
        (r#"{"powersOfTau":{}}"#, Kind::PowersJson),
        (r#"{"signature":"00","receipt":"{}"}"#, Kind::Receipt),
        (r#"{"identity":"eth|0x","witness":[]}"#, Kind::Receipt),
        (
            r#"{"lobby_size":1}"#,
            Kind::Report("the status of a sequencer"),
        ),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
    // A map of MessagePack whose first name is another's.
    let mut map = vec![0x82, 0xa1, b'x', 0x93, 1, 2, 3, 0xae];
    map.extend(b"participantIds\x90");
    assert_eq!(kind(map), Kind::Transcript);
    assert_eq!(kind([0x81, 0xa1, b'x', 1]), Kind::MessagePack);
}

#[test]
fn powers_are_told_by_their_first_point() {
    for (text, expected) in [
        ("4096\n65\n", Kind::PowersText),
        (" 4\r\n65\r\nab", Kind::PowersText),
        ("0x97f1d3a73197d7942695638c4fa9ac0f", Kind::PowersText),
        ("97F1D3A73197D7942695638C4FA9AC0F", Kind::PowersText),
    ] {
        assert_eq!(kind(text), expected, "{text}");
    }
    for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
        let raw = honest().base().powers()[0].to_raw(encoding);
        for count in [&[][..], &[0, 0, 16, 0], &[0; 8]] {
            assert_eq!(kind([count, raw.g1.bytes()].concat()), Kind::PowersRaw);
            assert_eq!(kind([count, raw.g2.bytes()].concat()), Kind::PowersRaw);
        }
    }
}

#[test]
fn what_is_handed_over_in_their_place_is_named() {
    let mut tar = vec![0; 512];
    tar[..6].copy_from_slice(b"a.json");
    tar[257..262].copy_from_slice(b"ustar");
    let cases: [(&[u8], &str); 34] = [
        (b"<html>", "a web page (HTML)"),
        (b"\n <!DOCTYPE html><html lang=en>", "a web page (HTML)"),
        (b"<!-- x --><HTML>", "a web page (HTML)"),
        (b"\xef\xbb\xbf<html>", "a web page (HTML)"),
        (
            b"<?xml version=\"1.0\"?><html xmlns=\"x\">",
            "a web page (HTML)",
        ),
        (
            b"<?xml version=\"1.0\"?><Error><Code>AccessDenied",
            "XML, perhaps",
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:8e\nsize 253714449\n",
            "a Git LFS pointer, not the file that it stands for, which has 253714449 bytes",
        ),
        (
            b"../.git/annex/objects/xX/yY/SHA256E-s1--a",
            "a git-annex pointer",
        ),
        (b"PK\x03\x04\x14\0", "a zip archive"),
        (&tar, "a tar archive"),
        (b"\x1f\x8b\x08\0", "a gzip archive"),
        (b"\x28\xb5\x2f\xfd\x04", "a zstd archive"),
        (b"BZh91AY", "a bzip2 archive"),
        (b"\xfd7zXZ\0\0", "a xz archive"),
        (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7-Zip archive"),
        (b"Rar!\x1a\x07\x01\0", "a RAR archive"),
        (b"\x04\x22\x4d\x18\x64", "a LZ4 archive"),
        (
            b"zkey\x01\0\0\0\x0a",
            "a proving key (.zkey) of snarkjs or circom",
        ),
        (b"r1cs\x01\0\0\0\x03", "a circuit (.r1cs)"),
        (b"SQLite format 3\0\x10", "a SQLite database"),
        (b"%PDF-1.7", "a PDF document"),
        (b"\x89PNG\r\n\x1a\n", "a picture (PNG)"),
        (b"\x7fELF\x02", "a program (ELF)"),
        (b"\xff\xfe{\0\"\0", "text in UTF-16"),
        (b"\xfe\xff\0{", "text in UTF-16"),
        (b"{\0\"\0t\0", "text in UTF-16"),
        (b"\xff\xfe\0\0{\0\0\0", "text in UTF-32"),
        (
            b"ptau\x01\0\0\0",
            "powers of tau of snarkjs (.ptau) for an unknown curve",
        ),
        (b"", "empty"),
        (b" \n", "empty"),
        (b"[]", "JSON of another shape: a list"),
        (b"null", "JSON of another shape: a single value"),
        (b"\"transcripts\"", "JSON of another shape: a single value"),
        (b"404: Not Found", "text that is no document"),
    ];
    for (bytes, words) in cases {
        let said = kind(bytes).to_string();
        assert!(
            said.starts_with(words),
            "{:?}: {said}",
            String::from_utf8_lossy(bytes)
        );
    }
    let message = br#"{"message":"Not Found","status":404}"#;
    let said = kind(message).to_string();
    assert_eq!(
        said,
        "JSON of another shape: an object with message, status"
    );
    assert_eq!(kind(b"{\"a\":[1,"), Kind::Json(JsonShape::Broken));
    assert_eq!(kind(b"{\0\x01a"), Kind::Json(JsonShape::Malformed));
    assert_eq!(kind(b"{\"a\":1,}"), Kind::Json(JsonShape::Malformed));
    assert_eq!(kind([0; 5000]), Kind::Unknown);
    assert_eq!(kind([0xff; 5000]), Kind::Unknown);
}

/// A header of .ptau with a modulus, little-endian.
fn ptau(modulus_be: &str, power: u32) -> Vec<u8> {
    let mut modulus = hex::decode(modulus_be).unwrap();
    modulus.reverse();
    let len = modulus.len() as u32;
    let parts: [&[u8]; 8] = [
        b"ptau\x01\0\0\0\x0b\0\0\0\x01\0\0\0",
        &u64::from(len + 12).to_le_bytes(),
        &len.to_le_bytes(),
        &modulus,
        &power.to_le_bytes(),
        &power.to_le_bytes(),
        &[2, 0, 0, 0],
        &[0; 100],
    ];
    parts.concat()
}

#[test]
fn powers_of_other_curves_are_named_with_their_curve() {
    let bls = "1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab";
    let said = kind(ptau(bls, 15)).to_string();
    assert!(
        said.contains("2^15") && said.ends_with("for the curve BLS12-381"),
        "{said}"
    );
    let bn = "30644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd47";
    let said = kind(ptau(bn, 28)).to_string();
    assert!(
        said.contains("2^28") && said.ends_with("for the curve BN254 (bn128)"),
        "{said}"
    );
    let said = kind(ptau(&"11".repeat(32), 28)).to_string();
    assert!(said.ends_with("an unknown curve"), "{said}");
    if let Some(bytes) = data_file("found/bn128_6.ptau") {
        let said = kind(bytes).to_string();
        assert!(said.contains("2^6") && said.contains("BN254"), "{said}");
    }
}

#[test]
fn the_start_of_random_bytes_is_no_surprise() {
    use rand::RngCore;
    let mut rng = crate::fixtures::rng(3);
    for _ in 0..2000 {
        let mut bytes = vec![0; 300];
        rng.fill_bytes(&mut bytes);
        kind(&bytes);
        bytes[0] = b'{';
        kind(&bytes);
        bytes[0] = 0x82;
        kind(&bytes);
    }
}

#[test]
fn all_keys_are_listed_with_their_shape() {
    let text = br#"{"g1_monomial":[],"roots_of_unity":[1],"note":"x","g2_lagrange":[[]]}"#;
    let keys = top_level_keys(&text[..]).unwrap();
    let lists: Vec<_> = keys
        .iter()
        .filter(|it| it.is_list && !it.is_powers())
        .map(|it| &it.name[..])
        .collect();
    assert_eq!(lists, ["roots_of_unity", "g2_lagrange"]);
    assert_eq!(keys.len(), 4);
}
