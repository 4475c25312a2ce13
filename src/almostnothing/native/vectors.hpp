// Vectors of as many floats as a register holds, and functions of them.
//
// Every lane is computed by itself, with the same operations in the same order whatever the width: a result does not
// depend on the processor's vector length.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX512F__)
constexpr int VL = 16;
#elif defined(__AVX__)
constexpr int VL = 8;
#else
constexpr int VL = 4;
#endif

#define INLINE __attribute__((always_inline))

typedef float vec __attribute__((vector_size(VL * 4)));
typedef int32_t ivec __attribute__((vector_size(VL * 4)));
typedef uint32_t uvec __attribute__((vector_size(VL * 4)));

static inline vec load(const float* from) {
    vec v;
    std::memcpy(&v, from, sizeof v);
    return v;
}
static inline void store(float* to, vec v) { std::memcpy(to, &v, sizeof v); }
static inline vec all(float value) { return vec{} + value; }
static inline ivec bits(vec v) { return (ivec)v; }
static inline vec absolute(vec v) { return (vec)(bits(v) & 0x7fffffff); }
static inline vec smaller(vec a, vec b) { return b < a ? b : a; }  // of (x, bound): a NaN stays one
static inline vec larger(vec a, vec b) { return b > a ? b : a; }
static inline vec whole(ivec v) { return __builtin_convertvector(v, vec); }

static inline ivec count_up() {
    ivec v;
    for (int lane = 0; lane < VL; lane++) v[lane] = lane;
    return v;
}

// The nearest integer of |x| < 2^22, as a float and as an int: adding 1.5 * 2^23 leaves it in the last bits.
struct Nearest {
    vec value;
    ivec integer;
};
static inline Nearest nearest(vec x) {
    const vec magic = all(12582912.0f);
    vec moved = x + magic;
    return {moved - magic, bits(moved) - bits(magic)};
}

template <int N>
static inline vec polynomial(vec x, const float (&c)[N]) {
    vec sum = all(c[0]);
    for (int k = 1; k < N; k++) sum = sum * x + c[k];
    return sum;
}

// Polynomials of exp, log, sin and cos: S. Moshier, Cephes (single precision).

static inline vec exponential(vec x) {
    x = larger(smaller(x, all(88.37f)), all(-87.33f));
    Nearest n = nearest(x * 1.44269504f);
    vec r = x - n.value * 0.693359375f + n.value * 2.12194440e-4f;
    vec p = polynomial(r, {1.9875691500e-4f, 1.3981999507e-3f, 8.3334519073e-3f, 4.1665795894e-2f, 1.6666665459e-1f,
                           5.0000001201e-1f});
    return (p * r * r + r + 1.0f) * (vec)((n.integer + 127) << 23);
}

// Of normal numbers x > 0.
static inline vec logarithm(vec x) {
    ivec e = (bits(x) >> 23) - 126;
    vec m = (vec)((bits(x) & 0x007fffff) | 0x3f000000);  // in [1/2, 1)
    ivec low = m < all(0.70710678f);
    e += low;  // a mask is -1
    m = (low ? m + m : m) - 1.0f;
    vec z = m * m, n = whole(e);
    vec p = polynomial(m, {7.0376836292e-2f, -1.1514610310e-1f, 1.1676998740e-1f, -1.2420140846e-1f, 1.4249322787e-1f,
                           -1.6668057665e-1f, 2.0000714765e-1f, -2.4999993993e-1f, 3.3333331174e-1f});
    vec y = p * m * z + n * -2.12194440e-4f - 0.5f * z;
    return m + y + n * 0.693359375f;
}

