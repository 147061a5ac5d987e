/*
 * What the page needs of BLS12-381, as a WebAssembly module around blst's portable C.
 *
 * The module has no imports. JavaScript writes into fixed buffers and calls; secrets stay in the
 * module's memory, except for scalars that one worker hands to another. Results are codes: 0 is
 * good, anything else says what is wrong.
 */
#include <stddef.h>

#include "blst.h"

typedef unsigned char u8;
#define EXPORT(name) __attribute__((export_name(#name))) name

enum {
    OK = 0,
    NOT_A_POINT = 1,
    INFINITE = 2,
    NOT_IN_GROUP = 3,
    BAD_SECRET = 4,
    NOT_EQUAL = 5,
    TOO_MANY = 6,
};

enum {
    BATCH = 64,       /* points of one call */
    BUCKETS = 256,    /* sums of the subgroup check, for each pass */
    PASSES = 5,       /* each misses a bad point with probability 1/BUCKETS at most */
    SECRETS = 16,     /* sub-ceremonies at most */
};

/* clang may call these. */
void *memcpy(void *to, const void *from, size_t n)
{   return __builtin_memcpy(to, from, n);   }
void *memset(void *to, int byte, size_t n)
{   return __builtin_memset(to, byte, n);   }

/* Input and output of all calls: BATCH uncompressed points of G2. */
static u8 io[BATCH * 192];
static u8 draws[BATCH * PASSES];

static blst_p1 buckets[PASSES][BUCKETS];
static blst_p1 work1[BATCH];
static blst_p1_affine affine1[BATCH];
static blst_p2 work2[BATCH];
static blst_p2_affine affine2[BATCH];

/* The secrets of all sub-ceremonies, in the worker that drew them. */
static blst_scalar secrets[SECRETS];
/* The factor of the next point, and what the factor grows by, in Montgomery form. */
static blst_fr factor, step;

u8 *EXPORT(buffer)(void) { return io; }
u8 *EXPORT(draw_buffer)(void) { return draws; }
int EXPORT(draws_each)(void) { return PASSES; }
int EXPORT(batch)(void) { return BATCH; }

static void wiped(void *at, size_t n)
{
    volatile u8 *byte = at;
    while (n--) *byte++ = 0;
}

void EXPORT(wipe_buffer)(void) { wiped(io, sizeof(io)); }

void EXPORT(wipe)(void)
{
    wiped(io, sizeof(io));
    wiped(secrets, sizeof(secrets));
    wiped(&factor, sizeof(factor));
    wiped(&step, sizeof(step));
    wiped(work1, sizeof(work1));
    wiped(work2, sizeof(work2));
}

/* Draws secret `index` from `n` bytes of the buffer (at least 32): HKDF-SHA-256, reduced, with the
 * number of the sub-ceremony as its context. */
int EXPORT(draw_secret)(int index, size_t n)
{
    u8 info[32] = "tauline secret of a sub-ceremony";
    blst_scalar *x = &secrets[index];
    u8 others = 0;

    info[31] = (u8)index;
    blst_keygen(x, io, n, info, sizeof(info));
    wiped(io, sizeof(io));
    /* Neither 0 nor 1 nor another one's, compared without a branch on them. */
    for (int i = -2; i < index; i++) {
        u8 differ = 0;
        for (size_t k = 0; k < sizeof(x->b); k++) {
            u8 other = i >= 0 ? secrets[i].b[k] : (u8)(k == 0 && i == -1);
            differ |= x->b[k] ^ other;
        }
        others |= (u8)(differ == 0);
    }
    return others ? BAD_SECRET : OK;
}

/* Sets a known secret from 32 bytes of the buffer, little-endian: for tests. */
int EXPORT(set_secret)(int index)
{
    __builtin_memcpy(secrets[index].b, io, 32);
    wiped(io, 32);
    return blst_sk_check(&secrets[index]) ? OK : BAD_SECRET;
}

