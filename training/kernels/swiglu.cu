// SwiGLU: rows of (gate, value) to silu(gate) * value. A thread takes `V` neighbours of one row.
#include "element.cuh"

__device__ __forceinline__ float sigmoid(float x) { return 1.f / (1.f + __expf(-x)); }

template <class T, int V>
__device__ __forceinline__ void swiglu(const T *u, T *y, u32 n, u32 inner) {
    const u32 packs = inner / V, at = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 row = at / packs, j = at % packs * V;
    if (row >= n) return;
    float gate[V], value[V];
    load<V>(u + (u64)row * 2 * inner + j, gate);
    load<V>(u + (u64)row * 2 * inner + inner + j, value);
#pragma unroll
    for (int i = 0; i < V; i++) value[i] *= gate[i] * sigmoid(gate[i]);
    store<V>(y + (u64)row * inner + j, value);
}

template <class T, int V>
__device__ __forceinline__ void swiglu_backward(const T *u, const T *dy, T *du, u32 n, u32 inner) {
    const u32 packs = inner / V, at = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 row = at / packs, j = at % packs * V;
    if (row >= n) return;
    float gate[V], value[V], g[V];
    load<V>(u + (u64)row * 2 * inner + j, gate);
    load<V>(u + (u64)row * 2 * inner + inner + j, value);
    load<V>(dy + (u64)row * inner + j, g);
#pragma unroll
    for (int i = 0; i < V; i++) {
        const float s = sigmoid(gate[i]), silu = gate[i] * s;
        gate[i] = g[i] * value[i] * (s + silu * (1.f - s));
        value[i] = g[i] * silu;
    }
    store<V>(du + (u64)row * 2 * inner + j, gate);
    store<V>(du + (u64)row * 2 * inner + inner + j, value);
}

#define SWIGLU(T, V, S)                                                                                                                \
    extern "C" __global__ void swiglu_##S(const T *u, T *y, u32 n, u32 inner) { swiglu<T, V>(u, y, n, inner); }                        \
    REGISTER(swiglu_##S)                                                                                                               \
    extern "C" __global__ void swiglu_backward_##S(const T *u, const T *dy, T *du, u32 n, u32 inner) {                                 \
        swiglu_backward<T, V>(u, dy, du, n, inner);                                                                                    \
    }                                                                                                                                  \
    REGISTER(swiglu_backward_##S)
EACH(SWIGLU)
