// Softmax cross-entropy, a block a row: the first pass finds the sum of exponentials, the second writes the gradient and finds the row
// in the second level cache.
#include "warp.cuh"

template <class T, int V>
__device__ __forceinline__ void cross_entropy(const T *logits, const float *bias, const u32 *labels, T *grad, float *losses, float *hits,
                                              u32 vocab, float scale) {
    const u32 warps = blockDim.x / LANES;
    const u64 row = blockIdx.x;
    logits += row * vocab;
    grad += row * vocab;

    SoftmaxSum seen = {NOTHING_SEEN, 0.f};
    for (u32 j = threadIdx.x * V; j < vocab; j += blockDim.x * V) {
        float a[V], b[V];
        load<V>(logits + j, a);
        load<V>(bias + j, b);
        float top = seen.top;
#pragma unroll
        for (int i = 0; i < V; i++) {
            a[i] += b[i];
            top = fmaxf(top, a[i]);
        }
        float sum = seen.sum * __expf(seen.top - top);
#pragma unroll
        for (int i = 0; i < V; i++) sum += __expf(a[i] - top);
        seen = {top, sum};
    }
    seen = warp_joined(seen);
    __shared__ float tops[LANES], sums[LANES];
    if (threadIdx.x % LANES == 0) {
        tops[threadIdx.x / LANES] = seen.top;
        sums[threadIdx.x / LANES] = seen.sum;
    }
    __syncthreads();
    seen = {tops[0], sums[0]};
    for (u32 k = 1; k < warps; k++) seen = joined(seen, {tops[k], sums[k]});

    // A label outside the vocabulary has a loss that is no number: a kernel cannot report it otherwise.
    const u32 label = labels[row];
    if (threadIdx.x == 0) {
        const bool known = label < vocab;
        const float own = known ? widen(logits[label]) + bias[label] : __uint_as_float(0x7fc00000u);
        losses[row] = logf(seen.sum) + seen.top - own;
        hits[row] = known && own >= seen.top ? 1.f : 0.f;
    }

    const float share = scale / seen.sum;
    for (u32 j = threadIdx.x * V; j < vocab; j += blockDim.x * V) {
        float a[V], b[V];
        load<V>(logits + j, a);
        load<V>(bias + j, b);
#pragma unroll
        for (int i = 0; i < V; i++) a[i] = __expf(a[i] + b[i] - seen.top) * share - (j + i == label ? scale : 0.f);
        store<V>(grad + j, a);
    }
}

#define LOSS(T, V, S)                                                                                                                  \
    extern "C" __global__ void cross_entropy_##S(const T *logits, const float *bias, const u32 *labels, T *grad, float *losses,        \
                                                 float *hits, u32 vocab, float scale) {                                                \
        cross_entropy<T, V>(logits, bias, labels, grad, losses, hits, vocab, scale);                                                   \
    }                                                                                                                                  \
    REGISTER(cross_entropy_##S)
EACH(LOSS)
