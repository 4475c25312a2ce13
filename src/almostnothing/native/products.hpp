// Matrix products whose results are used while they are in registers.
//
// Every element is one sum over k = 0, 1, 2, ... of fused multiply-adds: its bits depend neither on the tile that holds
// it nor on the processor's vector length.
#pragma once
#include <algorithm>
#include <new>
#include <type_traits>
#include <vector>

#include "vectors.hpp"

// Memory at the start of a cache line: a vector that straddles two takes twice the time.
template <class T>
struct Aligned {
    typedef T value_type;
    static constexpr std::align_val_t LINE{64};
    Aligned() = default;
    template <class U>
    Aligned(const Aligned<U>&) {}
    T* allocate(size_t count) { return (T*)::operator new(count * sizeof(T), LINE); }
    void deallocate(T* at, size_t) { ::operator delete(at, LINE); }
    template <class U>
    bool operator==(const Aligned<U>&) const { return true; }
    template <class U>
    bool operator!=(const Aligned<U>&) const { return false; }
};
typedef std::vector<float, Aligned<float>> Numbers;

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

// f(0), f(1), ... written out: what is looped over must not be looked up, or it would leave the registers.
template <class F, int... I>
static inline INLINE void repeated(F f, std::integer_sequence<int, I...>) {
    (f(std::integral_constant<int, I>{}), ...);
}
template <int N, class F>
static inline INLINE void repeat(F f) {
    repeated(f, std::make_integer_sequence<int, N>{});
}

// Whether results are used as blocks, use(m, count, n, width, sums): `count` rows from m on and `width` columns from n on,
// row after row; else use(m, n, v): v holds elements n .. n + VL - 1 of row m. A block is a tile: reading what it meets
// beside the products takes less time than in a row.
template <class Use>
constexpr bool in_blocks = std::is_invocable_v<Use&, long, long, long, long, const float*>;

// A tile of sums. `from`, if any, holds the sums of the elements before these; `to`, if any, takes them, else use does.
template <int MR, int NV, class Use>
static inline INLINE void tile(const Walk& walk, const float* a, long row, const float* b, long ldb, long m, long n,
                               const float* from, float* to, Use& use) {
    vec sum[MR][NV];
    for (int i = 0; i < MR; i++)
        for (int j = 0; j < NV; j++) sum[i][j] = from ? load(from + (i * NV + j) * VL) : vec{};
    for (long o = 0; o < walk.outer; o++)
        for (long p = 0; p < walk.middle; p++) {
            const float* left_at = a + o * walk.leap + p * walk.jump;
            for (long k = 0; k < walk.inner; k++, b += ldb, left_at += walk.step) {
                vec right[NV];
                for (int j = 0; j < NV; j++) right[j] = load(b + j * VL);
                for (int i = 0; i < MR; i++) {
                    const float left = left_at[i * row];
                    for (int j = 0; j < NV; j++) sum[i][j] += left * right[j];
                }
            }
        }
    if (to)
        for (int i = 0; i < MR; i++)
            for (int j = 0; j < NV; j++) store(to + (i * NV + j) * VL, sum[i][j]);
    else if constexpr (!in_blocks<Use>)
        repeat<MR>([&](auto i) INLINE { repeat<NV>([&](auto j) INLINE { use(m + i, n + j * VL, sum[i][j]); }); });
}

template <int NV, class Use>
static void rows(long M, const Walk& walk, const float* a, long row, const float* b, long ldb, long n,
                 const float* from, float* to, Use& use) {
    constexpr int MR = tallest(NV), each = NV * VL;
    const auto at = [](auto* base, long m) { return base ? base + m * each : base; };
    long m = 0;
    for (; m + MR <= M; m += MR)
        tile<MR, NV>(walk, a + m * row, row, b, ldb, m, n, at(from, m), at(to, m), use);
    if constexpr (MR > 8)
        if (M - m >= 8) tile<8, NV>(walk, a + m * row, row, b, ldb, m, n, at(from, m), at(to, m), use), m += 8;
    if (M - m >= 4) tile<4, NV>(walk, a + m * row, row, b, ldb, m, n, at(from, m), at(to, m), use), m += 4;
    if (M - m >= 2) tile<2, NV>(walk, a + m * row, row, b, ldb, m, n, at(from, m), at(to, m), use), m += 2;
    if (m < M) tile<1, NV>(walk, a + m * row, row, b, ldb, m, n, at(from, m), at(to, m), use);
}

