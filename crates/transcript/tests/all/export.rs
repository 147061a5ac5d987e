//! Files of powers: the real parameters of Ethereum's ceremony, and files that are not right.

use crate::fixtures::{point, rng, set_bytes, set_point, small_order_g1, swap_points};
use crate::support::data_file;
use blstrs::{G1Affine, G1Projective};
use group::Curve;
use tauline_transcript::export::*;
use tauline_transcript::transcript::Transcript;
use tauline_transcript::{Check, Encoding, Invalid, PointError, Powers, contribute};

const CKZG: &str = "srs/ckzg_trusted_setup_4096.txt";
const CONSENSUS: &str = "srs/trusted_setup_4096.json";

fn reports(file: &PowersFile, seed: u64) -> Result<Vec<PowersReport>, PowersInvalid> {
    let sets = check_powers_file(file, &mut rng(seed), &|_, _| {})?;
    Ok(sets.into_iter().map(|set| set.report).collect())
}

fn verify(bytes: &[u8]) -> Result<(PowersFileKind, Vec<PowersReport>), PowersInvalid> {
    let file = read_powers_file(bytes).unwrap();
    Ok((file.kind, reports(&file, 1)?))
}

fn report(g1: usize, g2: usize, lagrange: LagrangeFinding) -> PowersReport {
    PowersReport {
        num_g1_powers: g1,
        num_g2_powers: g2,
        lagrange,
    }
}

fn ethereum() -> Option<PowersSet> {
    Some(
        read_powers_file(&data_file(CONSENSUS)?)
            .unwrap()
            .sets
            .remove(0),
    )
}

fn verify_set(set: PowersSet) -> Result<PowersReport, PowersInvalid> {
    let file = PowersFile {
        kind: PowersFileKind::Consensus,
        sets: vec![set],
    };
    reports(&file, 2).map(|reports| reports[0])
}

fn small_powers(sizes: &str) -> Powers {
    let mut rng = rng(3);
    let start = Transcript::initial(&sizes.parse().unwrap());
    contribute(start.base(), &mut rng, &[], &|_| {})
        .base()
        .powers()[0]
        .clone()
}

fn exported(powers: &Powers, format: ExportFormat) -> Vec<u8> {
    let mut bytes = Vec::new();
    export_powers(&mut bytes, format, powers).unwrap();
    bytes
}

#[test]
fn the_published_parameters_verify_in_each_format() {
    for (name, kind) in [
        (CKZG, PowersFileKind::CKzg),
        (CONSENSUS, PowersFileKind::Consensus),
    ] {
        let Some(bytes) = data_file(name) else { return };
        let expected = report(4096, 65, LagrangeFinding::Matches);
        assert_eq!(verify(&bytes).unwrap(), (kind, vec![expected]));
    }
    let bytes = data_file("srs/powers_32768.bin").unwrap();
    let expected = report(32768, 65, LagrangeFinding::Absent);
    assert_eq!(
        verify(&bytes).unwrap(),
        (PowersFileKind::Raw, vec![expected])
    );
}

#[test]
fn published_contributions_verify() {
    let Some(bytes) = data_file("contributions/updatedContribution.json") else {
        return;
    };
    let sizes = [4096, 8192, 16384, 32768];
    let expected = sizes
        .map(|g1| report(g1, 65, LagrangeFinding::Absent))
        .to_vec();
    assert_eq!(
        verify(&bytes).unwrap(),
        (PowersFileKind::Contribution, expected)
    );
}

#[test]
fn exports_are_the_published_files_byte_for_byte() {
    let (Some(c_kzg), Some(consensus)) = (data_file(CKZG), data_file(CONSENSUS)) else {
        return;
    };
    let set = read_powers_file(&c_kzg).unwrap().sets.remove(0);
    let sub_ceremony = tauline_transcript::SubCeremony {
        index: 0,
        size: tauline_transcript::Size { g1: 4096, g2: 65 },
    };
    let raw = tauline_transcript::RawPowers {
        g1: set.g1_monomial.unwrap(),
        g2: set.g2_monomial,
    };
    let powers = raw.decode(sub_ceremony).unwrap();
    assert!(exported(&powers, ExportFormat::CKzg) == c_kzg);
    assert!(exported(&powers, ExportFormat::Consensus) == consensus);
}

