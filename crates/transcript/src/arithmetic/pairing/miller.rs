//! Miller loops of many pairs, one in each lane.
//!
//! Each lane multiplies the lines of its pairs into a product of its own, so that the squarings
//! are shared; the products of all lanes are multiplied at the end. The lines are those of the
//! library up to factors in the quadratic extension, which the final exponentiation takes away: a
//! result means something only behind it.
//!
//! Points are in Jacobian coordinates on the twist; the steps are algorithms 26 and 27 of Beuchat,
//! González-Díaz, Mitsunari, Okamoto, Rodríguez-Henríquez and Teruya ("High-speed software
//! implementation of the optimal ate pairing over Barreto–Naehrig curves", 2010), whose twist has
//! the same equation.
//!
//! # Bounds
//!
//! Comments at differences give bounds in multiples of p. A product of the quadratic extension
//! is at most 6, here called 8; Jacobian coordinates are at most 2⁸ before and after each step, the
//! coefficients of the product at most 2¹⁰ after a squaring and at most 2⁷ after a line. Operands
//! of products are below 2¹³ throughout, far less than [`Field::OPERAND_BITS`] allows.

use blst::{blst_fp, blst_fp2, blst_fp6, blst_fp12};
use blstrs::{G1Affine, G2Affine};
use group::prime::PrimeCurveAffine;

use crate::arithmetic::curve::endomorphism::X;
use crate::arithmetic::curve::groups::{Curve, G1, G2};
use crate::arithmetic::field::backend::Backend;
use crate::arithmetic::field::fp2::Fp2;
use crate::arithmetic::field::lanes::{Field, Lanes, MAX_LANES, Task};
use crate::arithmetic::field::library;
#[cfg(target_arch = "x86_64")]
use crate::arithmetic::field::radix52::Radix52;

/// The product of the Miller loops of these pairs, on one core; to be multiplied with others, and
/// raised to the final power.
///
/// The points of G2 are in the subgroup and not infinity. Those of G1 may be infinity, which
/// contributes nothing.
pub(crate) fn miller_product(pairs: &[(G1Affine, G2Affine)], path: Backend) -> blst_fp12 {
    match path {
        #[cfg(target_arch = "x86_64")]
        Backend::Ifma(ifma) => library::product(&Radix52(ifma).enter(Miller { pairs })),
        Backend::Portable => {
            let is_finite = |(p, _): &&(G1Affine, _)| !bool::from(p.is_identity());
            let mut pairs = pairs.iter().filter(is_finite).peekable();
            if pairs.peek().is_none() {
                // The library's context has no value before its first pair.
                return blst_fp12::default();
            }
            let mut pairing = blst::Pairing::new(false, &[]);
            for (p, q) in pairs {
                pairing.raw_aggregate(q.as_ref(), p.as_ref());
            }
            pairing.commit();
            pairing.as_fp12()
        }
    }
}

/// The product of the pairs of each lane.
pub(crate) struct Miller<'a> {
    pub(crate) pairs: &'a [(G1Affine, G2Affine)],
}

type V2<L> = [<L as Field>::V; 2];
type V6<L> = [V2<L>; 3];
type V12<L> = [V6<L>; 2];

/// A vector of pairs under way.
struct Pairs<L: Lanes> {
    /// −2·x and 2·y of the point of G1.
    p: [L::V; 2],
    /// The point of G2.
    q: [V2<L>; 2],
    /// Its multiple so far.
    t: [V2<L>; 3],
}

/// A line's value: a + b·v + c·v·w.
struct Line<V> {
    a: V,
    b: V,
    c: V,
}

