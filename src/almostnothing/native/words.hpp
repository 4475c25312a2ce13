// Threefry-2x32 with 20 rounds, as `almostnothing.streams`: two words of each counter (row, position).
#pragma once
#include "vectors.hpp"

struct Words {
    uvec first, second;
};

template <int By>
static inline uvec rotated(uvec x) {
    return (x << By) | (x >> (32 - By));
}

template <int A, int B, int C, int D>
static inline void four_rounds(uvec& x, uvec& y) {
    x += y, y = rotated<A>(y) ^ x;
    x += y, y = rotated<B>(y) ^ x;
    x += y, y = rotated<C>(y) ^ x;
    x += y, y = rotated<D>(y) ^ x;
}

static inline Words words(uint32_t k0, uint32_t k1, uvec row, uvec position) {
    const uint32_t k2 = k0 ^ k1 ^ 0x1BD11BDAu;
    uvec x = row + k0, y = position + k1;
    four_rounds<13, 15, 26, 6>(x, y);
    x += k1, y += k2 + 1;
    four_rounds<17, 29, 16, 24>(x, y);
    x += k2, y += k0 + 2;
    four_rounds<13, 15, 26, 6>(x, y);
    x += k0, y += k1 + 3;
    four_rounds<17, 29, 16, 24>(x, y);
    x += k1, y += k2 + 4;
    four_rounds<13, 15, 26, 6>(x, y);
    x += k2, y += k0 + 5;
    return {x, y};
}

// Uniform on [0, 1), on a grid of 2^-24; uniform on (0, 1), the middles of 2^23 cells.
static inline vec unit(uvec word) { return whole((ivec)(word >> 8)) * 0x1p-24f; }
static inline vec open_unit(uvec word) { return (whole((ivec)(word >> 9)) + 0.5f) * 0x1p-23f; }