#[test]
fn an_older_c_kzg_file_is_checked_by_its_lagrange_points() {
    let Some(bytes) = data_file(CKZG) else { return };
    let older: Vec<&str> = std::str::from_utf8(&bytes)
        .unwrap()
        .lines()
        .take(2 + 4096 + 65)
        .collect();
    let expected = report(4096, 65, LagrangeFinding::OnlyOnes);
    assert_eq!(
        verify(older.join("\n").as_bytes()).unwrap(),
        (PowersFileKind::CKzgWithoutMonomial, vec![expected])
    );
    let mut wrong = older.clone();
    wrong.swap(2 + 17, 2 + 18);
    assert!(matches!(
        verify(wrong.join("\n").as_bytes()),
        Err(PowersInvalid::Derived(_))
    ));
}

#[test]
fn what_is_exported_verifies() {
    for sizes in ["2:2", "16:4", "64:5"] {
        let powers = small_powers(sizes);
        for format in [ExportFormat::CKzg, ExportFormat::Consensus] {
            let (_, reports) = verify(&exported(&powers, format)).unwrap();
            let size = powers.size();
            assert_eq!(
                reports,
                [report(size.g1, size.g2, LagrangeFinding::Matches)]
            );
        }
    }
}

#[test]
fn powers_without_a_lagrange_form_are_not_exported() {
    let error = export_powers(Vec::new(), ExportFormat::CKzg, &small_powers("12:3")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "12 powers have no Lagrange form: it needs a power of two"
    );
}

#[test]
fn one_flipped_bit_in_any_line_is_refused() {
    let text = exported(&small_powers("8:3"), ExportFormat::CKzg);
    let lines: Vec<String> = std::str::from_utf8(&text)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    let list = |line: usize| match line {
        2..10 => ("Lagrange point", line - 2),
        10..13 => ("G2 power", line - 10),
        _ => ("G1 power", line - 13),
    };
    for line in 2..lines.len() {
        for bit in [0, 1, 2, 3, 77, 383] {
            let mut bytes = hex::decode(&lines[line]).unwrap();
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            let mut wrong = lines.clone();
            wrong[line] = hex::encode(bytes);
            let error = verify(wrong.join("\n").as_bytes()).unwrap_err().to_string();
            let (list, index) = list(line);
            assert!(error.contains(list), "line {line}, bit {bit}: {error}");
            // The sign of P[1] or Q[1] gives a point that is good but of another τ.
            if !(error.contains("same tau") || error.contains("is not the generator")) {
                assert!(
                    error.contains(&format!("{list} {index}")),
                    "{line}, {bit}: {error}"
                );
            }
        }
    }
}

#[test]
fn one_flipped_bit_in_ethereums_lagrange_points_is_refused_with_its_index() {
    let Some(set) = ethereum() else { return };
    for index in [0, 1, 2047, 4095] {
        // The sign: a point of the subgroup, only not the right one.
        let mut wrong = set.clone();
        let lagrange = wrong.g1_lagrange.as_mut().unwrap();
        let opposite = -point::<G1Affine>(lagrange, index);
        set_point(lagrange, index, &opposite);
        let mismatch = LagrangeMismatch::Point { index };
        assert_eq!(verify_set(wrong), Err(PowersInvalid::Lagrange(mismatch)));
        // The flag of compression: no point.
        let mut wrong = set.clone();
        let lagrange = wrong.g1_lagrange.as_mut().unwrap();
        let mut bytes = lagrange.iter().nth(index).unwrap().to_vec();
        bytes[0] ^= 0x80;
        set_bytes(lagrange, index, &bytes);
        let error = PointError::NotCompressed;
        assert_eq!(
            verify_set(wrong),
            Err(PowersInvalid::LagrangeDecoding { index, error })
        );
    }
}