impl<L: Lanes> Task<L> for Miller<'_> {
    type Output = Vec<blst_fp12>;

    #[inline(always)]
    fn run(self, lanes: L) -> Vec<blst_fp12> {
        let tower = Tower(Fp2(lanes));
        let mut vectors: Vec<Pairs<L>> = self
            .pairs
            .chunks(L::N)
            .map(|pairs| load(lanes, pairs))
            .collect();
        let mut f = tower.one();
        for bit in (0..X.ilog2()).rev() {
            f = tower.square(&f);
            for pairs in &mut vectors {
                let line = tower.double(&mut pairs.t);
                f = tower.times_line(&f, &line, &pairs.p);
            }
            if X >> bit & 1 == 1 {
                for pairs in &mut vectors {
                    let line = tower.add_point(&mut pairs.t, &pairs.q);
                    f = tower.times_line(&f, &line, &pairs.p);
                }
            }
        }
        let mut out = write(lanes, &f);
        for value in &mut out {
            // The parameter is negative.
            library::conjugate(value);
        }
        out
    }
}

/// As many pairs as lanes; the rest are filled with infinity and the generator.
#[inline(always)]
fn load<L: Lanes>(lanes: L, pairs: &[(G1Affine, G2Affine)]) -> Pairs<L> {
    let mut p = [G1Affine::identity(); MAX_LANES];
    let mut q = [G2Affine::generator(); MAX_LANES];
    for (i, pair) in pairs.iter().enumerate() {
        (p[i], q[i]) = *pair;
    }
    let [x, y] = G1::read(lanes, &p);
    let q = G2::read(lanes, &q);
    let negative = lanes.sub(lanes.offset(0), x, lanes.offset(1 << L::PRODUCT_BITS));
    let field = Fp2(lanes);
    let one = field.splat(&Fp2::<L>::one());
    Pairs {
        p: [lanes.add(negative, negative), lanes.add(y, y)],
        q,
        t: [q[0], q[1], one],
    }
}

/// Each lane in the library's form.
#[inline(always)]
fn write<L: Lanes>(lanes: L, f: &V12<L>) -> Vec<blst_fp12> {
    let mut out = vec![blst_fp12::default(); L::N];
    for (i, half) in f.iter().enumerate() {
        for (j, coefficient) in half.iter().enumerate() {
            for (k, &component) in coefficient.iter().enumerate() {
                let numbers: [blst_fp; MAX_LANES] = lanes.export(component);
                for (value, number) in out.iter_mut().zip(numbers) {
                    let blst_fp12 { fp6 } = value;
                    let blst_fp6 { fp2 } = &mut fp6[i];
                    let blst_fp2 { fp } = &mut fp2[j];
                    fp[k] = number;
                }
            }
        }
    }
    out
}

/// A product in the quadratic extension, as a call: a loop has a hundred of them.
struct Product<'a, V>(&'a V, &'a V);

impl<L: Lanes> Task<L> for Product<'_, V2<L>> {
    type Output = V2<L>;

    #[inline(always)]
    fn run(self, lanes: L) -> V2<L> {
        Fp2(lanes).mul(*self.0, *self.1)
    }
}

/// A square in the quadratic extension, as a call.
struct Square<'a, V>(&'a V);

impl<L: Lanes> Task<L> for Square<'_, V2<L>> {
    type Output = V2<L>;

    #[inline(always)]
    fn run(self, lanes: L) -> V2<L> {
        Fp2(lanes).sqr(*self.0)
    }
}

/// The quadratic extension with u² = −1; over it v³ = ξ = 1 + u, and over that w² = v.
#[derive(Clone, Copy)]
struct Tower<L>(Fp2<L>);

impl<L: Lanes> Tower<L> {
    #[inline(always)]
    fn mul(self, a: V2<L>, b: V2<L>) -> V2<L> {
        self.0.0.enter(Product(&a, &b))
    }

    #[inline(always)]
    fn sqr(self, a: V2<L>) -> V2<L> {
        self.0.0.enter(Square(&a))
    }

    #[inline(always)]
    fn add(self, a: V2<L>, b: V2<L>) -> V2<L> {
        self.0.add(a, b)
    }

