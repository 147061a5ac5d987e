//! One set of powers in the forms that libraries write: each is read, and has the same fingerprint.

use crate::fixtures::{g1, g2, rng};
use crate::support::data_file;
use blstrs::{G1Affine, G2Affine, Scalar};
use ff::Field;
use group::Curve;
use group::prime::PrimeCurveAffine;
use serde_json::{Value, json};
use tauline_transcript::export::to_lagrange;
use tauline_transcript::export::*;
use tauline_transcript::fingerprint::Fingerprint;
use tauline_transcript::known_secret::KnownSecret;
use tauline_transcript::recognise::{Kind, UTF8_MARK};
use tauline_transcript::{
    Encoding, RawContribution, RawPoint, RawPoints, RawPowers, RawSubContribution,
};

/// Powers in G1, in G2, and Lagrange points.
struct Set {
    monomial: Vec<G1Affine>,
    g2: Vec<G2Affine>,
    lagrange: Vec<G1Affine>,
}

fn set(g1_len: usize, g2_len: usize, tau: Scalar) -> Set {
    let powers = || std::iter::successors(Some(Scalar::ONE), move |it| Some(*it * tau));
    let monomial: Vec<_> = powers()
        .take(g1_len)
        .map(|it| (G1Affine::generator() * it).to_affine())
        .collect();
    Set {
        lagrange: to_lagrange(&monomial).unwrap_or_default(),
        g2: powers()
            .take(g2_len)
            .map(|it| (G2Affine::generator() * it).to_affine())
            .collect(),
        monomial,
    }
}

fn secret_set(g1_len: usize, g2_len: usize) -> Set {
    set(g1_len, g2_len, Scalar::random(rng(7)))
}

impl Set {
    fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.monomial.len(), &self.monomial[1], &self.g2)
    }

    fn hex(&self) -> [Vec<String>; 3] {
        let g1 = |list: &[G1Affine]| {
            list.iter()
                .map(|it| hex::encode(it.to_compressed()))
                .collect()
        };
        let g2 = self
            .g2
            .iter()
            .map(|it| hex::encode(it.to_compressed()))
            .collect();
        [g1(&self.lagrange), g2, g1(&self.monomial)]
    }

    /// c-kzg's text, without its last list if that is asked for.
    fn text(&self, lists: usize) -> String {
        let lines: Vec<String> = self.hex()[..lists].concat();
        format!(
            "{}\n{}\n{}\n",
            self.monomial.len(),
            self.g2.len(),
            lines.join("\n")
        )
    }

    fn json(&self, names: [&str; 3], change: impl Fn(String) -> String) -> Value {
        let mut object = serde_json::Map::new();
        for (name, list) in names.into_iter().zip(self.hex()) {
            let list: Vec<String> = list.into_iter().map(&change).collect();
            object.insert(name.to_owned(), json!(list));
        }
        Value::Object(object)
    }

    fn raw(&self, encoding: Encoding) -> [Vec<u8>; 2] {
        [
            RawPoints::encode(&self.monomial, encoding).bytes().to_vec(),
            RawPoints::encode(&self.g2, encoding).bytes().to_vec(),
        ]
    }
}

fn check(bytes: &[u8]) -> Result<SetFindings, String> {
    let file = read_powers_file(bytes).map_err(|error| error.to_string())?;
    let mut sets =
        check_powers_file(&file, &mut rng(1), &|_, _| {}).map_err(|it| it.to_string())?;
    assert_eq!(sets.len(), 1);
    Ok(sets.remove(0))
}

const NAMES: [&str; 3] = ["g1_lagrange", "g2_monomial", "g1_monomial"];

