//! The points of one sub-ceremony, and the sums that one pass makes of them.

use crate::random::SecureRandom;
use blstrs::{G1Affine, G1Projective, G2Affine, G2Projective};
use group::prime::PrimeCurveAffine;

use crate::arithmetic::{
    Digits, G1, G1List, WindowSums, linear_combination, normalize, pairings_equal,
};
use crate::error::SubCeremony;
use crate::verify::equations::Coefficients;

/// The points of one sub-ceremony, decoded, nothing else known of them.
pub(crate) struct Decoded {
    pub(crate) sub_ceremony: SubCeremony,
    pub(crate) g1: G1List,
    /// The window sums of the G1 powers, if they were taken before, of stretches that have one
    /// point in common with the next.
    pub(crate) sums: Vec<WindowSums<G1>>,
    pub(crate) g2: Vec<G2Affine>,
    /// What makes powers a contribution; none for powers on their own.
    pub(crate) update: Option<Change>,
}

/// The change that a contribution claims to be.
#[derive(Clone, Copy)]
pub(crate) struct Change {
    /// p\[1\].
    pub(crate) power_before: G1Affine,
    /// pk.
    pub(crate) pubkey: G2Affine,
}

/// Random values for one sub-ceremony, drawn after its points have arrived
/// (`docs/spec/known-faults.md#batch-randomness`).
pub(crate) struct Draw<'a> {
    windowed: Windowed<'a>,
    /// One for each window of each stretch, but for windows 0.
    windows: Coefficients,
    g2: Coefficients,
    update: Coefficients,
}

/// The window sums of one sub-ceremony's G1 powers, or the digits to take them by.
enum Windowed<'a> {
    Already(&'a [WindowSums<G1>]),
    By(Digits),
}

impl<'a> Draw<'a> {
    pub(crate) fn new(decoded: &'a Decoded, rng: &mut dyn SecureRandom) -> Self {
        let (windowed, windows) = match &decoded.sums[..] {
            [] => {
                let digits = Digits::draw(decoded.g1.len(), rng);
                let windows = digits.windows().count();
                (Windowed::By(digits), windows)
            }
            sums => {
                let windows = sums.iter().map(|sums| sums.windows().count());
                (Windowed::Already(sums), windows.sum())
            }
        };
        Self {
            windows: Coefficients::draw(windows, rng),
            g2: Coefficients::draw(decoded.g2.len(), rng),
            update: Coefficients::draw(1, rng),
            windowed,
        }
    }
}

/// What one pass over the points of a sub-ceremony makes of them.
pub(crate) struct Sums {
    pub(crate) windows: Vec<WindowSums<G1>>,
    pub(crate) g1: Ratio,
    /// Σ rᵢ·Q\[i\] and Σ rᵢ·P\[i\].
    pub(crate) g2: (G2Projective, G1Projective),
    /// a·p\[1\] and a·P\[1\].
    pub(crate) update: Option<(G1Projective, G1Projective)>,
}

/// Both sides of the ratio check, A and B: τ·A = B.
#[derive(Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) before: G1Projective,
    pub(crate) after: G1Projective,
}

impl Ratio {
    /// Merges the windows of all stretches by coefficients of their own.
    pub(crate) fn of(stretches: &[WindowSums<G1>], coefficients: &Coefficients) -> Self {
        let merged = |side: fn(&WindowSums<G1>, usize) -> G1Projective| {
            let sides = stretches
                .iter()
                .flat_map(|sums| (1..=sums.windows().count()).map(move |w| side(sums, w)));
            let points = normalize::<G1Affine>(&sides.collect::<Vec<_>>());
            linear_combination(&points, coefficients.all())
        };
        let (before, after) =
            rayon::join(|| merged(WindowSums::before), || merged(WindowSums::after));
        Self { before, after }
    }
}

impl Change {
    /// Check 5: e(p\[1\], pk) = e(P\[1\], g₂).
    pub(crate) fn proves(&self, power_after: &G1Affine) -> bool {
        pairings_equal(
            &self.power_before,
            &self.pubkey,
            power_after,
            &G2Affine::generator(),
        )
    }
}

impl Decoded {
    /// The power at `index`; the sizes were checked before anything else was.
    pub(crate) fn power(&self, index: usize) -> G1Affine {
        self.g1.point(index).unwrap_or_default()
    }

    /// P\[0\], P\[1\], … that go with the G2 powers.
    pub(crate) fn powers_beside_g2(&self) -> Vec<G1Affine> {
        self.g1.slice(0..self.g2.len()).to_affine()
    }

    pub(crate) fn sums(&self, draw: &Draw<'_>) -> Sums {
        let windows = match &draw.windowed {
            Windowed::Already(sums) => sums.to_vec(),
            Windowed::By(digits) => vec![self.g1.window_sums(digits)],
        };
        let update = self.update.map(|change| {
            let times = |point| linear_combination(&[point], draw.update.all());
            (times(change.power_before), times(self.power(1)))
        });
        Sums {
            g1: Ratio::of(&windows, &draw.windows),
            g2: (
                linear_combination(&self.g2, draw.g2.all()),
                linear_combination(&self.powers_beside_g2(), draw.g2.all()),
            ),
            update,
            windows,
        }
    }
}
