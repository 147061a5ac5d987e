use super::*;
use crate::encoding::Encoding;
use crate::field::affine::{Affine, Scratch};
use crate::field::curves::{Elem, G1};
use crate::field::decode::{Decode, from_library};
use crate::field::lanes::Task;
use crate::field::multiples::Multiply;
use std::time::Instant;

/// Least time of a call, in microseconds.
fn least<T>(mut f: impl FnMut() -> T) -> f64 {
    let start = Instant::now();
    let mut least = f64::MAX;
    let secs: f64 = std::env::var("TIMING")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or(2.0);
    while start.elapsed().as_secs_f64() < secs {
        let t = Instant::now();
        std::hint::black_box(f());
        least = least.min(t.elapsed().as_secs_f64() * 1e6);
    }
    least
}

struct Products<L: Lanes> {
    v: L::V,
    square: bool,
}
impl<L: Lanes> Task<L> for Products<L> {
    type Output = L::V;
    #[inline(always)]
    fn run(self, lanes: L) -> L::V {
        let mut v = self.v;
        for _ in 0..1000 {
            v = if self.square {
                lanes.sqr(v)
            } else {
                lanes.mul(v, self.v)
            };
        }
        v
    }
}
struct OneWindow<'a, L: Lanes> {
    points: &'a [Affine<Elem<G1, L>>],
    digits: &'a [u16],
    bits: u32,
    scratch: &'a mut Scratch<L>,
}
impl<L: Lanes> Task<L> for OneWindow<'_, L> {
    type Output = usize;
    #[inline(always)]
    fn run(self, lanes: L) -> usize {
        crate::field::windows::planes(lanes, self.points, &[self.digits], self.bits, self.scratch)
            .len()
    }
}
struct All<'a> {
    points: &'a [G1Affine],
    bytes: &'a [u8],
    n: usize,
}
impl Law for All<'_> {
    fn check<L: Lanes>(&self, lanes: L, name: &str) {
        if name == "emulated" {
            return;
        }
        if std::env::var("PATH_ONLY").is_ok_and(|p| p != name) {
            return;
        }
        let only = std::env::var("ONLY").unwrap_or_default();
        let mut rng = rng(1);
        let a = random_fp(&mut rng);
        let v = lanes.splat_library(&a);
        let mut mul = 12.0;
        if only.is_empty() {
            let l = L::N as f64;
            mul = least(|| lanes.enter(Products::<L> { v, square: false })) / l;
            let sqr = least(|| lanes.enter(Products::<L> { v, square: true })) / l;
            let b = least(|| {
                let mut x = a;
                for _ in 0..1000 {
                    x = library::mul(&x, &a);
                }
                x
            });
            eprintln!("{name}: mul {mul:.2} ns, sqr {sqr:.2} ns; blst {b:.2}");
            let mut out: Vec<Affine<Elem<G1, L>>> = Vec::new();
            let d = least(|| {
                out.clear();
                lanes
                    .enter(Decode::<G1, L> {
                        bytes: &self.bytes[..48 * 128],
                        encoding: Encoding::Compressed,
                        out: &mut out,
                    })
                    .unwrap()
            }) / 128.0;
            let s = random_fp(&mut rng);
            let s = library::sqr(&s);
            let bs = least(|| root(&s));
            eprintln!("{name}: decode {d:.2} us, blst root {bs:.2}");
        }
        let mut list = Vec::new();

        from_library::<G1, L>(lanes, self.points, &mut list);
        if only.is_empty() || only == "multiply" {
            let halves: Vec<_> = (0..128)
                .map(|_| crate::field::scalars::split(&Scalar::random(&mut rng)))
                .collect();
            let m = least(|| {
                lanes.enter(Multiply {
                    points: &list[..128],
                    halves: &halves,
                    half_bits: 128,
                })
            }) / 128.0;
            let k = Scalar::random(&mut rng);
            let bm = least(|| self.points[3] * k);
            let bg = least(|| self.points[3].is_torsion_free());
            eprintln!("{name}: multiply {m:.2} us, blst {bm:.2}; blst subgroup {bg:.2}");
        }
        let windows = crate::field::windows::Windows::for_len(self.n);
        let mut scratch = Scratch::new();
        for bits in [windows.digit_bits() as u32 - 1, windows.digit_bits() as u32] {
            let digits: Vec<u16> = (0..self.n).map(|_| rng.gen_range(0..1 << bits)).collect();
            let w = least(|| {
                lanes.enter(OneWindow {
                    points: &list[..self.n],
                    digits: &digits,
                    bits,
                    scratch: &mut scratch,
                })
            });
            let adds = self.n + (2 << bits);
            let count = 128_u32.div_ceil(bits) + 1;
            eprintln!(
                "{name}: window of {bits} bits {w:.0} us = {:.1} ns an addition = {:.2} products; {:.3} us a point",
                w / adds as f64 * 1e3,
                w / adds as f64 * 1e3 / mul,
                w * f64::from(count) / self.n as f64
            );
        }
    }
}

#[test]
fn timing() {
    if std::env::var_os("TIMING").is_none() {
        return;
    }
    let n = std::env::var("N")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(32768);
    let mut rng = rng(1);
    let some: Vec<G1Affine> = (0..64).map(|_| in_subgroup(&mut rng)).collect();
    let mut sum = G1Projective::identity();
    let points: Vec<G1Projective> = (0..n)
        .map(|i| {
            sum += some[(i * i + i / 7) % 64];
            sum
        })
        .collect();
    let points: Vec<G1Affine> = crate::field::normalize(&points);
    let mut bytes = Vec::new();
    for p in &points {
        bytes.extend_from_slice(&p.to_compressed());
    }
    for_each_implementation(&All {
        points: &points,
        bytes: &bytes,
        n,
    });
}
