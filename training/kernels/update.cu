// What happens to flat buffers between steps: gathering gradients, AdamW, and the weights' copies in the type of the activations.
#include "element.cuh"

template <class T, int V>
__device__ __forceinline__ void accumulate(float *sum, const T *x, float scale, u32 packs) {
    const u32 at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= packs) return;
    float a[V], b[V];
    load<V>(sum + (u64)at * V, a);
    load<V>(x + (u64)at * V, b);
#pragma unroll
    for (int i = 0; i < V; i++) a[i] += scale * b[i];
    store<V>(sum + (u64)at * V, a);
}

template <class T, int V>
__device__ __forceinline__ void cast_into(T *into, const float *from, u32 packs) {
    const u32 at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= packs) return;
    float a[V];
    load<V>(from + (u64)at * V, a);
    store<V>(into + (u64)at * V, a);
}

// state (3, packs * V): weights, first and second moments.
template <int V>
__device__ __forceinline__ void adamw(float *state, const float *grad, u32 packs, float lr, float beta1, float beta2, float eps,
                                      float weight_decay, float correction1, float correction2, float grad_scale) {
    const u32 at = blockIdx.x * blockDim.x + threadIdx.x;
    if (at >= packs) return;
    float *weights = state + (u64)at * V, *first = weights + (u64)packs * V, *second = first + (u64)packs * V;
    float w[V], m[V], v[V], g[V];
    load<V>(weights, w);
    load<V>(first, m);
    load<V>(second, v);
    load<V>(grad + (u64)at * V, g);
#pragma unroll
    for (int i = 0; i < V; i++) {
        g[i] *= grad_scale;
        m[i] = beta1 * m[i] + (1.f - beta1) * g[i];
        v[i] = beta2 * v[i] + (1.f - beta2) * g[i] * g[i];
        const float step = m[i] / correction1 / (sqrtf(v[i] / correction2) + eps);
        w[i] -= lr * (step + weight_decay * w[i]);
    }
    store<V>(weights, w);
    store<V>(first, m);
    store<V>(second, v);
}

#define UPDATE(T, V, S)                                                                                                                \
    extern "C" __global__ void accumulate_##S(float *sum, const T *x, float scale, u32 packs) {                                        \
        accumulate<T, V>(sum, x, scale, packs);                                                                                        \
    }                                                                                                                                  \
    REGISTER(accumulate_##S)                                                                                                           \
    extern "C" __global__ void cast_into_##S(T *into, const float *from, u32 packs) { cast_into<T, V>(into, from, packs); }            \
    REGISTER(cast_into_##S)
EACH(UPDATE)

#define ADAMW(V, S)                                                                                                                    \
    extern "C" __global__ void adamw_##S(float *state, const float *grad, u32 packs, float lr, float beta1, float beta2, float eps,    \
                                         float weight_decay, float correction1, float correction2, float grad_scale) {                 \
        adamw<V>(state, grad, packs, lr, beta1, beta2, eps, weight_decay, correction1, correction2, grad_scale);                       \
    }                                                                                                                                  \
    REGISTER(adamw_##S)
ADAMW(4, f32_4)
ADAMW(1, f32_1)
