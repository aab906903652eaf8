// The softmax between the two products of attention and its gradient, a warp a row, in place: a lane writes only what it alone reads.
#include "warp.cuh"

// scores (count, seq, seq) to probabilities of the keys before the sequence's length; the others get 0, whatever their score is, and so
// do all keys of the rows that are padding themselves, which no one reads: they come out as zeros, and take part in no gradient.
template <class T, int V>
__device__ __forceinline__ void masked_softmax(T *scores, const u32 *lengths, u32 first, u32 count, u32 seq, u32 heads, float scale) {
    const u32 lane = threadIdx.x % LANES;
    const u32 row = blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES;
    if (row / seq >= count) return;
    const u32 whole = min(lengths[(first + row / seq) / heads], seq), length = row % seq < whole ? whole : 0;
    scores += (u64)row * seq;

    SoftmaxSum seen = {NOTHING_SEEN, 0.f};
    for (u32 j = lane * V; j < length; j += LANES * V) {
        float a[V];
        load<V>(scores + j, a);
        float top = seen.top;
#pragma unroll
        for (int i = 0; i < V; i++) {
            a[i] = j + i < length ? a[i] * scale : NOTHING_SEEN;
            top = fmaxf(top, a[i]);
        }
        float sum = seen.sum * __expf(seen.top - top);
#pragma unroll
        for (int i = 0; i < V; i++) {
            if (j + i < length) sum += __expf(a[i] - top);
        }
        seen = {top, sum};
    }
    seen = warp_joined(seen);
    const float share = seen.sum > 0.f ? 1.f / seen.sum : 0.f;

    for (u32 j = lane * V; j < seq; j += LANES * V) {
        float a[V] = {};
        if (j < length) load<V>(scores + j, a);
#pragma unroll
        for (int i = 0; i < V; i++) a[i] = j + i < length ? __expf(a[i] * scale - seen.top) * share : 0.f;
        store<V>(scores + j, a);
    }
}

// The gradient of the scores, p * (dp - sum(p * dp)) * scale, in the place of the probabilities' gradient; rows (rows, seq).
template <class T, int V>
__device__ __forceinline__ void softmax_backward(const T *p, T *dp, u32 rows, u32 seq, float scale) {
    const u32 lane = threadIdx.x % LANES;
    const u32 row = blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES;
    if (row >= rows) return;
    p += (u64)row * seq;
    dp += (u64)row * seq;

    float dot = 0.f;
    for (u32 j = lane * V; j < seq; j += LANES * V) {
        float a[V], g[V];
        load<V>(p + j, a);
        load<V>(dp + j, g);
#pragma unroll
        for (int i = 0; i < V; i++) dot += a[i] * g[i];
    }
    dot = warp_sum(dot);
    for (u32 j = lane * V; j < seq; j += LANES * V) {
        float a[V], g[V];
        load<V>(p + j, a);
        load<V>(dp + j, g);
#pragma unroll
        for (int i = 0; i < V; i++) g[i] = a[i] * (g[i] - dot) * scale;
        store<V>(dp + j, g);
    }
}

#define SOFTMAX(T, V, S)                                                                                                               \
    extern "C" __global__ void masked_softmax_##S(T *scores, const u32 *lengths, u32 first, u32 count, u32 seq, u32 heads,             \
                                                  float scale) {                                                                       \
        masked_softmax<T, V>(scores, lengths, first, count, seq, heads, scale);                                                        \
    }                                                                                                                                  \
    REGISTER(masked_softmax_##S)                                                                                                       \
    extern "C" __global__ void softmax_backward_##S(const T *p, T *dp, u32 rows, u32 seq, float scale) {                               \
        softmax_backward<T, V>(p, dp, rows, seq, scale);                                                                               \
    }                                                                                                                                  \
    REGISTER(softmax_backward_##S)
EACH(SOFTMAX)
