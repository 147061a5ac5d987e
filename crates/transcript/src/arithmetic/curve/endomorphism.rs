//! The curve's parameter, and the constants of the endomorphisms that multiply by it.

use crate::arithmetic::field::limbs::WORDS;

/// The parameter of BLS12-381 is −x.
pub(crate) const X: u64 = 0xd201_0000_0001_0000;

/// β, little-endian: x²·(a, b) = (β·a, −b) in the subgroup.
pub(crate) const BETA: [u64; WORDS] = [
    0x2e01_ffff_fffe_fffe,
    0xde17_d813_620a_0002,
    0xddb3_a93b_e6f8_9688,
    0xba69_c607_6a0f_77ea,
    0x5f19_672f_df76_ce51,
    0,
];

/// The coefficient of u in (1 + u)^(−(p − 1)/3), which has no other.
pub(crate) const PSI_X: [u64; WORDS] = [
    0x8bfd_0000_0000_aaad,
    0x4094_27eb_4f49_fffd,
    0x897d_2965_0fb8_5f9b,
    0xaa0d_857d_8975_9ad4,
    0xec02_4086_63d4_de85,
    0x1a01_11ea_397f_e699,
];

/// (1 + u)^(−(p − 1)/2).
pub(crate) const PSI_Y: [[u64; WORDS]; 2] = [
    [
        0xf1ee_7b04_121b_dea2,
        0x3044_66cf_3e67_fa0a,
        0xef39_6489_f61e_b45e,
        0x1c3d_edd9_30b1_cf60,
        0xe2e9_c448_d77a_2cd9,
        0x1352_03e6_0180_a68e,
    ],
    [
        0xc810_84fb_ede3_cc09,
        0xee67_992f_72ec_05f4,
        0x77f7_6e17_0092_41c5,
        0x4839_5dab_c2d3_435e,
        0x6831_e36d_6bd1_7ffe,
        0x06af_0e04_37ff_400b,
    ],
];