/// Every form of a set, with a name for messages.
fn forms(set: &Set) -> Vec<(String, Vec<u8>)> {
    let text = set.text(3);
    let prefixed = |it: String| format!("0x{it}");
    let json = |names, change: fn(String) -> String| set.json(names, change).to_string();
    let mut forms: Vec<(String, Vec<u8>)> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>| forms.push((name.to_owned(), bytes));
    add("text", text.clone().into());
    add("text, older", set.text(2).into());
    add("text, upper case", text.to_uppercase().into());
    add("text, CRLF", text.replace('\n', "\r\n").into());
    add("text, blank lines", text.replace('\n', "\n\n  ").into());
    add("text, one line", text.replace('\n', " ").into());
    let mut lines = text.lines();
    let counts: Vec<&str> = lines.by_ref().take(2).collect();
    let points: Vec<&str> = lines.collect();
    let with_0x: Vec<String> = points.iter().map(|it| format!("0x{it}")).collect();
    add(
        "text, 0x",
        format!("{}\n{}", counts.join("\n"), with_0x.join("\n")).into(),
    );
    let folded: Vec<String> = (points.iter())
        .flat_map(|it| it.as_bytes().chunks(60))
        .map(|it| String::from_utf8(it.to_vec()).unwrap())
        .collect();
    add(
        "text, folded",
        format!("{}\n{}", counts.join("\n"), folded.join("\n")).into(),
    );
    add("text, mark", [UTF8_MARK, text.as_bytes()].concat());
    add("JSON", set.json(NAMES, prefixed).to_string().into());
    add("JSON, no 0x", json(NAMES, |it| it).into());
    add(
        "JSON, upper case",
        json(NAMES, |it| format!("0X{}", it.to_uppercase())).into(),
    );
    add(
        "JSON, white space",
        json(NAMES, |it| format!(" 0x{}\n {} ", &it[..40], &it[40..])).into(),
    );
    add(
        "JSON, indented",
        serde_json::to_vec_pretty(&set.json(NAMES, prefixed)).unwrap(),
    );
    for names in [
        ["setup_G1_lagrange", "setup_G2", "setup_G1"],
        ["g1Lagrange", "g2Monomial", "g1Monomial"],
        ["comment", "G2Powers", "G1Powers"],
    ] {
        let bytes = set.json(names, prefixed).to_string();
        add(&format!("JSON, {names:?}"), bytes.into());
    }
    let [lagrange, ..] = set.hex();
    let powers = set.json(["skip", "G2Powers", "G1Powers"], prefixed);
    let inner = json!({"G1Powers": powers["G1Powers"], "G2Powers": powers["G2Powers"]});
    let part = json!({
        "numG1Powers": set.monomial.len(), "numG2Powers": set.g2.len(), "powersOfTau": inner,
        "potPubkey": "0x", "g1_lagrange": lagrange,
    });
    add("JSON, one part of a contribution", part.to_string().into());
    for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
        let [g1, g2] = set.raw(encoding);
        let mut add =
            |name: &str, parts: &[&[u8]]| add(&format!("{name}, {encoding}"), parts.concat());
        add("raw", &[&g1, &g2]);
        let (m, n) = (set.monomial.len() as u32, set.g2.len() as u32);
        let (long_m, long_n) = (u64::from(m), u64::from(n));
        for (name, m, n) in [
            ("u32 BE", &m.to_be_bytes()[..], &n.to_be_bytes()[..]),
            ("u32 LE", &m.to_le_bytes(), &n.to_le_bytes()),
            ("u64 BE", &long_m.to_be_bytes(), &long_n.to_be_bytes()),
            ("u64 LE", &long_m.to_le_bytes(), &long_n.to_le_bytes()),
        ] {
            add(&format!("raw, each behind {name}"), &[m, &g1, n, &g2]);
            add(&format!("raw, {name} in front"), &[m, n, &g1, &g2]);
        }
        let digits = hex::encode([&g1[..], &g2].concat());
        add("raw as hex", &[digits.as_bytes()]);
        add("raw as hex with 0x", &[b"0x", digits.as_bytes(), b"\n"]);
    }
    forms
}

