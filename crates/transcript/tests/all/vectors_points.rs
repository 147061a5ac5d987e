//! Published vectors: which bytes are points, and which points are in the subgroup.

use blstrs::{Bls12, G1Affine, G2Affine, G2Prepared};
use group::Group;
use group::prime::PrimeCurveAffine;
use pairing::{MillerLoopResult, MultiMillerLoop};
use serde_json::Value;
use tauline_transcript::{Encoding, Point, PointError, decode_hex};

use crate::support::{data_file, data_json};

/// Decoding and subgroup in one, as a contribution's checks 2 and 3 are.
fn read<P: Point>(bytes: &[u8]) -> Result<P, PointError> {
    let point = P::decode(bytes, Encoding::Compressed)?;
    if point.in_subgroup() {
        Ok(point)
    } else {
        Err(PointError::NotInSubgroup)
    }
}

fn round_trips<P: Point>(point: &P) {
    for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
        let mut bytes = Vec::new();
        point.encode(encoding, &mut bytes);
        assert_eq!(P::decode(&bytes, encoding).as_ref(), Ok(point));
    }
}

/// ethereum/bls12-381-tests v0.1.1, deserialization.
fn deserialization_cases<P: Point>(field: &str, cases: &[(&str, Option<PointError>)]) {
    for (name, expected) in cases {
        let group = P::GROUP;
        let path =
            format!("vectors/bls12-381-tests/deserialization_{group}/deserialization_{name}.json");
        let Some(case) = data_json(&path) else { return };
        let bytes = hex::decode(case["input"][field].as_str().unwrap()).unwrap();
        assert_eq!(
            case["output"].as_bool().unwrap(),
            expected.is_none(),
            "{path}"
        );
        match (read::<P>(&bytes), expected) {
            (Ok(point), None) => round_trips(&point),
            (result, expected) => assert_eq!(result.err(), *expected, "{path}"),
        }
    }
}

fn not_canonical(coordinate: &'static str) -> Option<PointError> {
    Some(PointError::NotCanonical { coordinate })
}

fn length(expected: usize, got: usize) -> Option<PointError> {
    Some(PointError::Length { expected, got })
}

// `docs/spec/known-faults.md#two-decoders`.
#[test]
fn bls12_381_tests_g1() {
    deserialization_cases::<G1Affine>(
        "pubkey",
        &[
            // x = 0 is the abscissa of (0, ±2), of order 3.
            (
                "fails_infinity_with_false_b_flag",
                Some(PointError::NotInSubgroup),
            ),
            (
                "fails_infinity_with_true_b_flag",
                Some(PointError::Infinity),
            ),
            ("fails_not_in_G1", Some(PointError::NotInSubgroup)),
            ("fails_not_in_curve", Some(PointError::NotOnCurve)),
            ("fails_too_few_bytes", length(48, 47)),
            ("fails_too_many_bytes", length(48, 49)),
            (
                "fails_with_b_flag_and_a_flag_true",
                Some(PointError::Infinity),
            ),
            (
                "fails_with_b_flag_and_x_nonzero",
                Some(PointError::Infinity),
            ),
            ("fails_with_wrong_c_flag", Some(PointError::NotCompressed)),
            ("fails_x_equal_to_modulus", not_canonical("x")),
            ("fails_x_greater_than_modulus", not_canonical("x")),
            ("succeeds_correct_point", None),
            ("succeeds_infinity_with_true_b_flag", None),
        ],
    );
}