#[test]
fn one_swapped_pair_of_ethereums_points_is_refused_with_its_index() {
    let Some(set) = ethereum() else { return };
    let mut wrong = set.clone();
    swap_points(wrong.g1_lagrange.as_mut().unwrap(), 1000, 3000);
    let mismatch = LagrangeMismatch::Point { index: 1000 };
    assert_eq!(verify_set(wrong), Err(PowersInvalid::Lagrange(mismatch)));
    let mut wrong = set;
    swap_points(wrong.g1_monomial.as_mut().unwrap(), 1000, 3000);
    match verify_set(wrong) {
        Err(PowersInvalid::Powers(Invalid {
            check: Check::G1Powers,
            index,
            ..
        })) => {
            assert_eq!(index, Some(1000));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn one_point_of_small_order_in_ethereums_lagrange_points_is_refused_with_its_index() {
    let Some(set) = ethereum() else { return };
    for (order, index) in [(3, 0), (3, 2500), (11, 4095)] {
        let small = small_order_g1(order);
        let right: G1Affine = point(set.g1_lagrange.as_ref().unwrap(), index);
        for bad in [small, (G1Projective::from(right) + small).to_affine()] {
            let mut wrong = set.clone();
            set_point(wrong.g1_lagrange.as_mut().unwrap(), index, &bad);
            assert_eq!(
                verify_set(wrong),
                Err(PowersInvalid::LagrangeSubgroup { index })
            );
        }
    }
}

#[test]
fn lagrange_points_in_another_order_or_number_are_called_so() {
    let file = read_powers_file(&exported(&small_powers("16:3"), ExportFormat::CKzg)).unwrap();
    let set = &file.sets[0];
    let mut reversed = set.clone();
    let points: Vec<G1Affine> = (0..16_u32)
        .map(|i| {
            point(
                set.g1_lagrange.as_ref().unwrap(),
                (i.reverse_bits() >> 28) as usize,
            )
        })
        .collect();
    reversed.g1_lagrange = Some(tauline_transcript::RawPoints::encode(
        &points,
        Encoding::Compressed,
    ));
    let error = verify_set(reversed).unwrap_err();
    assert_eq!(
        error,
        PowersInvalid::Lagrange(LagrangeMismatch::BitReversed)
    );
    assert!(error.to_string().contains("bit-reversed order"));

    let mut fewer = set.clone();
    fewer.g1_lagrange = Some(tauline_transcript::RawPoints::encode(
        &points[..8],
        Encoding::Compressed,
    ));
    let count = LagrangeMismatch::Count {
        expected: 16,
        got: 8,
    };
    assert_eq!(verify_set(fewer), Err(PowersInvalid::Lagrange(count)));

    let mut odd = set.clone();
    odd.g1_monomial = None;
    odd.g1_lagrange = Some(tauline_transcript::RawPoints::encode(
        &points[..9],
        Encoding::Compressed,
    ));
    let error = LagrangeMismatch::NotPowerOfTwo(NotPowerOfTwo { len: 9 });
    assert_eq!(verify_set(odd), Err(PowersInvalid::Lagrange(error)));
}

#[test]
fn the_older_names_of_the_consensus_file_are_read() {
    let json = exported(&small_powers("4:2"), ExportFormat::Consensus);
    let json = String::from_utf8(json).unwrap();
    let older = json
        .replace("g1_monomial", "setup_G1")
        .replace("g1_lagrange", "setup_G1_lagrange")
        .replace("g2_monomial", "setup_G2")
        .replacen('{', "{\"roots_of_unity\": [1, 2],", 1);
    assert_ne!(older, json);
    let (_, reports) = verify(older.as_bytes()).unwrap();
    assert_eq!(reports, [report(4, 2, LagrangeFinding::Matches)]);
    let without = older.replace("setup_G1_lagrange", "comment");
    let (_, reports) = verify(without.as_bytes()).unwrap();
    assert_eq!(reports, [report(4, 2, LagrangeFinding::Absent)]);
}

#[test]
fn raw_points_of_any_number_are_told_apart_by_the_g2_generator() {
    let powers = small_powers("10:3");
    let raw = powers.to_raw(Encoding::Compressed);
    let bytes = [raw.g1.bytes(), raw.g2.bytes()].concat();
    let (kind, reports) = verify(&bytes).unwrap();
    assert_eq!(kind, PowersFileKind::Raw);
    assert_eq!(reports, [report(10, 3, LagrangeFinding::Absent)]);
}

#[test]
fn contributions_are_files_of_powers() {
    let start = Transcript::initial(&"4:2,8:3".parse().unwrap());
    let base = start.base();
    let forms = [
        base.to_json().unwrap(),
        base.to_msgpack(Encoding::Compressed).unwrap(),
        base.to_msgpack(Encoding::Uncompressed).unwrap(),
    ];
    for bytes in forms {
        let (kind, reports) = verify(&bytes).unwrap();
        assert_eq!(kind, PowersFileKind::Contribution);
        assert_eq!(
            reports,
            [
                report(4, 2, LagrangeFinding::Absent),
                report(8, 3, LagrangeFinding::Absent)
            ]
        );
    }
}

#[test]
fn transcripts_are_sent_to_their_own_verifier() {
    use tauline_transcript::transcript::Format;
    let start = Transcript::initial(&"4:2".parse().unwrap());
    for format in [
        Format::Json,
        Format::PrettyJson,
        Format::MessagePack(Encoding::Compressed),
        Format::MessagePack(Encoding::Uncompressed),
    ] {
        let bytes = start.write(Vec::new(), format).unwrap();
        assert_eq!(
            read_powers_file(&bytes).unwrap_err(),
            PowersFileError::Transcript
        );
    }
}

#[test]
fn what_is_no_file_of_powers_is_refused_with_what_comes_closest() {
    let text = exported(&small_powers("4:2"), ExportFormat::CKzg);
    let text = String::from_utf8(text).unwrap();
    let line_2 = text.lines().nth(2).unwrap();
    for (bytes, problem) in [
        (Vec::new(), "not a file of powers"),
        (b"hello".to_vec(), "not a file of powers"),
        (vec![0; 48], "not a file of powers"),
        (vec![0xff; 6241], "not a file of powers"),
        (b"4096".to_vec(), "line 2: a number of points is expected"),
        (b"4096 x".to_vec(), "line 2: a number of points is expected"),
        (
            b"99999999999999999999 2".to_vec(),
            "line 1: a number of points is expected",
        ),
        (
            b"1048577 2".to_vec(),
            "line 1: a number of points is expected",
        ),
        (
            text.replacen('4', "5", 1).into_bytes(),
            "but 10 points follow",
        ),
        (
            text.replacen(line_2, "zz", 1).into_bytes(),
            "g1_lagrange[0]: character",
        ),
        (
            text.replacen(line_2, "ab", 1).into_bytes(),
            "g1_lagrange[0]: 1 bytes instead of 48",
        ),
        (
            text.replacen(line_2, &format!("0x{}g", &line_2[1..]), 1)
                .into_bytes(),
            "g1_lagrange[0]: character 98 is not",
        ),
        (b"{}".to_vec(), "not a JSON file of powers: missing field"),
        (b"{".to_vec(), "not a JSON file of powers"),
        (
            b"{\"g2_monomial\":[]}".to_vec(),
            "neither g1_monomial nor g1_lagrange",
        ),
        (
            b"{\"g2_monomial\":[],\"g1_monomial\":[\"\xc3\xbc\"]}".to_vec(),
            "g1_monomial[0]: character 1 is not",
        ),
        (
            b"{\"contributions\":[]".to_vec(),
            "not a valid JSON document",
        ),
        (
            b"\x82\xadcontributions".to_vec(),
            "not a valid MessagePack document",
        ),
    ] {
        let error = read_powers_file(&bytes).unwrap_err().to_string();
        assert!(
            error.contains(problem),
            "{:?}: {error}",
            String::from_utf8_lossy(&bytes)
        );
    }
}

#[test]
fn files_without_powers_are_refused() {
    for text in ["{\"g2_monomial\":[],\"g1_monomial\":[]}", "0 0", "0\n0\n"] {
        assert!(verify(text.as_bytes()).is_err(), "{text}");
    }
}