#[test]
fn every_form_is_read_and_has_the_same_fingerprint() {
    for set in [secret_set(16, 4), secret_set(4, 4), secret_set(8, 2)] {
        for (name, bytes) in forms(&set) {
            let found = check(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(found.mark.fingerprint, set.fingerprint(), "{name}");
            assert_eq!(found.known_secret, None, "{name}");
        }
    }
}

#[test]
fn every_form_with_one_point_wrong_is_refused() {
    let mut set = secret_set(16, 4);
    set.monomial[9] = g1(3);
    set.lagrange = to_lagrange(&secret_set(16, 4).monomial).unwrap();
    let lacks_it = |name: &str| name == "text, older";
    for (name, bytes) in forms(&set).into_iter().filter(|(name, _)| !lacks_it(name)) {
        let error = check(&bytes).unwrap_err();
        assert!(error.contains("G1 power 9"), "{name}: {error}");
    }
}

#[test]
fn contributions_have_the_fingerprint_of_other_forms() {
    let set = secret_set(16, 4);
    let sub = RawSubContribution {
        num_g1_powers: 16,
        num_g2_powers: 4,
        powers: RawPowers {
            g1: RawPoints::encode(&set.monomial, Encoding::Compressed),
            g2: RawPoints::encode(&set.g2, Encoding::Compressed),
        },
        pot_pubkey: RawPoint::encode(&G2Affine::generator(), Encoding::Compressed),
        bls_signature: None,
    };
    let contribution = RawContribution {
        sub_contributions: vec![sub],
        ecdsa_signature: None,
    };
    for bytes in [
        contribution.to_json().unwrap(),
        contribution.to_msgpack(Encoding::Compressed).unwrap(),
        contribution.to_msgpack(Encoding::Uncompressed).unwrap(),
    ] {
        assert_eq!(check(&bytes).unwrap().mark.fingerprint, set.fingerprint());
    }
    for (g1_stated, g2_stated, words) in [
        (17, 4, "set 0 states 17 powers in G1 and holds 16"),
        (15, 4, "set 0 states 15 powers in G1 and holds 16"),
        (16, 5, "set 0 states 5 powers in G2 and holds 4"),
    ] {
        let mut wrong = contribution.clone();
        let sub = &mut wrong.sub_contributions[0];
        (sub.num_g1_powers, sub.num_g2_powers) = (g1_stated, g2_stated);
        for bytes in [
            wrong.to_json().unwrap(),
            wrong.to_msgpack(Encoding::Compressed).unwrap(),
        ] {
            assert_eq!(check(&bytes).unwrap_err(), words);
        }
    }
    let part =
        json!({"numG1Powers": 3, "powersOfTau": set.json(["x", "G2Powers", "G1Powers"], |it| it)});
    let error = check(part.to_string().as_bytes()).unwrap_err();
    assert!(
        error.contains("states 3 powers in G1 and holds 16"),
        "{error}"
    );
}

#[test]
fn more_powers_in_g2_than_in_g1_are_verified_to_the_last() {
    let set = secret_set(4, 65);
    for (name, bytes) in forms(&set) {
        let found = check(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(found.report.num_g2_powers, 65, "{name}");
        assert_eq!(found.mark.fingerprint, set.fingerprint(), "{name}");
    }
    for index in [2, 4, 5, 33, 64] {
        let mut wrong = secret_set(4, 65);
        wrong.g2[index] = g2(5);
        for (name, bytes) in forms(&wrong) {
            let error = check(&bytes).unwrap_err();
            assert!(
                error.contains(&format!("G2 power {index} ")),
                "{name}: {error}"
            );
        }
    }
}

#[test]
fn lagrange_points_alone_are_checked_against_the_powers_in_g2() {
    for len in [2, 4, 64] {
        let set = secret_set(len, 2);
        let found = check(set.text(2).as_bytes()).unwrap();
        assert_eq!(found.report.lagrange, LagrangeFinding::OnlyOnes);
        let mut swapped = secret_set(len, 2);
        swapped.lagrange.swap(0, 1);
        let mut of_another = set_like(len);
        of_another.g2.clone_from(&set.g2);
        for wrong in [swapped, of_another] {
            let error = check(wrong.text(2).as_bytes()).unwrap_err();
            assert!(
                error.contains("that the Lagrange points stand for do not hold"),
                "{error}"
            );
        }
    }
    let mut set = secret_set(16, 3);
    let reversed = (0..16_u32).map(|i| set.lagrange[(i.reverse_bits() >> 28) as usize]);
    set.lagrange = reversed.collect();
    let error = check(set.text(2).as_bytes()).unwrap_err();
    assert!(error.contains("bit-reversed"), "{error}");
}

fn set_like(len: usize) -> Set {
    set(len, 2, Scalar::random(rng(8)))
}

#[test]
fn what_lacks_a_group_is_told_so() {
    let set = secret_set(16, 4);
    for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
        let [g1, g2] = set.raw(encoding);
        let error = check(&g1).unwrap_err();
        assert!(
            error.contains("Perhaps these are 16 points of G1 alone"),
            "{error}"
        );
        assert!(check(&g2).unwrap_err().contains("of G2 alone"));
    }
    // A damaged generator in a file of Ethereum's ceremony is still named.
    let set = secret_set(66, 65);
    let [g1, mut g2] = set.raw(Encoding::Compressed);
    g2[0] ^= 0x20;
    let error = check(&[g1, g2].concat()).unwrap_err();
    assert!(error.contains("G2 power 0 is not the generator"), "{error}");
}

#[test]
fn a_known_secret_is_found_in_every_form() {
    let known = |tau: Scalar| {
        let set = set(8, 4, tau);
        let found: Vec<_> = forms(&set)
            .into_iter()
            .map(|(name, bytes)| {
                (
                    check(&bytes)
                        .unwrap_or_else(|e| panic!("{name}: {e}"))
                        .known_secret,
                    name,
                )
            })
            .collect();
        for (secret, name) in &found {
            assert_eq!(secret, &found[0].0, "{name}");
        }
        found[0].0.clone()
    };
    assert_eq!(known(Scalar::ONE), Some(KnownSecret::One));
    let testing = known(Scalar::from(1337)).unwrap();
    assert!(matches!(testing, KnownSecret::Testing { .. }) && testing.is_public());
    let two = known(Scalar::from(2)).unwrap();
    assert_eq!(two.to_string(), "tau = 2, which trying finds");
    assert!(known(Scalar::from(3_000_000)).is_some_and(|it| !it.is_public()));
}

#[test]
fn the_published_sets_have_names() {
    let names = [
        ("srs/ckzg_trusted_setup_4096.txt", "4096 powers"),
        ("srs/trusted_setup_4096.json", "4096 powers"),
        ("srs/powers_32768.bin", "32768 powers"),
    ];
    for (file, name) in names {
        let Some(bytes) = data_file(file) else { return };
        let published = check(&bytes).unwrap().mark.published_as.unwrap();
        assert!(
            published.starts_with("Ethereum") && published.ends_with(name),
            "{published}"
        );
    }
    // The first 4096 of the 32768 powers hold, and are not the published 4096.
    let bytes = data_file("srs/powers_32768.bin").unwrap();
    let fewer = [&bytes[..4096 * 48], &bytes[32768 * 48..]].concat();
    assert_eq!(check(&fewer).unwrap().mark.published_as, None);
}

#[test]
fn found_files_are_what_they_are_said_to_be() {
    let same = [
        "ok_4_4.json",
        "ok_4_4.txt",
        "raw_4_4.bin",
        "json_no_0x.json",
        "text_0x.txt",
        "text_upper.txt",
    ];
    let mut fingerprints = Vec::new();
    for name in same {
        let Some(bytes) = data_file(&format!("found/{name}")) else {
            return;
        };
        fingerprints.push(check(&bytes).unwrap().mark.fingerprint);
    }
    assert!(fingerprints.iter().all(|it| *it == fingerprints[0]));
    let found = |name: &str| check(&data_file(&format!("found/{name}")).unwrap());
    let cut = found("raw_4_4_last_g2_cut.bin").unwrap();
    assert_eq!(cut.report.num_g2_powers, 3);
    assert_ne!(cut.mark.fingerprint, fingerprints[0]);
    assert_eq!(found("minimal_4_65.txt").unwrap().report.num_g2_powers, 65);
    assert!(found("raw_uncompressed.bin").is_ok());
    assert_eq!(
        found("tau_is_1.json").unwrap().known_secret,
        Some(KnownSecret::One)
    );
    assert!(
        found("raw_g1_only.bin")
            .unwrap_err()
            .contains("800 points of G1 alone")
    );
    let html = data_file("found/html.json").unwrap();
    let error = read_powers_file(&html).unwrap_err();
    assert!(matches!(error, PowersFileError::Other(Kind::Foreign(_))));
}

#[test]
fn lists_given_by_two_names_are_refused() {
    let set = secret_set(4, 2);
    let mut json = set.json(NAMES, |it| it);
    json["setup_G1"] = json["g1_monomial"].clone();
    let error = check(json.to_string().as_bytes()).unwrap_err();
    assert!(error.contains("given twice"), "{error}");
}