#[test]
fn bls12_381_tests_g2() {
    deserialization_cases::<G2Affine>(
        "signature",
        &[
            (
                "fails_infinity_with_false_b_flag",
                Some(PointError::NotOnCurve),
            ),
            (
                "fails_infinity_with_true_b_flag",
                Some(PointError::Infinity),
            ),
            ("fails_not_in_G2", Some(PointError::NotInSubgroup)),
            ("fails_not_in_curve", Some(PointError::NotOnCurve)),
            ("fails_too_few_bytes", length(96, 95)),
            ("fails_too_many_bytes", length(96, 97)),
            (
                "fails_with_b_flag_and_a_flag_true",
                Some(PointError::Infinity),
            ),
            (
                "fails_with_b_flag_and_x_nonzero",
                Some(PointError::Infinity),
            ),
            ("fails_with_wrong_c_flag", Some(PointError::NotCompressed)),
            ("fails_xim_equal_to_modulus", not_canonical("x.c1")),
            ("fails_xim_greater_than_modulus", not_canonical("x.c1")),
            ("fails_xre_equal_to_modulus", not_canonical("x.c0")),
            ("fails_xre_greater_than_modulus", not_canonical("x.c0")),
            ("succeeds_correct_point", None),
            ("succeeds_infinity_with_true_b_flag", None),
        ],
    );
}

/// zkcrypto: the multiples 0 … 999 of the generator.
fn multiples_of_the_generator<P: Point>(file: &str) {
    let Some(bytes) = data_file(file) else { return };
    assert_eq!(bytes.len(), 1000 * P::COMPRESSED_LEN);
    let mut expected = P::Curve::identity();
    for (i, bytes) in bytes.chunks_exact(P::COMPRESSED_LEN).enumerate() {
        let point: P = read(bytes).unwrap();
        assert!(
            point.to_curve() == expected,
            "{file}: {i} times the generator"
        );
        let mut encoded = Vec::new();
        point.encode(Encoding::Compressed, &mut encoded);
        assert_eq!(encoded, bytes, "{file}: {i} times the generator");
        round_trips(&point);
        expected += P::generator();
    }
}

#[test]
fn zkcrypto_g1_compressed() {
    multiples_of_the_generator::<G1Affine>("vectors/g1_compressed_valid_test_vectors.dat");
}

#[test]
fn zkcrypto_g2_compressed() {
    multiples_of_the_generator::<G2Affine>("vectors/g2_compressed_valid_test_vectors.dat");
}

#[test]
fn c_kzg_4844_invalid_g1_points() {
    let Some(file) = data_json("vectors/ckzg_invalid_g1_points.json") else {
        return;
    };
    let vectors = file["vectors"].as_array().unwrap();
    assert_eq!(vectors.len(), 8);
    for vector in vectors {
        let mut bytes = Vec::new();
        let text = vector["g1_hex"].as_str().unwrap();
        let digits = (text.len() - 2) / 2;
        decode_hex(text, digits, &mut bytes).unwrap();
        assert!(read::<G1Affine>(&bytes).is_err(), "{vector}");
    }
}

/// ethereum/kzg-ceremony-sequencer's unit tests, with the error that each expects there.
fn sequencer_cases<P: Point>(vectors: &Value, expected_len: usize) {
    let vectors = vectors.as_array().unwrap();
    assert_eq!(vectors.len(), expected_len);
    for vector in vectors {
        let bytes = hex::decode(vector["hex"].as_str().unwrap()).unwrap();
        let error = read::<P>(&bytes).unwrap_err();
        let is_expected = match vector["expected"].as_str().unwrap() {
            // The sequencer reads the coordinate before the flags. Its one such case lacks the
            // flag of compressed points, which is what we report.
            "InvalidPrimeField" => matches!(error, PointError::NotCompressed),
            "InvalidInfinity" => matches!(error, PointError::Infinity),
            "NotCompressed" => matches!(error, PointError::NotCompressed),
            "InvalidXCoordinate" => matches!(error, PointError::NotOnCurve),
            // 48 or 96 zero bytes: not compressed. Elsewhere any error.
            "InvalidG1Power" | "InvalidG2Power" => matches!(error, PointError::NotCompressed),
            "Err" => true,
            other => panic!("unknown expectation {other}"),
        };
        assert!(is_expected, "{vector}: {error:?}");
    }
}

#[test]
fn sequencer_unit_test_points() {
    let Some(file) = data_json("vectors/sequencer_unit_test_values.json") else {
        return;
    };
    sequencer_cases::<G1Affine>(&file["points_g1"], 14);
    sequencer_cases::<G2Affine>(&file["points_g2"], 12);
}