// sin and cos of r + quarter * pi / 2, |r| <= pi / 4.
struct Circle {
    vec sine, cosine;
};
static inline Circle circle(vec r, ivec quarter) {
    vec z = r * r;
    vec s = r + r * z * polynomial(z, {-1.9515295891e-4f, 8.3321608736e-3f, -1.6666654611e-1f});
    vec c = z * z * polynomial(z, {2.443315711809948e-5f, -1.388731625493765e-3f, 4.166664568298827e-2f});
    c = c - 0.5f * z + 1.0f;
    ivec odd = (quarter & 1) != 0;
    vec sine = odd ? c : s, cosine = odd ? s : c;
    return {(vec)(bits(sine) ^ ((quarter & 2) << 30)), (vec)(bits(cosine) ^ (((quarter + 1) & 2) << 30))};
}
// sin and cos of 2 pi u, |u| <= 1.
static inline Circle turn(vec u) {
    Nearest n = nearest(u * 4.0f);
    return circle((u - n.value * 0.25f) * 6.28318531f, n.integer);
}
// sin and cos of |x| < 10^5.
static inline Circle angle(vec x) {
    Nearest n = nearest(x * 0.636619772f);
    vec r = x - n.value * 1.5703125f - n.value * 4.83751296997e-4f - n.value * 7.54978995489e-8f;
    return circle(r, n.integer);
}

// exp(x) - 1, by its series where it would cancel.
static inline vec exponential_less_one(vec x) {
    vec series = x * polynomial(x, {1.0f / 40320, 1.0f / 5040, 1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f});
    return absolute(x) < all(0.35f) ? series : exponential(x) - 1.0f;
}

// Rational approximations of erf and tanh: Eigen (generic_fast_erf_float, generic_fast_tanh_float).
static inline vec error_function(vec x) {
    x = larger(smaller(x, all(4.0f)), all(-4.0f));
    vec z = x * x;
    vec p = polynomial(z, {-2.72614225801306e-10f, 2.77068142495902e-08f, -2.10102402082508e-06f, -5.69250639462346e-05f,
                           -7.34990630326855e-04f, -2.95459980854025e-03f, -1.60960333262415e-02f});
    vec q = polynomial(z, {-1.45660718464996e-05f, -2.13374055278905e-04f, -1.68282697438203e-03f,
                           -7.37332916720468e-03f, -1.42647390514189e-02f});
    return x * p / q;
}
static inline vec hyperbolic_tangent(vec x) {
    x = larger(smaller(x, all(7.90531110763549805f)), all(-7.90531110763549805f));
    vec z = x * x;
    vec p = polynomial(z, {-2.76076847742355e-16f, 2.00018790482477e-13f, -8.60467152213735e-11f, 5.12229709037114e-08f,
                           1.48572235717979e-05f, 6.37261928875436e-04f, 4.89352455891786e-03f});
    vec q = polynomial(z, {1.19825839466702e-06f, 1.18534705686654e-04f, 2.26843463243900e-03f, 4.89352518554385e-03f});
    return x * p / q;
}

// The processor's own, exactly rounded: beside the multiplications around it it takes the least time.
static inline vec root(vec x) {
    for (int lane = 0; lane < VL; lane++) x[lane] = __builtin_sqrtf(x[lane]);
    return x;
}
// 1/x of x in (2^-126, 2^126): an estimate from the bits, then Newton's steps, each a few exactly rounded operations:
// less time than a second use of the unit that takes roots, and the same bits everywhere.
static inline vec inverse(vec x) {
    vec y = (vec)(0x7ef311c7 - bits(x));
    for (int step = 0; step < 3; step++) y = y * (2.0f - x * y);
    return y;
}

// One stage of a transposition: blocks of `Bit` lanes change places between two rows.
template <int Bit, int... Lane>
static inline void swap_blocks(vec& a, vec& b, std::integer_sequence<int, Lane...>) {
    vec low = __builtin_shufflevector(a, b, (Lane & Bit ? VL + (Lane ^ Bit) : Lane)...);
    vec high = __builtin_shufflevector(a, b, (Lane & Bit ? VL + Lane : (Lane | Bit))...);
    a = low;
    b = high;
}
template <int Bit>
static inline void stage(vec (&rows)[VL]) {
    for (int i = 0; i < VL; i++)
        if (!(i & Bit)) swap_blocks<Bit>(rows[i], rows[i | Bit], std::make_integer_sequence<int, VL>{});
    if constexpr (Bit > 1) stage<Bit / 2>(rows);
}
// A square of VL x VL numbers, transposed in place.
static inline void transpose(vec (&rows)[VL]) { stage<VL / 2>(rows); }
