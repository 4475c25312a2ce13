// Laws that change an image as a whole: noise of a given norm, and the replacement of exactly k values.
//
// Counter 0xffffffff of an image gives what all its values share; those from 0 give one word a value, as in law.hpp, or
// two where the law needs both.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>

#include "law.hpp"

typedef double dvec __attribute__((vector_size(VL * 8)));

static inline ivec below(long count) { return count_up() < (ivec{} + (int32_t)std::min<long>(count, VL)); }
static inline vec kept(vec v, ivec lanes) { return (vec)(bits(v) & lanes); }
static inline vec clipped(vec v) { return larger(smaller(v, all(1.0f)), vec{}); }

// What the values of image `draw` share: two words.
struct Shared {
    uint32_t first, second;
};
static inline Shared shared(const uint32_t* key, uint32_t draw) {
    Words w[1];
    words(key[0], key[1], uvec{} + draw, uvec{} + 0xffffffffu, w);
    return {w[0].first[0], w[0].second[0]};
}
// The strength of one image: between `least` of it and the whole.
static inline float strength_of(float strength, float least, uint32_t word) {
    return strength * (least + (1 - least) * ((word >> 8) * 0x1p-24f));
}

// What is tabulated: |g|^p for p < 1; |g| for p = 1, p = 2 and other p; no table for p = infinity.
enum Form { ROOTS, ONE, TWO, POWERS, FLAT };

// `quantiles.magnitudes`.
static inline vec gathered(const float* from, ivec at) {
    vec v;
    for (int lane = 0; lane < VL; lane++) v[lane] = from[at[lane]];
    return v;
}
template <Form form>
static inline INLINE vec magnitude(uvec word, const float* table, int cells) {
    if constexpr (form == FLAT) return whole((ivec)(word >> 1)) * 0x1p-31f;
    const ivec odd = (ivec)(word | 1), beyond = odd < 0;
    const ivec pattern = bits(whole(beyond ? -odd : odd));
    const ivec cell = (pattern >> 17) - (127 << 6) + (beyond & cells);
    const vec t = whole(pattern & 0x1ffff) * 0x1p-17f;
    return gathered(table, cell) + t * (gathered(table + 2 * cells, cell) + t * gathered(table + 4 * cells, cell));
}

// `lp.Lp`. Numbers: p, and what is left of it beside float32's; whether in the ball, whether clipped, the least share of
// a strength; cells, their coefficients.
template <Form form>
static inline void noisy_image(const float* x, float* out, long pixels, const uint32_t* key, uint32_t draw,
                               float strength, float shift, const float* a) {
    const double p = (double)a[0] + a[1];
    const float order = a[0], reciprocal = (float)(1 / p);
    const bool ball = a[2] != 0, clip = a[3] != 0;
    const int cells = (int)a[5];
    const float* table = a + 6;
    const long half = (pixels + 1) / 2;
    vec largest{};
    dvec sum{};
    const auto one = [&](uvec word, long j, long count) INLINE {  // keeps it, with its sign, in `out`
        const vec size = magnitude<form>(word, table, cells);
        put(out + j, (vec)(bits(size) | (ivec)(word << 31)), count);
        const vec counted = count >= VL ? size : kept(size, below(count));
        if constexpr (form == FLAT || form == POWERS)
            largest = larger(largest, counted);
        else
            sum += __builtin_convertvector(form == TWO ? counted * counted : counted, dvec);
    };
    long j = 0;
    for (; j + ABREAST * VL <= pixels - half; j += ABREAST * VL) {
        Words w[ABREAST];
        words(key[0], key[1], uvec{} + draw, (uvec)(count_up() + (int32_t)j), w);
        for (int i = 0; i < ABREAST; i++) {
            one(w[i].first, j + i * VL, VL);
            one(w[i].second, half + j + i * VL, VL);
        }
    }
    for (; j < half; j += VL) {
        Words w[1];
        words(key[0], key[1], uvec{} + draw, (uvec)(count_up() + (int32_t)j), w);
        one(w[0].first, j, std::min<long>(VL, half - j));
        if (pixels - half > j) one(w[0].second, half + j, std::min<long>(VL, pixels - half - j));
    }
    const Shared both = shared(key, draw);
    const double epsilon = strength_of(strength, a[4], both.second);
    const double beyond = ball ? -std::log(((both.first >> 9) + 0.5) * 0x1p-23) : 0;
    float most = 0;
    for (int lane = 0; lane < VL; lane++) most = std::max(most, largest[lane]);
    if constexpr (form == POWERS) {  // of shares of the largest: those of small values alone would be 0
        const vec share = all(1 / most);
        for (j = 0; j < pixels; j += VL) {
            const long count = std::min<long>(VL, pixels - j);
            const vec power = exponential(order * logarithm(absolute(some(out + j, count)) * share));
            sum += __builtin_convertvector(count >= VL ? power : kept(power, below(count)), dvec);
        }
    }
    double total = 0, ratio = 0, scale = epsilon;
    for (int lane = 0; lane < VL; lane++) total += sum[lane];
    if constexpr (form == FLAT) {
        if (!ball) scale /= most;
    } else if constexpr (form == POWERS) {
        const double inside = p * std::log((double)most) + std::log(total), outside = std::log(beyond);
        const double high = std::max(inside, outside);
        scale *= std::exp(-(high + std::log(std::exp(inside - high) + std::exp(outside - high))) / p);
    } else {
        total += beyond;
        ratio = pixels / total;
        scale *= std::pow(form == ROOTS ? (double)pixels : total, -1 / p);
    }
    const float by = (float)scale, relative = (float)ratio;
    for (j = 0; j < pixels; j += VL) {
        const long count = std::min<long>(VL, pixels - j);
        vec made = some(out + j, count);
        if constexpr (form == ROOTS) {
            const ivec sign = bits(made) & (int32_t)0x80000000;
            made = (vec)(bits(exponential(logarithm(absolute(made) * relative) * reciprocal)) | sign);
        }
        const vec v = some(x + j, count) + by * made;
        put(out + j, (clip ? clipped(v) : v) - shift, count);
    }
}

