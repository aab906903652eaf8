// Sums over a warp. Every lane takes part and every lane gets the result.
#pragma once

#include "element.cuh"

#define LANES 32u
#define ALL_LANES 0xffffffffu

__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
    for (int reach = 16; reach > 0; reach >>= 1) x += __shfl_xor_sync(ALL_LANES, x, reach);
    return x;
}

// The sum of exponentials seen so far, as sum * exp(top): no exponential overflows, and one pass over the numbers is enough.
struct SoftmaxSum {
    float top;
    float sum;
};

// Finite, so that two empty sums can be joined: exp(top - top) is 1 and not a NaN.
#define NOTHING_SEEN -1e30f

__device__ __forceinline__ SoftmaxSum joined(SoftmaxSum a, SoftmaxSum b) {
    const float top = fmaxf(a.top, b.top);
    return {top, a.sum * __expf(a.top - top) + b.sum * __expf(b.top - top)};
}

__device__ __forceinline__ SoftmaxSum warp_joined(SoftmaxSum x) {
#pragma unroll
    for (int reach = 16; reach > 0; reach >>= 1) {
        const SoftmaxSum other = {__shfl_xor_sync(ALL_LANES, x.top, reach), __shfl_xor_sync(ALL_LANES, x.sum, reach)};
        x = joined(x, other);
    }
    return x;
}