/// The point of an EIP-2537 input: 64-byte coordinates, no flags, c0 before c1, zeros for the
/// point at infinity. None when a coordinate has more than 48 bytes: such a point has no
/// encoding of ours.
fn eip2537_point<P: Point>(input: &[u8]) -> Option<Result<P, PointError>> {
    let coordinates: Vec<&[u8]> = input.chunks_exact(64).collect();
    if coordinates
        .iter()
        .any(|it| it[..16].iter().any(|&byte| byte != 0))
    {
        return None;
    }
    let mut fields: Vec<&[u8]> = coordinates.iter().map(|it| &it[16..]).collect();
    if fields.len() == 4 {
        fields.swap(0, 1);
        fields.swap(2, 3);
    }
    let mut bytes = fields.concat();
    if bytes.iter().all(|&byte| byte == 0) {
        bytes[0] = 0x40;
    } else if bytes[0] & 0xe0 != 0 {
        // A coordinate of more than 381 bits: its top bits would read as flags.
        return Some(Err(PointError::NotCanonical { coordinate: "x" }));
    }
    let point = P::decode(&bytes, Encoding::Uncompressed);
    Some(point.and_then(|point| {
        if point.in_subgroup() {
            Ok(point)
        } else {
            Err(PointError::NotInSubgroup)
        }
    }))
}

/// All points of an input made of records of a G1 point, a G2 point, a scalar, as `parts` says.
fn eip2537_errors(input: &[u8], parts: &[&str]) -> Vec<Option<PointError>> {
    let mut errors = Vec::new();
    let mut rest = input;
    while !rest.is_empty() {
        for part in parts {
            let len = match *part {
                "g1" => 128,
                "g2" => 256,
                _ => 32,
            };
            let (bytes, after) = rest.split_at(len);
            rest = after;
            match *part {
                "g1" => errors.push(eip2537_point::<G1Affine>(bytes).and_then(Result::err)),
                "g2" => errors.push(eip2537_point::<G2Affine>(bytes).and_then(Result::err)),
                _ => {}
            }
        }
    }
    errors
}

fn eip2537_fails(file: &str, parts: &[&str], expected_cases: usize) {
    let Some(cases) = data_json(&format!("vectors/eip2537/{file}")) else {
        return;
    };
    let mut checked = 0;
    for case in cases.as_array().unwrap() {
        let expected = case["ExpectedError"].as_str().unwrap();
        if expected == "invalid input length" || expected == "invalid field element top bytes" {
            continue; // About the precompile's own framing.
        }
        let input = hex::decode(case["Input"].as_str().unwrap()).unwrap();
        let errors: Vec<PointError> = eip2537_errors(&input, parts)
            .into_iter()
            .flatten()
            .collect();
        let is_expected = |error: &PointError| match expected {
            "invalid fp.Element encoding" => matches!(error, PointError::NotCanonical { .. }),
            "invalid point: not on curve" => matches!(error, PointError::NotOnCurve),
            "g1 point is not in the correct subgroup"
            | "g2 point is not in the correct subgroup" => {
                matches!(error, PointError::NotInSubgroup)
            }
            other => panic!("unknown expectation {other}"),
        };
        assert!(
            !errors.is_empty() && errors.iter().all(is_expected),
            "{}: {errors:?}",
            case["Name"]
        );
        checked += 1;
    }
    assert_eq!(checked, expected_cases, "{file}");
}

#[test]
fn eip2537_bad_points_are_refused_for_the_right_reason() {
    eip2537_fails("fail-mul_G1_bls.json", &["g1", "scalar"], 4);
    eip2537_fails("fail-msm_G1_bls.json", &["g1", "scalar"], 4);
    eip2537_fails("fail-mul_G2_bls.json", &["g2", "scalar"], 4);
    eip2537_fails("fail-msm_G2_bls.json", &["g2", "scalar"], 4);
    eip2537_fails("fail-pairing_check_bls.json", &["g1", "g2"], 21);
}