// `lp.Brightness`. Numbers: whether clipped, the least share of a strength.
static inline void brighter_image(const float* x, float* out, long pixels, const uint32_t* key, uint32_t draw,
                                  float strength, float shift, const float* a) {
    const Shared both = shared(key, draw);
    const float size = strength_of(strength, a[1], both.second), by = both.first & 1 ? -size : size;
    for (long j = 0; j < pixels; j += VL) {
        const long count = std::min<long>(VL, pixels - j);
        const vec v = some(x + j, count) + by;
        put(out + j, (a[0] != 0 ? clipped(v) : v) - shift, count);
    }
}

// `lp.L0`. Numbers: channels that change together, whether to random greys, the least share of a strength.
static inline void replaced_image(const float* x, float* out, long pixels, const uint32_t* key, uint32_t draw,
                                  float strength, float shift, const float* a) {
    const long channels = (long)a[0], places = pixels / channels;
    const bool greys = a[1] != 0;
    const float share = strength_of(strength, a[2], shared(key, draw).second);
    const long chosen = std::min<long>(places, std::nearbyint(share * places));
    // the words in `order` rank the places, equal ones by place: those that come first get the values in `fresh`
    static thread_local std::vector<uint32_t> order;
    static thread_local std::vector<float> fresh;
    order.resize(places + ABREAST * VL), fresh.resize(places + ABREAST * VL);
    long counts[256] = {};
    for (long j = 0; j < places; j += ABREAST * VL) {
        Words w[ABREAST];
        words(key[0], key[1], uvec{} + draw, (uvec)(count_up() + (int32_t)j), w);
        for (int i = 0; i < ABREAST; i++) {
            std::memcpy(&order[j + i * VL], &w[i].first, sizeof w[i].first);
            const vec grey = whole((ivec)(w[i].second >> 24)) / 255.0f, extreme = whole((ivec)(w[i].second >> 31));
            store(&fresh[j + i * VL], greys ? grey : extreme);
        }
    }
    for (long j = 0; j < places; j++) counts[order[j] >> 24]++;
    long bin = 0, before = 0;
    while (bin < 255 && before + counts[bin] < chosen) before += counts[bin++];
    std::vector<uint64_t> candidates;
    for (long j = 0; j < places; j++)
        if ((long)(order[j] >> 24) == bin) candidates.push_back((uint64_t)order[j] << 32 | (uint64_t)j);
    std::sort(candidates.begin(), candidates.end());
    const uint64_t last = chosen ? candidates[chosen - before - 1] : 0;
    const uvec word = uvec{} + (uint32_t)(last >> 32);
    const ivec place = ivec{} + (int32_t)last, none = ivec{} - (chosen == 0);
    for (long j = 0; j < places; j += VL) {
        uvec own;
        std::memcpy(&own, &order[j], sizeof own);
        const ivec mask = ((own < word) | ((own == word) & (count_up() + (int32_t)j <= place))) & ~none;
        const long count = std::min<long>(VL, places - j);
        for (long c = 0; c < channels; c++) {
            const long at = c * places + j;
            put(out + at, (mask ? load(&fresh[j]) : some(x + at, count)) - shift, count);
        }
    }
}

#define EXPORT_IMAGES(changed)                                                                                     \
    extern "C" void corrupt(const float* x, int64_t x_stride, float* out, int64_t rows, int64_t pixels,            \
                            const uint32_t* key, const uint32_t* draw, float strength, float shift,                \
                            const float* numbers) {                                                                \
        for (int64_t r = 0; r < rows; r++)                                                                         \
            changed(x + r * x_stride, out + r * pixels, pixels, key, draw[r], strength, shift, numbers);           \
    }