constexpr long DEEP = 128;  // rows of B that lie in the innermost cache while A's rows pass
alignas(64) static thread_local float packed[DEEP * WIDEST * VL], results[16 * WIDEST * VL];
static thread_local Numbers sums;

// The rows of the product whose sums over the elements before these are in `from`, if there are such.
template <int NV, class Use>
static void finish(long M, const Walk& walk, const float* a, long row, const float* b, long ldb, long n,
                   const float* from, Use& use) {
    constexpr long each = NV * VL, block = tallest(NV);
    if constexpr (in_blocks<Use>)
        for (long m = 0; m < M; m += block) {
            const long count = std::min(block, M - m);
            rows<NV>(count, walk, a + m * row, row, b, ldb, n, from ? from + m * each : from, results, use);
            use(m, count, n, each, results);
        }
    else
        rows<NV>(M, walk, a, row, b, ldb, n, from, nullptr, use);
}

template <int NV, class Use>
static void columns(long M, const Walk& walk, const float* a, long row, const float* b, long ldb, long n, Use& use) {
    constexpr long each = NV * VL;
    if (walk.outer * walk.middle > 1 || walk.inner <= DEEP || M <= DEEP / 2)
        return finish<NV>(M, walk, a, row, b, ldb, n, nullptr, use);
    sums.resize(M * each);
    for (long k = 0; k < walk.inner; k += DEEP) {
        const long deep = std::min(DEEP, walk.inner - k);
        const float* block = b + k * ldb;
        if (ldb != each) {
            for (long r = 0; r < deep; r++) std::memcpy(packed + r * each, block + r * ldb, each * sizeof(float));
            block = packed;
        }
        const Walk part{1, 0, 1, 0, deep, walk.step};
        const float *left = a + k * walk.step, *from = k ? sums.data() : nullptr;
        if (k + deep < walk.inner)
            rows<NV>(M, part, left, row, block, each, n, from, sums.data(), use);
        else
            finish<NV>(M, part, left, row, block, each, n, from, use);
    }
}

// Matrices that are B again and again lie in panels of so many columns (the last one narrower), each one row after the
// other: element (r, n) of `rows` rows and `columns` columns is number `in_panels`.
constexpr long PANEL = WIDEST * VL;
static inline long vectors(long columns) { return (columns + VL - 1) / VL * VL; }
static inline long in_panels(long rows, long columns, long r, long n) {
    const long panel = n / PANEL * PANEL;
    return panel * rows + r * std::min(PANEL, vectors(columns) - panel) + n - panel;
}

// AB, handed to `use`. Rows of A begin `row` apart; B has `ldb` numbers a row, of which N, rounded up to whole vectors,
// are used; where ldb is 0 it lies in panels.
template <class Use>
static inline void product(long M, long N, const Walk& walk, const float* a, long row, const float* b, long ldb,
                           Use use) {
    const long K = walk.outer * walk.middle * walk.inner;
    for (long n = 0; n < N; n += PANEL) {
        const long width = std::min(PANEL, vectors(N) - n), left = width / VL, ld = ldb ? ldb : width;
        const float* panel = b + (ldb ? n : n * K);
        if (left == WIDEST) columns<WIDEST>(M, walk, a, row, panel, ld, n, use);
        if constexpr (WIDEST > 3)
            if (left == 3) columns<3>(M, walk, a, row, panel, ld, n, use);
        if constexpr (WIDEST > 2)
            if (left == 2) columns<2>(M, walk, a, row, panel, ld, n, use);
        if (left == 1) columns<1>(M, walk, a, row, panel, ld, n, use);
    }
}
