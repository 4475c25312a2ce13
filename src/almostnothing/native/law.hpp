// How a law corrupts one image: `Law` says what one pixel becomes; which words it gets is written here once.
//
// A counter gives two words: they serve pixels j and j + ceil(d/2), or where a law needs both, pixel j alone. With one
// draw an image, those of counter 0 serve all pixels.
#pragma once
#include <algorithm>

#include "words.hpp"

struct Pair {
    vec first, second;
};

// load and store of `count` numbers, at most a vector.
static inline vec some(const float* from, long count) {
    if (count >= VL) return load(from);
    vec v{};
    std::memcpy(&v, from, count * sizeof(float));
    return v;
}
static inline void put(float* to, vec v, long count) {
    if (count >= VL)
        store(to, v);
    else
        std::memcpy(to, &v, count * sizeof(float));
}

template <class Law>
static inline void corrupt_image(const float* x, float* out, long pixels, const uint32_t* key, uint32_t draw,
                                 float strength, float shift, const float* numbers) {
    const Law law{strength, numbers};
    const uint32_t k0 = key[0], k1 = key[1];
    const ivec lanes = count_up();
    const long half = Law::single ? pixels : (pixels + 1) / 2, beyond = pixels - half;
    const auto two = [&](const Words& w, long j, long first, long second) INLINE {  // so many pixels of either half
        const Pair made = law.made(w);
        put(out + j, law.changed(some(x + j, first), made.first) - shift, first);
        if (second > 0) put(out + half + j, law.changed(some(x + half + j, second), made.second) - shift, second);
    };
    long j = 0;
    const auto whole = [&](auto count) INLINE {
        for (; j + count * VL <= (Law::single ? half : beyond); j += count * VL) {
            Words drawn[count];
            words(k0, k1, uvec{} + draw, (uvec)(lanes + (int32_t)j), drawn);
            for (int i = 0; i < count; i++) two(drawn[i], j + i * VL, VL, Law::single ? 0 : VL);
        }
    };
    whole(std::integral_constant<int, ABREAST>{});
    whole(std::integral_constant<int, ABREAST / 2>{});
    whole(std::integral_constant<int, 1>{});
    for (; j < half; j += VL) {
        Words drawn[1];
        words(k0, k1, uvec{} + draw, (uvec)(lanes + (int32_t)j), drawn);
        two(drawn[0], j, std::min<long>(VL, half - j), std::min<long>(VL, beyond - j));
    }
}

// One draw an image: those of a vector of images at once.
template <class Law>
static inline void corrupt_images(const float* x, int64_t x_stride, float* out, int64_t rows, int64_t pixels,
                                  const uint32_t* key, const uint32_t* draw, float strength, float shift,
                                  const float* numbers) {
    const Law law{strength, numbers};
    for (int64_t r = 0; r < rows; r += VL) {
        const int64_t count = std::min<int64_t>(VL, rows - r);
        uvec number{};
        std::memcpy(&number, draw + r, count * sizeof(uint32_t));
        Words counter[1];
        words(key[0], key[1], number, uvec{}, counter);
        const vec drawn = law.made(counter[0]).first;
        for (int64_t i = 0; i < count; i++, x += x_stride, out += pixels) {
            const vec each = all(drawn[i]);
            int64_t j = 0;
            for (; j + VL <= pixels; j += VL) store(out + j, law.changed(load(x + j), each) - shift);
            if (j < pixels) put(out + j, law.changed(some(x + j, pixels - j), each) - shift, pixels - j);
        }
    }
}

template <class Law>
static inline void corrupt_all(const float* x, int64_t x_stride, float* out, int64_t rows, int64_t pixels,
                               const uint32_t* key, const uint32_t* draw, float strength, float shift,
                               const float* numbers) {
    if (Law::per_image) return corrupt_images<Law>(x, x_stride, out, rows, pixels, key, draw, strength, shift, numbers);
    for (int64_t r = 0; r < rows; r++)
        corrupt_image<Law>(x + r * x_stride, out + r * pixels, pixels, key, draw[r], strength, shift, numbers);
}

// Rows of images, each with the number of its draw, less `shift`; rows of x begin `x_stride` apart.
#define EXPORT(Law)                                                                                                \
    extern "C" void corrupt(const float* x, int64_t x_stride, float* out, int64_t rows, int64_t pixels,            \
                            const uint32_t* key, const uint32_t* draw, float strength, float shift,                \
                            const float* numbers) {                                                                \
        corrupt_all<Law>(x, x_stride, out, rows, pixels, key, draw, strength, shift, numbers);                     \
    }
