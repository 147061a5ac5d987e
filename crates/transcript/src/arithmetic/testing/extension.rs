use std::collections::HashSet;

use blst::{blst_fp2, blst_p2_affine};

use super::*;
use crate::arithmetic::curve::groups::Curve as _;
use crate::arithmetic::curve::list::G2List;
use crate::arithmetic::field::fp2::Fp2;
use crate::arithmetic::field::roots::extension_roots;
use crate::arithmetic::sums::windows::Digits;
use crate::encoding::{Encoding, Point, PointError};

macro_rules! fp2 {
    ($function:ident $(, $argument:expr)*) => {{
        let mut out = blst_fp2::default();
        // An argument may be such a call itself.
        #[allow(unsafe_code, unused_unsafe)]
        // SAFETY: the library reads and writes elements that live references point to.
        unsafe { blst::$function(&mut out $(, $argument)*) };
        out
    }};
}

/// Elements with every kind of component.
fn elements(rng: &mut ChaCha20Rng) -> Vec<blst_fp2> {
    let numbers: Vec<blst_fp> = integers(rng).iter().map(library::from_words).collect();
    let mut elements = Vec::new();
    for (i, &a) in numbers.iter().enumerate().take(12) {
        for &b in &numbers[..12] {
            elements.push(blst_fp2 { fp: [a, b] });
        }
        elements.push(blst_fp2 {
            fp: [a, numbers[i + 12]],
        });
        elements.push(blst_fp2 {
            fp: [numbers[i + 12], a],
        });
    }
    elements
}

fn vector<L: Lanes>(lanes: L, elements: &[blst_fp2; MAX_LANES]) -> [L::V; 2] {
    [0, 1].map(|i| lanes.import(&elements.map(|element| element.fp[i])))
}

fn assert_lanes<L: Lanes>(
    lanes: L,
    v: [L::V; 2],
    expected: impl Fn(usize) -> blst_fp2,
    what: &str,
) {
    let (a, b) = (lanes.export(v[0]), lanes.export(v[1]));
    for lane in 0..L::N {
        assert_eq!(
            blst_fp2 {
                fp: [a[lane], b[lane]]
            },
            expected(lane),
            "{what}, lane {lane}"
        );
    }
}

struct Operations;

impl Law for Operations {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let mut rng = rng(50);
        let field = Fp2(lanes);
        let elements = elements(&mut rng);
        for i in 0..elements.len() {
            let (a, b) = (eight(&elements, i), eight(&elements, 7 * i + 3));
            let (x, y) = (vector(lanes, &a), vector(lanes, &b));
            let what = format!("{name}: {i}");
            assert_lanes(
                lanes,
                field.mul(x, y),
                |l| fp2!(blst_fp2_mul, &a[l], &b[l]),
                &what,
            );
            assert_lanes(lanes, field.sqr(x), |l| fp2!(blst_fp2_sqr, &a[l]), &what);
            assert_lanes(
                lanes,
                field.add(x, y),
                |l| fp2!(blst_fp2_add, &a[l], &b[l]),
                &what,
            );
            let difference = field.sub(x, y, field.offset(2));
            assert_lanes(
                lanes,
                difference,
                |l| fp2!(blst_fp2_sub, &a[l], &b[l]),
                &what,
            );
            let zero = field.zero_mask(difference);
            // As large as the bounds allow.
            for bits in [4, 16] {
                let large = field.add(x, field.offset((1 << bits) - 2));
                let other = field.add(y, field.offset((1 << (32 - bits)) - 2));
                let product = field.mul(large, other);
                assert_lanes(lanes, product, |l| fp2!(blst_fp2_mul, &a[l], &b[l]), &what);
                let square = field.sqr(large);
                assert_lanes(lanes, square, |l| fp2!(blst_fp2_sqr, &a[l]), &what);
            }
            let product = field.mul(x, y);
            for lane in 0..L::N {
                assert_eq!(zero >> lane & 1 == 1, a[lane] == b[lane], "{what}");
            }
            if let Some(inverse) = field.invert(product) {
                let inverse_of =
                    |l: usize| fp2!(blst_fp2_eucl_inverse, &fp2!(blst_fp2_mul, &a[l], &b[l]));
                assert_lanes(lanes, inverse, inverse_of, &what);
            } else {
                let zero = blst_fp2::default();
                assert!((0..L::N).any(|l| a[l] == zero || b[l] == zero), "{what}");
            }
            // 3b = 12·(1 + u).
            let twelve = library::from_words(&[12, 0, 0, 0, 0, 0]);
            let b3 = blst_fp2 {
                fp: [twelve, twelve],
            };
            let expected = |l: usize| fp2!(blst_fp2_mul, &fp2!(blst_fp2_mul, &a[l], &b[l]), &b3);
            assert_lanes(lanes, field.times_3b(product), expected, &what);
        }
    }
}