    /// a − b, for b at most `bound`, which the difference is greater by.
    #[inline(always)]
    fn sub(self, a: V2<L>, b: V2<L>, bound: u64) -> V2<L> {
        self.0.sub(a, b, self.0.offset(bound))
    }

    /// ξ·a, for a at most `bound`: at most as much more than a.
    #[inline(always)]
    fn times_xi(self, a: V2<L>, bound: u64) -> V2<L> {
        let base = self.0.0;
        [
            base.sub(a[0], a[1], base.offset(bound)),
            base.add(a[0], a[1]),
        ]
    }

    /// v·a, for a's highest coefficient at most `bound`.
    #[inline(always)]
    fn times_v(self, a: &V6<L>, bound: u64) -> V6<L> {
        [self.times_xi(a[2], bound), a[0], a[1]]
    }

    #[inline(always)]
    fn add6(self, a: &V6<L>, b: &V6<L>) -> V6<L> {
        [
            self.add(a[0], b[0]),
            self.add(a[1], b[1]),
            self.add(a[2], b[2]),
        ]
    }

    #[inline(always)]
    fn sub6(self, a: &V6<L>, b: &V6<L>, bound: u64) -> V6<L> {
        [
            self.sub(a[0], b[0], bound),
            self.sub(a[1], b[1], bound),
            self.sub(a[2], b[2], bound),
        ]
    }

    #[inline(always)]
    fn one(self) -> V12<L> {
        let zero = self.0.offset(0);
        let one = self.0.splat(&Fp2::<L>::one());
        [[one, zero, zero], [zero; 3]]
    }

    /// At most 2⁶.
    #[inline(always)]
    fn mul6(self, a: &V6<L>, b: &V6<L>) -> V6<L> {
        let low = self.mul(a[0], b[0]);
        let middle = self.mul(a[1], b[1]);
        let high = self.mul(a[2], b[2]);
        // 8 + 16 each.
        let upper = self.sub(
            self.mul(self.add(a[1], a[2]), self.add(b[1], b[2])),
            self.add(middle, high),
            16,
        );
        let lower = self.sub(
            self.mul(self.add(a[0], a[1]), self.add(b[0], b[1])),
            self.add(low, middle),
            16,
        );
        let outer = self.sub(
            self.mul(self.add(a[0], a[2]), self.add(b[0], b[2])),
            self.add(low, high),
            16,
        );
        [
            // 24 + 32 + 8, 24 + 16, 24 + 8.
            self.add(self.times_xi(upper, 32), low),
            self.add(lower, self.times_xi(high, 8)),
            self.add(outer, middle),
        ]
    }

    /// Complex squaring. For coefficients at most 2⁷, at most 2¹⁰.
    #[inline(always)]
    fn square(self, f: &V12<L>) -> V12<L> {
        let both = self.mul6(&f[0], &f[1]);
        let shifted = self.add6(&self.times_v(&f[1], 1 << 7), &f[0]);
        let product = self.mul6(&shifted, &self.add6(&f[0], &f[1]));
        // 64 + (64 + 64) of `both`.
        let rest = self.add6(&both, &self.times_v(&both, 1 << 6));
        [self.sub6(&product, &rest, 1 << 8), self.add6(&both, &both)]
    }

    /// a·(b₀ + b₁·v): at most 24.
    #[inline(always)]
    fn mul_by_01(self, a: &V6<L>, b0: V2<L>, b1: V2<L>) -> V6<L> {
        let low = self.mul(a[0], b0);
        let high = self.mul(a[1], b1);
        let cross = self.mul(self.add(a[0], a[1]), self.add(b0, b1));
        [
            self.add(self.times_xi(self.mul(a[2], b1), 8), low),
            self.sub(cross, self.add(low, high), 16),
            self.add(self.mul(a[2], b0), high),
        ]
    }

