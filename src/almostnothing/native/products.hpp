// Matrix products whose results are used while they are in registers.
//
// Every element is one sum over k = 0, 1, 2, ... of fused multiply-adds: its bits depend neither on the tile that holds
// it nor on the processor's vector length.
#pragma once
#include "vectors.hpp"

constexpr int WIDEST = VL == 16 ? 4 : 2;  // vectors of a tile: 32 registers, or 16

constexpr int tallest(int vectors) {
    return VL == 16 ? (vectors == 4 ? 6 : vectors == 3 ? 8 : vectors == 2 ? 12 : 16) : (vectors == 2 ? 6 : 12);
}

// Lengths of rows in memory: whole vectors, and no multiple of 2 KiB, at which cache lines would crowd each other out.
static inline long stride(long columns) {
    long whole = (columns + VL - 1) / VL * VL;
    return whole % 512 ? whole : whole + VL;
}

// The order in which a sum runs: `outer` times `middle` times `inner` elements of A's rows, each so far from the one
// before; B's rows follow each other.
struct Walk {
    long outer, leap, middle, jump, inner, step;
};

template <int MR, int NV, class Use>
static inline __attribute__((always_inline)) void tile(const Walk& walk, const float* a, long row, const float* b,
                                                       long ldb, long m, long n, Use& use) {
    vec sum[MR][NV];
    for (int i = 0; i < MR; i++)
        for (int j = 0; j < NV; j++) sum[i][j] = vec{};
    for (long o = 0; o < walk.outer; o++)
        for (long p = 0; p < walk.middle; p++) {
            const float* from = a + o * walk.leap + p * walk.jump;
            for (long k = 0; k < walk.inner; k++, b += ldb, from += walk.step) {
                vec right[NV];
                for (int j = 0; j < NV; j++) right[j] = load(b + j * VL);
                for (int i = 0; i < MR; i++) {
                    const float left = from[i * row];
                    for (int j = 0; j < NV; j++) sum[i][j] += left * right[j];
                }
            }
        }
    for (int i = 0; i < MR; i++)
        for (int j = 0; j < NV; j++) use(m + i, n + j * VL, sum[i][j]);
}

template <int NV, class Use>
static void columns(long M, const Walk& walk, const float* a, long row, const float* b, long ldb, long n, Use& use) {
    constexpr int MR = tallest(NV);
    long m = 0;
    for (; m + MR <= M; m += MR) tile<MR, NV>(walk, a + m * row, row, b + n, ldb, m, n, use);
    if constexpr (MR > 8)
        if (M - m >= 8) tile<8, NV>(walk, a + m * row, row, b + n, ldb, m, n, use), m += 8;
    if (M - m >= 4) tile<4, NV>(walk, a + m * row, row, b + n, ldb, m, n, use), m += 4;
    if (M - m >= 2) tile<2, NV>(walk, a + m * row, row, b + n, ldb, m, n, use), m += 2;
    if (m < M) tile<1, NV>(walk, a + m * row, row, b + n, ldb, m, n, use);
}

// use(m, n, v): v holds elements n .. n + VL - 1 of row m of AB. Rows of A begin `row` apart; B has `ldb` numbers a row,
// of which N, rounded up to whole vectors, are used.
template <class Use>
static inline void product(long M, long N, const Walk& walk, const float* a, long row, const float* b, long ldb,
                           Use use) {
    long n = 0;
    for (; n + WIDEST * VL <= N; n += WIDEST * VL) columns<WIDEST>(M, walk, a, row, b, ldb, n, use);
    const long left = (N - n + VL - 1) / VL;
    if (left == WIDEST) columns<WIDEST>(M, walk, a, row, b, ldb, n, use);
    if constexpr (WIDEST > 3)
        if (left == 3) columns<3>(M, walk, a, row, b, ldb, n, use);
    if constexpr (WIDEST > 2)
        if (left == 2) columns<2>(M, walk, a, row, b, ldb, n, use);
    if (left == 1) columns<1>(M, walk, a, row, b, ldb, n, use);
}