/* Writes x and x^exponent of secret `index` to the buffer, 32 bytes each, little-endian. */
void EXPORT(scalars)(int index, unsigned exponent)
{
    blst_fr x, power;
    blst_scalar out;

    blst_fr_from_scalar(&x, &secrets[index]);
    {
        const blst_scalar one = { { 1 } };
        blst_fr_from_scalar(&power, &one);
    }
    for (int bit = 31; bit >= 0; bit--) {
        blst_fr_sqr(&power, &power);
        if (exponent >> bit & 1)
            blst_fr_mul(&power, &power, &x);
    }
    __builtin_memcpy(io, secrets[index].b, 32);
    blst_scalar_from_fr(&out, &power);
    __builtin_memcpy(io + 32, out.b, 32);
    wiped(&x, sizeof(x));
    wiped(&power, sizeof(power));
    wiped(&out, sizeof(out));
}

/* Takes step and factor from the buffer, as `scalars` writes them, and wipes them there. */
void EXPORT(begin)(void)
{
    blst_scalar in;
    __builtin_memcpy(in.b, io, 32);
    blst_fr_from_scalar(&step, &in);
    __builtin_memcpy(in.b, io + 32, 32);
    blst_fr_from_scalar(&factor, &in);
    wiped(&in, sizeof(in));
    wiped(io, 64);
}

/* The factor as a scalar, after which it is that of the next point. */
static void next(blst_scalar *out)
{
    blst_scalar_from_fr(out, &factor);
    blst_fr_mul(&factor, &factor, &step);
}

/* Multiplies `n` points of G1 (96 or 48 bytes each) by the factors that follow, and writes them
 * compressed. The points go into the sums of the subgroup check by the numbers in `draws`. */
int EXPORT(multiply_g1)(int n, int compressed)
{
    blst_scalar x;
    if (n > BATCH) return TOO_MANY;
    for (int i = 0; i < n; i++) {
        BLST_ERROR bad = compressed
            ? blst_p1_uncompress(&affine1[i], io + 48 * i)
            : blst_p1_deserialize(&affine1[i], io + 96 * i);
        if (bad != BLST_SUCCESS) return NOT_A_POINT;
        if (blst_p1_affine_is_inf(&affine1[i])) return INFINITE;
        for (int pass = 0; pass < PASSES; pass++) {
            blst_p1 *sum = &buckets[pass][draws[i * PASSES + pass]];
            blst_p1_add_or_double_affine(sum, sum,
                                         &affine1[i]);
        }
    }
    for (int i = 0; i < n; i++) {
        blst_p1 whole;
        blst_p1_from_affine(&whole, &affine1[i]);
        next(&x);
        blst_p1_mult(&work1[i], &whole, x.b, 255);
    }
    wiped(&x, sizeof(x));
    const blst_p1 *points[2] = { work1, NULL };
    blst_p1s_to_affine(affine1, points, (size_t)n);
    for (int i = 0; i < n; i++)
        blst_p1_affine_compress(io + 48 * i, &affine1[i]);
    return OK;
}

/* Whether all points that `multiply_g1` was given since the last call are in the subgroup. */
int EXPORT(check_g1)(void)
{
    int good = 1;
    for (int pass = 0; pass < PASSES; pass++)
        for (int i = 0; i < BUCKETS; i++) {
            blst_p1 *sum = &buckets[pass][i];
            if (!blst_p1_is_inf(sum)) good &= blst_p1_in_g1(sum);
        }
    __builtin_memset(buckets, 0, sizeof(buckets));
    return good ? OK : NOT_IN_GROUP;
}

