// Rows of a table, and adding rows back to it. The sums are atomic and in f32: the memory controller adds a warp's neighbours at once,
// and even the most frequent token costs less there than sorting the ids would.
#include "element.cuh"

// An id outside the table gives zeros: a kernel cannot report it, and must not read what is not there.
template <class T, int V>
__device__ __forceinline__ void embed(const u32 *ids, const T *table, T *y, u32 n, u32 d, u32 vocab) {
    const u32 packs = d / V, at = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 row = at / packs, j = at % packs * V;
    if (row >= n) return;
    const u32 id = ids[row];
    float a[V] = {};
    if (id < vocab) load<V>(table + (u64)id * d + j, a);
    store<V>(y + (u64)row * d + j, a);
}

template <class T, int V>
__device__ __forceinline__ void embed_backward(const u32 *ids, const T *dy, float *dtable, u32 n, u32 d, u32 vocab, u32 padding) {
    const u32 packs = d / V, at = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 row = at / packs, j = at % packs * V;
    if (row >= n) return;
    const u32 id = ids[row];
    if (id == padding || id >= vocab) return;
    float g[V];
    load<V>(dy + (u64)row * d + j, g);
#pragma unroll
    for (int i = 0; i < V; i++) atomicAdd(dtable + (u64)id * d + j + i, g[i]);
}

#define EMBED(T, V, S)                                                                                                                 \
    extern "C" __global__ void embed_##S(const u32 *ids, const T *table, T *y, u32 n, u32 d, u32 vocab) {                              \
        embed<T, V>(ids, table, y, n, d, vocab);                                                                                       \
    }                                                                                                                                  \
    REGISTER(embed_##S)                                                                                                                \
    extern "C" __global__ void embed_backward_##S(const u32 *ids, const T *dy, float *dtable, u32 n, u32 d, u32 vocab, u32 padding) {  \
        embed_backward<T, V>(ids, dy, dtable, n, d, vocab, padding);                                                                   \
    }                                                                                                                                  \
    REGISTER(embed_backward_##S)
EACH(EMBED)