#[test]
fn eip2537_pairings_of_decoded_points_come_out_as_published() {
    let Some(cases) = data_json("vectors/eip2537/pairing_check_bls.json") else {
        return;
    };
    for case in cases.as_array().unwrap() {
        let input = hex::decode(case["Input"].as_str().unwrap()).unwrap();
        let pairs: Vec<(G1Affine, G2Prepared)> = input
            .chunks_exact(384)
            .map(|pair| {
                let p = eip2537_point::<G1Affine>(&pair[..128]).unwrap().unwrap();
                let q = eip2537_point::<G2Affine>(&pair[128..]).unwrap().unwrap();
                (p, G2Prepared::from(q))
            })
            .collect();
        let terms: Vec<_> = pairs.iter().map(|(p, q)| (p, q)).collect();
        let product = Bls12::multi_miller_loop(&terms).final_exponentiation();
        let expected = case["Expected"].as_str().unwrap().ends_with('1');
        assert_eq!(
            bool::from(product.is_identity()),
            expected,
            "{}",
            case["Name"]
        );
    }
}

#[test]
fn uncompressed_points_are_canonical_too() {
    let mut generator = Vec::new();
    G1Affine::generator().encode(Encoding::Uncompressed, &mut generator);
    let decode = |bytes: &[u8]| G1Affine::decode(bytes, Encoding::Uncompressed);
    assert!(decode(&generator).is_ok());

    for flag in [0x80, 0x20, 0xa0] {
        let mut flagged = generator.clone();
        flagged[0] |= flag;
        assert_eq!(
            decode(&flagged),
            Err(PointError::NotUncompressed),
            "{flag:#x}"
        );
    }
    let mut infinite = generator.clone();
    infinite[0] |= 0x40;
    assert_eq!(decode(&infinite), Err(PointError::Infinity));
    let mut y_too_large = generator.clone();
    y_too_large[48..].fill(0xff);
    let error = PointError::NotCanonical { coordinate: "y" };
    assert_eq!(decode(&y_too_large), Err(error));
    let mut y_wrong = generator.clone();
    y_wrong[95] ^= 1;
    assert_eq!(decode(&y_wrong), Err(PointError::NotOnCurve));
    assert_eq!(
        decode(&[0; 96]),
        Err(PointError::NotOnCurve),
        "(0, 0) is not infinity"
    );

    let mut infinity = [0; 96];
    infinity[0] = 0x40;
    assert_eq!(decode(&infinity), Ok(G1Affine::identity()));
    assert_eq!(decode(&generator[..95]).err(), length(96, 95));
    assert_eq!(decode(&[]).err(), length(96, 0));
}

/// `docs/spec/known-faults.md#hex-panic`: wrong hex length or non-ASCII hex panicked.
#[test]
fn malformed_hex_is_an_error_and_never_a_panic() {
    let hex = |text: &str| {
        let mut out = vec![1, 2, 3];
        let result = decode_hex(text, 2, &mut out);
        if result.is_err() {
            assert_eq!(out, [1, 2, 3], "{text}: output is as it was");
        }
        result.map(|()| out[3..].to_vec())
    };
    assert_eq!(hex("0x00ff"), Ok(vec![0x00, 0xff]));
    for text in [
        "",
        "0",
        "00ff",
        "0X00ff",
        "x00ff",
        " 0x00ff",
        "é",
        "\u{ff10}x00ff",
    ] {
        assert_eq!(hex(text), Err(PointError::MissingPrefix), "{text:?}");
    }
    assert_eq!(
        hex("0x"),
        Err(PointError::Length {
            expected: 2,
            got: 0
        })
    );
    assert_eq!(
        hex("0x00"),
        Err(PointError::Length {
            expected: 2,
            got: 1
        })
    );
    assert_eq!(
        hex("0x00ff00"),
        Err(PointError::Length {
            expected: 2,
            got: 3
        })
    );
    assert_eq!(hex("0x00f"), Err(PointError::OddLength { digits: 3 }));
    for (text, at) in [
        ("0x00FF", 4),
        ("0x00fg", 5),
        ("0x0é0f", 3),
        ("0x00ff ", 6),
        ("0x\u{0}000", 2),
        ("0x𝟘𝟘", 2),
    ] {
        assert_eq!(hex(text), Err(PointError::Digit { at }), "{text:?}");
    }
}
