//! The calls of `blst` that the obvious verifier is made of.

use anyhow::{Result, bail, ensure};
use blst::{BLST_ERROR, blst_p1, blst_p1_affine, blst_p2, blst_p2_affine};

/// A point of G1 or of G2.
pub(super) trait Point: Copy + Default {
    /// Decodes a point, compressed or not as its length tells.
    fn decode(bytes: &[u8]) -> Result<Self>;

    /// Whether the point is in the subgroup.
    fn in_subgroup(&self) -> bool;

    /// Σ cᵢ·Pᵢ with Pippenger's algorithm; as many 128-bit coefficients as points, at least one.
    fn sum(points: &[Self], coefficients: &[[u8; 16]]) -> Self;

    /// Each point times its scalar, in constant time.
    fn products(points: &[Self], scalars: &[[u8; 32]]) -> Vec<Self>;
}

macro_rules! point {
    (
        $affine:ident, $projective:ident, $compressed_len:literal, $uncompress:ident,
        $deserialize:ident, $in_group:ident, $scratch:ident, $pippenger:ident, $from_affine:ident,
        $mult:ident, $to_affine:ident, $all_to_affine:ident
    ) => {
        impl Point for $affine {
            fn decode(bytes: &[u8]) -> Result<Self> {
                const UNCOMPRESSED_LEN: usize = 2 * $compressed_len;
                let mut point = Self::default();
                // SAFETY: the decoders write one point, and read as many bytes as there are.
                #[allow(unsafe_code)]
                let status = unsafe {
                    match bytes.len() {
                        $compressed_len => blst::$uncompress(&mut point, bytes.as_ptr()),
                        UNCOMPRESSED_LEN => blst::$deserialize(&mut point, bytes.as_ptr()),
                        len => bail!("a point of {len} bytes"),
                    }
                };
                ensure!(status == BLST_ERROR::BLST_SUCCESS, "check 2");
                Ok(point)
            }

            fn in_subgroup(&self) -> bool {
                // SAFETY: reads one point.
                #[allow(unsafe_code)]
                unsafe {
                    blst::$in_group(self)
                }
            }

            fn sum(points: &[Self], coefficients: &[[u8; 16]]) -> Self {
                assert!(!points.is_empty() && points.len() == coefficients.len());
                let mut sum = $projective::default();
                let mut affine = Self::default();
                // Two pointers, the second null: the library's form for contiguous lists.
                let from = [points.as_ptr(), std::ptr::null()];
                let by = [coefficients.as_ptr().cast(), std::ptr::null()];
                // SAFETY: the lists have `points.len()` elements each, as asserted; the scratch
                // space has the size that the library asks for, in limbs of its own type.
                #[allow(unsafe_code)]
                unsafe {
                    let mut scratch = vec![0; blst::$scratch(points.len()).div_ceil(8)];
                    blst::$pippenger(
                        &mut sum,
                        from.as_ptr(),
                        points.len(),
                        by.as_ptr(),
                        128,
                        scratch.as_mut_ptr(),
                    );
                    blst::$to_affine(&mut affine, &sum);
                }
                affine
            }

            fn products(points: &[Self], scalars: &[[u8; 32]]) -> Vec<Self> {
                let mut products = Vec::with_capacity(points.len());
                for (point, scalar) in points.iter().zip(scalars) {
                    let mut projective = $projective::default();
                    let mut product = $projective::default();
                    // SAFETY: each pointer is to one value; 255 bits are within 32 bytes.
                    #[allow(unsafe_code)]
                    unsafe {
                        blst::$from_affine(&mut projective, point);
                        blst::$mult(&mut product, &projective, scalar.as_ptr(), 255);
                    }
                    products.push(product);
                }
                let mut affine = vec![Self::default(); products.len()];
                if affine.is_empty() {
                    return affine;
                }
                let from = [products.as_ptr(), std::ptr::null()];
                // SAFETY: both lists have `products.len()` elements, at least one.
                #[allow(unsafe_code)]
                unsafe {
                    blst::$all_to_affine(affine.as_mut_ptr(), from.as_ptr(), products.len());
                }
                affine
            }
        }
    };
}

point!(
    blst_p1_affine,
    blst_p1,
    48,
    blst_p1_uncompress,
    blst_p1_deserialize,
    blst_p1_affine_in_g1,
    blst_p1s_mult_pippenger_scratch_sizeof,
    blst_p1s_mult_pippenger,
    blst_p1_from_affine,
    blst_p1_mult,
    blst_p1_to_affine,
    blst_p1s_to_affine
);
point!(
    blst_p2_affine,
    blst_p2,
    96,
    blst_p2_uncompress,
    blst_p2_deserialize,
    blst_p2_affine_in_g2,
    blst_p2s_mult_pippenger_scratch_sizeof,
    blst_p2s_mult_pippenger,
    blst_p2_from_affine,
    blst_p2_mult,
    blst_p2_to_affine,
    blst_p2s_to_affine
);
