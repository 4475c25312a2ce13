// How a law corrupts one image: `Law` says what one pixel becomes; which words it gets is written here once.
//
// A counter gives two words: they serve pixels j and j + ceil(d/2), or where a law needs both, pixel j alone. With one
// draw an image, those of counter 0 serve all pixels.
#pragma once
#include "words.hpp"

static inline void partly(float* to, vec v, long count) {
    if (count >= VL)
        store(to, v);
    else if (count > 0)
        std::memcpy(to, &v, count * sizeof(float));
}
static inline vec part_of(const float* from, long count) {
    if (count >= VL) return load(from);
    vec v{};
    if (count > 0) std::memcpy(&v, from, count * sizeof(float));
    return v;
}

template <class Law>
static inline void corrupt_image(const float* x, float* out, long pixels, const uint32_t* key, uint32_t draw,
                                 float strength, float shift, const float* numbers) {
    const Law law{strength, numbers};
    const ivec lanes = count_up();
    if (Law::per_image) {
        auto made = law.made(words(key[0], key[1], draw, uvec{}));
        for (long j = 0; j < pixels; j += VL)
            partly(out + j, law.changed(part_of(x + j, pixels - j), made.first) - shift, pixels - j);
        return;
    }
    const long half = Law::single ? pixels : (pixels + 1) / 2;
    for (long j = 0; j < half; j += VL) {
        auto made = law.made(words(key[0], key[1], draw, (uvec)(lanes + (int32_t)j)));
        const long here = half - j, beyond = pixels - half - j;
        partly(out + j, law.changed(part_of(x + j, here), made.first) - shift, here);
        if (!Law::single)
            partly(out + half + j, law.changed(part_of(x + half + j, beyond), made.second) - shift, beyond);
    }
}

struct Pair {
    vec first, second;
};

#define EXPORT(Law)                                                                                                    \
    extern "C" void corrupt(const float* x, float* out, int64_t pixels, const uint32_t* key, uint32_t draw,            \
                            float strength, float shift, const float* numbers) {                                      \
        corrupt_image<Law>(x, out, pixels, key, draw, strength, shift, numbers);                                      \
    }                                                                                                                  \
    extern "C" void corrupt_rows(const float* x, int64_t x_stride, float* out, int64_t rows, int64_t pixels,           \
                                 const uint32_t* key, const uint32_t* draw, float strength, const float* numbers) {   \
        for (int64_t r = 0; r < rows; r++)                                                                             \
            corrupt_image<Law>(x + r * x_stride, out + r * pixels, pixels, key, draw[r], strength, 0, numbers);       \
    }
