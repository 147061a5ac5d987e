use super::*;

/// What a law says about: two elements, and their vectors.
fn values<L: Lanes>(lanes: L, elements: &[blst_fp], at: usize) -> L::V {
    lanes.import(&eight(elements, at))
}

fn assert_lanes<L: Lanes>(
    lanes: L,
    v: L::V,
    expected: impl Fn(usize) -> blst_fp,
    what: &dyn Fn(usize) -> String,
) {
    let got = lanes.export(v);
    for lane in 0..L::N {
        assert_eq!(got[lane], expected(lane), "{}", what(lane));
    }
}

struct Operations;

impl Law for Operations {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let mut rng = rng(1);
        let elements: Vec<blst_fp> = integers(&mut rng).iter().map(library::from_words).collect();
        for i in 0..elements.len() {
            for j in 0..elements.len() {
                let (a, b) = (eight(&elements, i), eight(&elements, j));
                let (x, y) = (values(lanes, &elements, i), values(lanes, &elements, j));
                let what = |lane: usize| format!("{name}: {:x?}, {:x?}", a[lane].l, b[lane].l);
                let offset = lanes.offset(2);
                let mul = |lane: usize| library::mul(&a[lane], &b[lane]);
                assert_lanes(lanes, lanes.mul(x, y), mul, &what);
                assert_lanes(
                    lanes,
                    lanes.add(x, y),
                    |l| library::add(&a[l], &b[l]),
                    &what,
                );
                assert_lanes(
                    lanes,
                    lanes.sub(x, y, offset),
                    |l| library::sub(&a[l], &b[l]),
                    &what,
                );
                assert_lanes(lanes, lanes.sqr(x), |l| library::sqr(&a[l]), &what);
                let selected = lanes.select(0b0110_1001, x, y);
                let expected = |l: usize| {
                    if 0b0110_1001 >> l & 1 == 1 {
                        a[l]
                    } else {
                        b[l]
                    }
                };
                assert_lanes(lanes, selected, expected, &what);
                let zero = lanes.zero_mask(lanes.sub(x, y, offset));
                for lane in 0..L::N {
                    assert_eq!(zero >> lane & 1 == 1, a[lane] == b[lane], "{}", what(lane));
                }
            }
        }
    }
}

#[test]
fn operations_are_the_library_s() {
    for_each_implementation(&Operations);
}

struct LooseOperands;

impl Law for LooseOperands {
    /// Adds the largest multiples of p that the bounds allow, before products.
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let mut rng = rng(2);
        let elements: Vec<blst_fp> = integers(&mut rng).iter().map(library::from_words).collect();
        for i in 0..elements.len() {
            let (a, b) = (eight(&elements, i), eight(&elements, i + 1));
            let (x, y) = (values(lanes, &elements, i), values(lanes, &elements, i + 1));
            let what = |lane: usize| format!("{name}: {:x?}, {:x?}", a[lane].l, b[lane].l);
            for bits in [1, 5, 16, 17, 30, 33] {
                let large = lanes.offset((1 << bits) - 2);
                let small = lanes.offset((1_u64 << (34 - bits)).saturating_sub(2));
                let (x, y) = (lanes.add(x, large), lanes.add(y, small));
                let product = lanes.mul(x, y);
                assert_lanes(lanes, product, |l| library::mul(&a[l], &b[l]), &what);
                // A product is below 2p whatever the operands: its negative is not.
                let negative =
                    lanes.sub(lanes.splat(&L::Elem::default()), product, lanes.offset(2));
                let minus =
                    |l: usize| library::sub(&blst_fp::default(), &library::mul(&a[l], &b[l]));
                assert_lanes(lanes, negative, minus, &what);
                if bits <= 17 {
                    assert_lanes(lanes, lanes.sqr(x), |l| library::sqr(&a[l]), &what);
                }
                let zeros = lanes.zero_mask(lanes.sub(x, x, large));
                assert_eq!(zeros.count_ones() as usize, L::N, "{name}: {bits} bits");
                for lane in 0..L::N {
                    let is_zero = a[lane] == blst_fp::default();
                    assert_eq!(
                        lanes.zero_mask(x) >> lane & 1 == 1,
                        is_zero,
                        "{}",
                        what(lane)
                    );
                }
            }
        }
    }
}

#[test]
fn operands_may_be_as_large_as_the_bounds_say() {
    for_each_implementation(&LooseOperands);
}

struct Comparison;

