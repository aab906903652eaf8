// RMSNorm, a warp a row: the second pass over the row finds it in the first level cache.
#include "warp.cuh"

template <class T, int V>
__device__ __forceinline__ void rms_norm(const T *x, const T *weight, T *y, u32 n, u32 d, float eps) {
    const u32 lane = threadIdx.x % LANES;
    const u32 row = blockIdx.x * (blockDim.x / LANES) + threadIdx.x / LANES;
    if (row >= n) return;
    x += (u64)row * d;
    y += (u64)row * d;

    float squares = 0.f;
    for (u32 j = lane * V; j < d; j += LANES * V) {
        float a[V];
        load<V>(x + j, a);
#pragma unroll
        for (int i = 0; i < V; i++) squares += a[i] * a[i];
    }
    const float r = rsqrtf(warp_sum(squares) / d + eps);

    for (u32 j = lane * V; j < d; j += LANES * V) {
        float a[V], w[V];
        load<V>(x + j, a);
        load<V>(weight + j, w);
#pragma unroll
        for (int i = 0; i < V; i++) a[i] *= r * w[i];
        store<V>(y + j, a);
    }
}

// dx = r * w * dy - x * r^3 / d * sum(w * dy * x) + carry, and dweight += dy * x * r. Each warp walks many rows and keeps its part of
// dweight in shared memory, where a lane always meets the same columns, so that no two threads write one place.
template <class T, int V>
__device__ __forceinline__ void rms_norm_backward(const T *x, const T *weight, const T *dy, const T *carry, T *dx, float *dweight, u32 n,
                                                  u32 d, float eps) {
    SHARED_FLOATS(parts); // (warps, d)
    const u32 lane = threadIdx.x % LANES, warps = blockDim.x / LANES, warp = threadIdx.x / LANES;
    float *part = parts + warp * d;
    for (u32 j = lane * V; j < d; j += LANES * V) {
#pragma unroll
        for (int i = 0; i < V; i++) part[j + i] = 0.f;
    }

    for (u32 row = blockIdx.x * warps + warp; row < n; row += gridDim.x * warps) {
        const u64 start = (u64)row * d;
        float squares = 0.f, dot = 0.f;
        for (u32 j = lane * V; j < d; j += LANES * V) {
            float a[V], w[V], g[V];
            load<V>(x + start + j, a);
            load<V>(weight + j, w);
            load<V>(dy + start + j, g);
#pragma unroll
            for (int i = 0; i < V; i++) {
                squares += a[i] * a[i];
                dot += w[i] * g[i] * a[i];
            }
        }
        const float r = rsqrtf(warp_sum(squares) / d + eps);
        const float along = r * r * r * warp_sum(dot) / d;

        for (u32 j = lane * V; j < d; j += LANES * V) {
            float a[V], w[V], g[V], to[V];
            load<V>(x + start + j, a);
            load<V>(weight + j, w);
            load<V>(dy + start + j, g);
#pragma unroll
            for (int i = 0; i < V; i++) {
                part[j + i] += g[i] * a[i] * r;
                to[i] = r * w[i] * g[i] - a[i] * along;
            }
            if (carry) {
                float c[V];
                load<V>(carry + start + j, c);
#pragma unroll
                for (int i = 0; i < V; i++) to[i] += c[i];
            }
            store<V>(dx + start + j, to);
        }
    }

    __syncthreads();
    for (u32 j = threadIdx.x; j < d; j += blockDim.x) {
        float sum = 0.f;
        for (u32 k = 0; k < warps; k++) sum += parts[k * d + j];
        atomicAdd(dweight + j, sum);
    }
}

#define NORM(T, V, S)                                                                                                                  \
    extern "C" __global__ void rms_norm_##S(const T *x, const T *weight, T *y, u32 n, u32 d, float eps) {                              \
        rms_norm<T, V>(x, weight, y, n, d, eps);                                                                                       \
    }                                                                                                                                  \
    REGISTER(rms_norm_##S)                                                                                                             \
    extern "C" __global__ void rms_norm_backward_##S(const T *x, const T *weight, const T *dy, const T *carry, T *dx, float *dweight,  \
                                                     u32 n, u32 d, float eps) {                                                        \
        rms_norm_backward<T, V>(x, weight, dy, carry, dx, dweight, n, d, eps);                                                         \
    }                                                                                                                                  \
    REGISTER(rms_norm_backward_##S)
EACH(NORM)