#[test]
fn operations_in_the_extension_are_the_library_s() {
    for_each_implementation(&Operations);
}

struct Roots;

impl Law for Roots {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let mut rng = rng(51);
        let elements = elements(&mut rng);
        let mut seen = HashSet::new();
        for i in (0..elements.len()).step_by(L::N) {
            let (a, b) = (eight(&elements, i), eight(&elements, i + 5));
            let (x, y) = extension_roots(lanes, vector(lanes, &a), vector(lanes, &b));
            for (elements, root) in [(a, x), (b, y)] {
                let (low, high) = (lanes.export(root[0]), lanes.export(root[1]));
                for lane in 0..L::N {
                    let root = blst_fp2 {
                        fp: [low[lane], high[lane]],
                    };
                    let mut expected = blst_fp2::default();
                    #[allow(unsafe_code)]
                    // SAFETY: the library reads one element and writes one.
                    let is_square = unsafe { blst::blst_fp2_sqrt(&mut expected, &elements[lane]) };
                    let is_root = fp2!(blst_fp2_sqr, &root) == elements[lane];
                    assert_eq!(is_root, is_square, "{name}: {:x?}", elements[lane]);
                    seen.insert(is_square);
                }
            }
        }
        assert_eq!(seen.len(), 2, "{name}: squares and others");
    }
}

#[test]
fn roots_in_the_extension_are_found_where_there_are_any() {
    for_each_implementation(&Roots);
}

fn in_subgroup_of_g2(rng: &mut ChaCha20Rng) -> G2Affine {
    (G2Projective::generator() * Scalar::random(rng)).to_affine()
}

/// Points of the curve: in the subgroup, outside of it, infinite, repeated, opposite, with real
/// abscissas.
fn awkward_points_of_g2(len: usize, rng: &mut ChaCha20Rng) -> Vec<G2Affine> {
    let mut points: Vec<G2Affine> = Vec::with_capacity(len);
    while points.len() < len {
        let earlier = points.get(rng.gen_range(0..points.len().max(1))).copied();
        points.push(match (rng.gen_range(0..8), earlier) {
            (0, _) => G2Affine::default(),
            (1, Some(point)) => point,
            (2, Some(point)) => -point,
            (3, _) => in_subgroup_of_g2(rng),
            (4, _) => on_curve_of_g2(rng, true),
            _ => on_curve_of_g2(rng, false),
        });
    }
    points
}

fn on_curve_of_g2(rng: &mut ChaCha20Rng, is_real: bool) -> G2Affine {
    loop {
        let four = library::from_words(&[4, 0, 0, 0, 0, 0]);
        let imaginary = if is_real {
            blst_fp::default()
        } else {
            random_fp(rng)
        };
        let x = blst_fp2 {
            fp: [random_fp(rng), imaginary],
        };
        let cube = fp2!(blst_fp2_mul, &fp2!(blst_fp2_sqr, &x), &x);
        let square = fp2!(blst_fp2_add, &cube, &blst_fp2 { fp: [four, four] });
        let mut y = blst_fp2::default();
        #[allow(unsafe_code)]
        // SAFETY: the library reads one element and writes one.
        if unsafe { blst::blst_fp2_sqrt(&mut y, &square) } {
            let mut point = G2Affine::default();
            *point.as_mut() = blst_p2_affine { x, y };
            return if rng.r#gen() { point } else { -point };
        }
    }
}

fn assert_decodes_as_one_by_one(bytes: &[u8], encoding: Encoding, what: &str) {
    let expected: Result<Vec<G2Affine>, (usize, PointError)> = bytes
        .chunks(G2Affine::encoded_len(encoding))
        .enumerate()
        .map(|(i, bytes)| G2Affine::decode(bytes, encoding).map_err(|error| (i, error)))
        .collect();
    for path in paths() {
        let list = G2List::decode(bytes, encoding, path);
        let points = list.as_ref().map(G2List::to_affine).map_err(Clone::clone);
        assert_eq!(points, expected, "{path:?}: {what}");
    }
}

#[test]
fn points_of_g2_decode_as_one_by_one() {
    for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
        for (seed, len) in [0, 1, 7, 8, 9, 16, 33, 150].into_iter().enumerate() {
            let points = awkward_points_of_g2(len, &mut rng(seed as u64));
            let mut bytes = Vec::new();
            points
                .iter()
                .for_each(|point| point.encode(encoding, &mut bytes));
            assert_decodes_as_one_by_one(&bytes, encoding, &format!("{len} points"));
        }
    }
}