/* The same in G2, 192 or 96 bytes a point; each is checked by itself. */
int EXPORT(multiply_g2)(int n, int compressed)
{
    blst_scalar x;
    if (n > BATCH) return TOO_MANY;
    for (int i = 0; i < n; i++) {
        BLST_ERROR bad = compressed
            ? blst_p2_uncompress(&affine2[i], io + 96 * i)
            : blst_p2_deserialize(&affine2[i], io + 192 * i);
        if (bad != BLST_SUCCESS) return NOT_A_POINT;
        if (blst_p2_affine_is_inf(&affine2[i])) return INFINITE;
        if (!blst_p2_affine_in_g2(&affine2[i])) return NOT_IN_GROUP;
    }
    for (int i = 0; i < n; i++) {
        blst_p2 whole;
        blst_p2_from_affine(&whole, &affine2[i]);
        next(&x);
        blst_p2_mult(&work2[i], &whole, x.b, 255);
    }
    wiped(&x, sizeof(x));
    const blst_p2 *points[2] = { work2, NULL };
    blst_p2s_to_affine(affine2, points, (size_t)n);
    for (int i = 0; i < n; i++)
        blst_p2_affine_compress(io + 96 * i, &affine2[i]);
    return OK;
}

/* Writes the public key of secret `index`, [x]_2, compressed, to the buffer. */
void EXPORT(public_key)(int index)
{
    blst_p2 key;
    blst_p2_mult(&key, blst_p2_generator(), secrets[index].b, 255);
    blst_p2_compress(io, &key);
}

/* Signs the `n` bytes in the buffer by secret `index`: signature in G1, key in G2. */
void EXPORT(sign)(int index, size_t n)
{
    static const u8 suite[] = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    blst_p1 point;
    blst_hash_to_g1(&point, io, n, suite, sizeof(suite) - 1, NULL, 0);
    blst_sign_pk_in_g2(&point, &point, &secrets[index]);
    blst_p1_compress(io, &point);
}

/* Whether the buffer's `n` bytes at 144 are signed by the key (G2, at 48) with the signature (G1,
 * at 0), all compressed. */
int EXPORT(verify_signature)(size_t n)
{
    static const u8 suite[] = "BLS_SIG_BLS12381G1_XMD:SHA-256_SSWU_RO_POP_";
    blst_p1_affine signature;
    blst_p2_affine key;
    if (blst_p1_uncompress(&signature, io) || blst_p2_uncompress(&key, io + 48)) return NOT_A_POINT;
    if (!blst_p1_affine_in_g1(&signature) || !blst_p2_affine_in_g2(&key)) return NOT_IN_GROUP;
    if (blst_p2_affine_is_inf(&key)) return INFINITE;
    return blst_core_verify_pk_in_g2(&key, &signature, 1, io + 144, n, suite, sizeof(suite) - 1,
                                     NULL, 0) == BLST_SUCCESS ? OK : NOT_EQUAL;
}

/* Whether e(A, B) = e(C, D): A and C in G1 at 0 and 96, B and D in G2 at 192 and 384, each
 * compressed or not. All four have to be in their groups, and none may be infinite. */
int EXPORT(pairings_equal)(void)
{
    blst_p1_affine a, c;
    blst_p2_affine b, d;
    blst_fp12 left, right;
    if (blst_p1_deserialize(&a, io) || blst_p1_deserialize(&c, io + 96) ||
        blst_p2_deserialize(&b, io + 192) || blst_p2_deserialize(&d, io + 384)) return NOT_A_POINT;
    if (blst_p1_affine_is_inf(&a) || blst_p1_affine_is_inf(&c) ||
        blst_p2_affine_is_inf(&b) || blst_p2_affine_is_inf(&d)) return INFINITE;
    if (!blst_p1_affine_in_g1(&a) || !blst_p1_affine_in_g1(&c) ||
        !blst_p2_affine_in_g2(&b) || !blst_p2_affine_in_g2(&d)) return NOT_IN_GROUP;
    blst_miller_loop(&left, &b, &a);
    blst_miller_loop(&right, &d, &c);
    return blst_fp12_finalverify(&left, &right) ? OK : NOT_EQUAL;
}