impl Law for Comparison {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let integers = integers(&mut rng(3));
        for i in 0..integers.len() {
            let eight = eight(&integers, i);
            let v = lanes.integers(&eight);
            let greater = lanes.greater_mask(v);
            for (lane, words) in eight.iter().enumerate().take(L::N) {
                let element = library::from_words(words);
                let point = affine(blst_fp::default(), element);
                let bytes = point.to_compressed();
                let expected = bytes[0] & 0x20 != 0;
                assert_eq!(greater >> lane & 1 == 1, expected, "{name}: {words:x?}");
                assert_eq!(lanes.export(v)[lane], element, "{name}: {words:x?}");
            }
            let larger = lanes.greater_mask(lanes.add(v, lanes.offset(1 << 30)));
            assert_eq!((greater ^ larger) & !lanes.zero_mask(v), 0, "{name}");
        }
    }
}

#[test]
fn y_is_compared_as_an_integer() {
    for_each_implementation(&Comparison);
}

struct Inversion;

impl Law for Inversion {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let mut rng = rng(4);
        let one = lanes.splat(&L::one());
        for round in 0..20 {
            let elements: Vec<blst_fp> = (0..MAX_LANES).map(|_| random_fp(&mut rng)).collect();
            let v = lanes.mul(values(lanes, &elements, 0), one);
            let inverse = lanes.invert(v).unwrap();
            let what = |lane: usize| format!("{name}: round {round}, lane {lane}");
            assert_lanes(
                lanes,
                inverse,
                |lane| library::inverse(&elements[lane]),
                &what,
            );
            // A zero in any lane, in either of its forms.
            for lane in 0..L::N {
                for zero in [lanes.offset(1), lanes.offset(0)] {
                    assert!(
                        lanes.invert(lanes.select(1 << lane, zero, v)).is_none(),
                        "{name}"
                    );
                }
            }
        }
        assert_lanes(
            lanes,
            lanes.invert(one).unwrap(),
            |_| Portable::one(),
            &|_| name.to_owned(),
        );
    }
}

#[test]
fn inverses_are_the_library_s_and_zero_has_none() {
    for_each_implementation(&Inversion);
}

struct Roots;

impl Law for Roots {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        let mut rng = rng(5);
        let elements: Vec<blst_fp> = integers(&mut rng).iter().map(library::from_words).collect();
        let mut squares = 0;
        for i in (0..elements.len()).step_by(L::N) {
            let (a, b) = (
                values(lanes, &elements, i),
                values(lanes, &elements, i + L::N),
            );
            let (x, y) = crate::arithmetic::field::roots::roots(lanes, a, b);
            for (first, candidates) in [(i, x), (i + L::N, y)] {
                let got = lanes.export(candidates);
                for lane in 0..L::N {
                    let element = elements[(first + lane) % elements.len()];
                    match root(&element) {
                        Some(y) => {
                            let negative = library::sub(&blst_fp::default(), &y);
                            assert!(
                                [y, negative].contains(&got[lane]),
                                "{name}: {:x?}",
                                element.l
                            );
                            squares += 1;
                        }
                        None => assert_ne!(library::sqr(&got[lane]), element, "{name}"),
                    }
                }
            }
        }
        assert!(squares > 10, "{name}: {squares} squares");
    }
}

#[test]
fn roots_are_the_library_s_up_to_sign() {
    for_each_implementation(&Roots);
}

#[test]
fn implementations_agree_on_random_chains_of_operations() {
    let mut rng = rng(6);
    for round in 0..50 {
        let elements: Vec<blst_fp> = (0..MAX_LANES).map(|_| random_fp(&mut rng)).collect();
        let steps: Vec<u8> = (0..60).map(|_| rng.r#gen()).collect();
        let expected = chain(Portable, &elements, &steps);
        assert_eq!(
            chain(Radix52(Emulated::<1>), &elements, &steps),
            expected,
            "round {round}"
        );
        #[cfg(target_arch = "x86_64")]
        if let Some(Backend::Ifma(ifma)) = Backend::vector() {
            assert_eq!(
                chain(Radix52(ifma), &elements, &steps),
                expected,
                "round {round}"
            );
        }
    }
}

fn chain<L: Lanes>(lanes: L, elements: &[blst_fp], steps: &[u8]) -> blst_fp {
    let (mut a, mut b) = (values(lanes, elements, 0), values(lanes, elements, 1));
    for step in steps {
        let next = match step % 4 {
            0 => lanes.mul(lanes.add(a, b), b),
            1 => lanes.sqr(lanes.sub(a, b, lanes.offset(2))),
            2 => lanes.mul(lanes.sub(b, a, lanes.offset(1 << (step >> 4))), a),
            _ => lanes.mul(lanes.add(lanes.add(a, b), a), lanes.add(b, b)),
        };
        (a, b) = (b, next);
    }
    lanes.export(b)[0]
}
