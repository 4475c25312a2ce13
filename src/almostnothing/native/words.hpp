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

// Counters of N vectors: each round waits for the one before, so the rounds of several vectors go abreast.
template <int N>
struct Counters {
    uvec x[N], y[N];

    template <int By>
    INLINE void round() {
        for (int i = 0; i < N; i++) x[i] += y[i], y[i] = rotated<By>(y[i]) ^ x[i];
    }
    template <int A, int B, int C, int D>
    INLINE void four_rounds(uint32_t to_x, uint32_t to_y) {
        round<A>(), round<B>(), round<C>(), round<D>();
        for (int i = 0; i < N; i++) x[i] += to_x, y[i] += to_y;
    }
};

// Of counters (row, position), (row, position + VL), ...
template <int N>
static inline INLINE void words(uint32_t k0, uint32_t k1, uvec row, uvec position, Words (&to)[N]) {
    const uint32_t k2 = k0 ^ k1 ^ 0x1BD11BDAu;
    Counters<N> c;
    for (int i = 0; i < N; i++) c.x[i] = row + k0, c.y[i] = position + (k1 + i * VL);
    c.template four_rounds<13, 15, 26, 6>(k1, k2 + 1);
    c.template four_rounds<17, 29, 16, 24>(k2, k0 + 2);
    c.template four_rounds<13, 15, 26, 6>(k0, k1 + 3);
    c.template four_rounds<17, 29, 16, 24>(k1, k2 + 4);
    c.template four_rounds<13, 15, 26, 6>(k2, k0 + 5);
    for (int i = 0; i < N; i++) to[i] = {c.x[i], c.y[i]};
}
constexpr int ABREAST = 4;  // vectors: their words and what is drawn from them fit the registers

// Uniform on [0, 1), on a grid of 2^-24; uniform on (0, 1), the middles of 2^23 cells.
static inline vec unit(uvec word) { return whole((ivec)(word >> 8)) * 0x1p-24f; }
static inline vec open_unit(uvec word) { return (whole((ivec)(word >> 9)) + 0.5f) * 0x1p-23f; }