    /// f times the line at the point p. At most 2⁷.
    #[inline(always)]
    fn times_line(self, f: &V12<L>, line: &Line<V2<L>>, p: &[L::V; 2]) -> V12<L> {
        let base = self.0.0;
        let b = [base.mul(line.b[0], p[0]), base.mul(line.b[1], p[0])];
        let c = [base.mul(line.c[0], p[1]), base.mul(line.c[1], p[1])];
        let low = self.mul_by_01(&f[0], line.a, b);
        // 16, 8, 8.
        let high = [
            self.times_xi(self.mul(f[1][2], c), 8),
            self.mul(f[1][0], c),
            self.mul(f[1][1], c),
        ];
        let cross = self.mul_by_01(&self.add6(&f[0], &f[1]), line.a, self.add(b, c));
        [
            self.add6(&self.times_v(&high, 8), &low),
            self.sub6(&cross, &self.add6(&low, &high), 64),
        ]
    }

    /// Doubles t; the tangent there.
    #[inline(always)]
    fn double(self, t: &mut [V2<L>; 3]) -> Line<V2<L>> {
        let field = self.0;
        let [x, y, z] = *t;
        let xx = self.sqr(x);
        let yy = self.sqr(y);
        let zz = self.sqr(z);
        let yyyy = self.sqr(yy);
        // 4·x·y², at most 48.
        let xyy = self.sub(self.sqr(self.add(yy, x)), self.add(xx, yyyy), 16);
        let xyy = self.add(xyy, xyy);
        let slope = field.times::<3>(xx);
        let slope_squared = self.sqr(slope);
        // 8 + 128, at most 2⁸.
        let x3 = self.sub(slope_squared, self.add(xyy, xyy), 1 << 7);
        let z3 = self.sub(self.sqr(self.add(z, y)), self.add(yy, zz), 16);
        let y3 = self.mul(self.sub(xyy, x3, 1 << 8), slope);
        let y3 = self.sub(y3, field.times::<8>(yyyy), 64);
        *t = [x3, y3, z3];
        let known = self.add(self.add(xx, slope_squared), field.times::<4>(yy));
        Line {
            // 8 + 64 of 48.
            a: self.sub(self.sqr(self.add(x, slope)), known, 64),
            b: self.mul(slope, zz),
            c: self.mul(z3, zz),
        }
    }

    /// Adds the affine q to t; the line through both.
    #[inline(always)]
    fn add_point(self, t: &mut [V2<L>; 3], q: &[V2<L>; 2]) -> Line<V2<L>> {
        let field = self.0;
        let [x, y, z] = *t;
        let zz = self.sqr(z);
        let qyy = self.sqr(q[1]);
        let u = self.mul(zz, q[0]);
        let s = self.sub(self.sqr(self.add(q[1], z)), self.add(qyy, zz), 16);
        let s = self.mul(s, zz);
        // 8 + 2⁸.
        let h = self.sub(u, x, 1 << 8);
        let hh = self.sqr(h);
        let i = field.times::<4>(hh);
        let j = self.mul(i, h);
        // 8 + 2⁹.
        let slope = self.sub(s, self.add(y, y), 1 << 9);
        let v = self.mul(i, x);
        let x3 = self.sub(self.sqr(slope), self.add(j, self.add(v, v)), 32);
        let z3 = self.sub(self.sqr(self.add(z, h)), self.add(zz, hh), 16);
        let y3 = self.mul(self.sub(v, x3, 64), slope);
        let yj = self.mul(y, j);
        let y3 = self.sub(y3, self.add(yj, yj), 16);
        *t = [x3, y3, z3];
        let at_q = self.mul(slope, q[0]);
        let yz = self.sqr(self.add(q[1], z3));
        let yz = self.sub(yz, self.add(qyy, self.sqr(z3)), 16);
        Line {
            a: self.sub(self.add(at_q, at_q), yz, 32),
            b: slope,
            c: z3,
        }
    }
}