#[test]
fn bad_points_of_g2_are_reported_as_one_by_one() {
    let mut rng = rng(52);
    let points: Vec<G2Affine> = (0..20).map(|_| on_curve_of_g2(&mut rng, false)).collect();
    for encoding in [Encoding::Compressed, Encoding::Uncompressed] {
        let len = G2Affine::encoded_len(encoding);
        let mut good = Vec::new();
        points
            .iter()
            .for_each(|point| point.encode(encoding, &mut good));
        for at in [0, 7, 8, 19] {
            for corruption in 0..120_u8 {
                let mut bytes = good.clone();
                let point = &mut bytes[at * len..(at + 1) * len];
                match corruption {
                    0..8 => point[0] = point[0] & 0x1f | corruption << 5,
                    8..16 => {
                        point.fill(0);
                        point[0] = corruption << 5;
                    }
                    16..20 => {
                        let coordinate = usize::from(corruption - 16) * 48 % len;
                        let flags = point[coordinate] & 0xe0;
                        let mut modulus = [0; 48];
                        for (bytes, word) in modulus.rchunks_mut(8).zip(P_WORDS) {
                            bytes.copy_from_slice(&word.to_be_bytes());
                        }
                        point[coordinate..coordinate + 48].copy_from_slice(&modulus);
                        point[coordinate] |= if coordinate == 0 { flags } else { 0 };
                    }
                    20..24 => point[usize::from(corruption - 20) * 48 % len] |= 0x80,
                    24..28 => point[usize::from(corruption - 24) * 48 % len] |= 0x20,
                    _ => point[rng.gen_range(0..len)] ^= 1 << rng.gen_range(0..8),
                }
                assert_decodes_as_one_by_one(&bytes, encoding, &format!("{corruption} of {at}"));
            }
        }
    }
}

#[test]
fn planes_of_g2_are_the_plain_sums_and_show_who_is_outside_of_the_subgroup() {
    for path in paths() {
        for (seed, len) in [0, 1, 5, 70].into_iter().enumerate() {
            let mut rng = rng(seed as u64);
            let inside: Vec<_> = (0..len).map(|_| in_subgroup_of_g2(&mut rng)).collect();
            for points in [awkward_points_of_g2(len, &mut rng), inside.clone()] {
                let digits = Digits::draw(len, &mut rng);
                let sums = G2List::from_affine(&points, path).window_sums(&digits);
                for w in 0..=sums.windows().count() {
                    for b in 0..sums.windows().digit_bits() {
                        let parts = points.iter().enumerate().map(|(i, &point)| {
                            let point = G2Projective::from(point);
                            match part(digits.value(i + w), b) {
                                0 => G2Projective::identity(),
                                1 => point,
                                _ => -point,
                            }
                        });
                        let plain: G2Projective = parts.sum();
                        assert_eq!(*sums.plane(w, b), plain.to_affine(), "{path:?}, {len}: {w}");
                    }
                }
                let all_inside = points.iter().all(Point::in_subgroup);
                assert_eq!(sums.in_subgroup(), all_inside, "{path:?}, {len}");
            }
        }
    }
}

#[test]
fn first_point_of_g2_outside_of_the_subgroup_is_found() {
    let mut rng = rng(53);
    for path in paths() {
        for len in [1, 8, 30, 140] {
            let mut points: Vec<_> = (0..len).map(|_| in_subgroup_of_g2(&mut rng)).collect();
            points[len / 2] = G2Affine::default();
            let first = |points: &[_]| G2List::from_affine(points, path).first_outside_subgroup();
            assert_eq!(first(&points), None, "{path:?}: {len} points");
            for at in [len - 1, len / 2, 0] {
                points[at] = on_curve_of_g2(&mut rng, at % 2 == 0);
                assert_eq!(first(&points), Some(at), "{path:?}: {len} points");
            }
        }
    }
}

struct SmallOrders;

impl Law for SmallOrders {
    /// Points of small order alone: r times any point of the curve.
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let mut rng = rng(54);
        let mut points = [G2Affine::default(); MAX_LANES];
        for point in points.iter_mut().skip(1) {
            let any = G2Projective::from(on_curve_of_g2(&mut rng, false));
            let order_minus_1 = (-Scalar::ONE).to_bytes_be();
            let mut sum = any;
            // From the second of the highest bits: the order has 255.
            for bit in (0..254).rev() {
                sum = sum.double();
                if order_minus_1[31 - bit / 8] >> (bit % 8) & 1 == 1 {
                    sum += any;
                }
            }
            *point = (sum + any).to_affine();
            assert!(!bool::from(group::prime::PrimeCurveAffine::is_identity(
                point
            )));
        }
        let xy = crate::arithmetic::curve::groups::G2::read(lanes, &points);
        let inside = crate::arithmetic::curve::groups::G2::in_subgroup(lanes, xy);
        assert_eq!(
            inside.trailing_ones(),
            1,
            "{name}: infinity alone is inside"
        );
        assert_eq!(inside.count_ones(), 1, "{name}: infinity alone is inside");
    }
}

#[test]
fn points_of_the_cofactor_of_g2_are_outside() {
    for_each_implementation(&SmallOrders);
}
