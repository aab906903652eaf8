// Sums over rows, over row ranges and over everything, in f32.
#include "warp.cuh"

// sums (c) += the rows [blockIdx.y * per_block, + per_block) of x (r, c).
template <class T, int V>
__device__ __forceinline__ void column_sum(const T *x, float *sums, u32 r, u32 c, u32 per_block) {
    const u32 j = (blockIdx.x * blockDim.x + threadIdx.x) * V;
    if (j >= c) return;
    const u32 begin = blockIdx.y * per_block, end = min(r, begin + per_block);
    float sum[V] = {};
#pragma unroll 4
    for (u32 row = begin; row < end; row++) {
        float a[V];
        load<V>(x + (u64)row * c + j, a);
#pragma unroll
        for (int i = 0; i < V; i++) sum[i] += a[i];
    }
#pragma unroll
    for (int i = 0; i < V; i++) atomicAdd(sums + j + i, sum[i]);
}

// Means of row ranges: block (span, piece of the columns), threads 32 columns wide and SPAN_LINES rows deep.
#define SPAN_LINES 8u
template <class T, int V>
__device__ __forceinline__ void span_mean(const T *x, const u32 *spans, float *means, u32 n, u32 d) {
    __shared__ float parts[SPAN_LINES][LANES * V];
    const u32 begin = spans[2 * blockIdx.x], end = min(spans[2 * blockIdx.x + 1], n);
    const u32 column = threadIdx.x % LANES, line = threadIdx.x / LANES;
    const u32 j = (blockIdx.y * LANES + column) * V;
    float sum[V] = {};
    if (j < d) {
        for (u32 row = begin + line; row < end; row += SPAN_LINES) {
            float a[V];
            load<V>(x + (u64)row * d + j, a);
#pragma unroll
            for (int i = 0; i < V; i++) sum[i] += a[i];
        }
    }
#pragma unroll
    for (int i = 0; i < V; i++) parts[line][column * V + i] = sum[i];
    __syncthreads();
    if (line == 0 && j < d) {
        for (u32 k = 1; k < SPAN_LINES; k++) {
#pragma unroll
            for (int i = 0; i < V; i++) sum[i] += parts[k][column * V + i];
        }
#pragma unroll
        for (int i = 0; i < V; i++) sum[i] /= (float)(end - begin);
        store<V>(means + (u64)blockIdx.x * d + j, sum);
    }
}

// The gradient of the means, to rows that were 0 before: block (span, piece of the columns) as above.
template <class T, int V>
__device__ __forceinline__ void span_mean_backward(const float *dout, const u32 *spans, T *dx, u32 n, u32 d) {
    const u32 begin = spans[2 * blockIdx.x], end = min(spans[2 * blockIdx.x + 1], n);
    const u32 j = (blockIdx.y * LANES + threadIdx.x % LANES) * V;
    if (j >= d || begin >= end) return;
    float g[V];
    load<V>(dout + (u64)blockIdx.x * d + j, g);
#pragma unroll
    for (int i = 0; i < V; i++) g[i] /= (float)(end - begin);
    for (u32 row = begin + threadIdx.x / LANES; row < end; row += SPAN_LINES) store<V>(dx + (u64)row * d + j, g);
}

template <class T, int V>
__device__ __forceinline__ void square_sum(const T *x, float *sum, u32 packs) {
    __shared__ float parts[LANES];
    const u32 warps = blockDim.x / LANES;
    float squares = 0.f;
    for (u32 at = blockIdx.x * blockDim.x + threadIdx.x; at < packs; at += gridDim.x * blockDim.x) {
        float a[V];
        load<V>(x + (u64)at * V, a);
#pragma unroll
        for (int i = 0; i < V; i++) squares += a[i] * a[i];
    }
    squares = warp_sum(squares);
    if (threadIdx.x % LANES == 0) parts[threadIdx.x / LANES] = squares;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (u32 k = 1; k < warps; k++) squares += parts[k];
        atomicAdd(sum, squares);
    }
}

#define SUMS(T, V, S)                                                                                                                  \
    extern "C" __global__ void column_sum_##S(const T *x, float *sums, u32 r, u32 c, u32 per_block) {                                  \
        column_sum<T, V>(x, sums, r, c, per_block);                                                                                    \
    }                                                                                                                                  \
    REGISTER(column_sum_##S)                                                                                                           \
    extern "C" __global__ void span_mean_##S(const T *x, const u32 *spans, float *means, u32 n, u32 d) {                               \
        span_mean<T, V>(x, spans, means, n, d);                                                                                        \
    }                                                                                                                                  \
    REGISTER(span_mean_##S)                                                                                                            \
    extern "C" __global__ void span_mean_backward_##S(const float *dout, const u32 *spans, T *dx, u32 n, u32 d) {                      \
        span_mean_backward<T, V>(dout, spans, dx, n, d);                                                                               \
    }                                                                                                                                  \
    REGISTER(span_mean_backward_##S)                                                                                                   \
    extern "C" __global__ void square_sum_##S(const T *x, float *sum, u32 packs) { square_sum<T, V>(x, sum, packs); }                  \
    REGISTER(square_sum_##S)
EACH(SUMS)
