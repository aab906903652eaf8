// What stands between NeoBERT's matrix products, over packed sequences: one pass over memory each.
//
// Every row is a token, rows of one sequence follow each other, nothing is padded. The residual stream is f32, because 56 roundings
// to bf16 would cost more accuracy than all else together; what goes into a product is of the product's type. Sums are f32.
// All widths are multiples of 8 and all pointers aligned to 16 bytes: eight numbers are read and written at a time.

#include "scalar.cuh"

namespace {

constexpr unsigned WARP = 32;
constexpr unsigned EIGHT = 8;
// Packs of a row that a lane keeps in registers between its two passes: rows up to 1024 are read once.
constexpr unsigned KEPT = 4;
// Heads one thread turns with the same cosines.
constexpr unsigned HEADS = 4;
// Warps of a block that share a span's rows; the launch has as many.
constexpr unsigned SHARERS = 8;

__device__ float warp_sum(float value) {
    for (unsigned distance = WARP / 2; distance > 0; distance /= 2) {
        value += __shfl_xor_sync(0xffffffffu, value, distance);
    }
    return value;
}

// Eight numbers of the stream with what is added to them, which is written back. Adds their squares to `squares`.
template <typename T>
__device__ Pack<float> updated(float* stream, const T* addend, float& squares) {
    Pack<float> sum = *reinterpret_cast<const Pack<float>*>(stream);
    if (addend != nullptr) {
        const Pack<T> more = *reinterpret_cast<const Pack<T>*>(addend);
        for (unsigned j = 0; j < EIGHT; ++j) {
            sum.at[j] += widen(more.at[j]);
        }
        *reinterpret_cast<Pack<float>*>(stream) = sum;
    }
    for (unsigned j = 0; j < EIGHT; ++j) {
        squares += sum.at[j] * sum.at[j];
    }
    return sum;
}

template <typename O>
__device__ void write_scaled(const Pack<float>& row, float scale, const float* weight, O* out) {
    const Pack<float> weights = *reinterpret_cast<const Pack<float>*>(weight);
    Pack<O> scaled;
    for (unsigned j = 0; j < EIGHT; ++j) {
        narrow(row.at[j] * scale * weights.at[j], scaled.at[j]);
    }
    *reinterpret_cast<Pack<O>*>(out) = scaled;
}

// stream += addend (where there is one), out = rms_norm(stream) * weight. One warp a row.
template <typename T, typename O>
__device__ void add_norm(float* stream, const T* addend, const float* weight, O* out, unsigned rows, unsigned width, float eps) {
    const unsigned lane = threadIdx.x % WARP;
    const size_t row = static_cast<size_t>(blockIdx.x) * (blockDim.x / WARP) + threadIdx.x / WARP;
    if (row >= rows) {
        return;
    }
    stream += row * width;
    out += row * width;
    if (addend != nullptr) {
        addend += row * width;
    }
    Pack<float> kept[KEPT];
    float squares = 0.0f;
#pragma unroll
    for (unsigned k = 0; k < KEPT; ++k) {
        const unsigned at = (k * WARP + lane) * EIGHT;
        if (at < width) {
            kept[k] = updated(stream + at, addend != nullptr ? addend + at : nullptr, squares);
        }
    }
    for (unsigned at = (KEPT * WARP + lane) * EIGHT; at < width; at += WARP * EIGHT) {
        updated(stream + at, addend != nullptr ? addend + at : nullptr, squares);
    }
    const float scale = 1.0f / sqrtf(warp_sum(squares) / static_cast<float>(width) + eps);
#pragma unroll
    for (unsigned k = 0; k < KEPT; ++k) {
        const unsigned at = (k * WARP + lane) * EIGHT;
        if (at < width) {
            write_scaled(kept[k], scale, weight + at, out + at);
        }
    }
    for (unsigned at = (KEPT * WARP + lane) * EIGHT; at < width; at += WARP * EIGHT) {
        write_scaled(*reinterpret_cast<const Pack<float>*>(stream + at), scale, weight + at, out + at);
    }
}

// Rotary positions in place on the queries and keys of qkv (rows, heads, 3, head_dim). table (positions, head_dim / 2, 2) holds a
// cosine and a sine for each pair of neighbours. One thread has eight components of up to HEADS heads.
template <typename T>
__device__ void rotate(T* qkv, const float* table, const unsigned* positions, unsigned rows, unsigned heads, unsigned head_dim) {
    const unsigned packs = head_dim / EIGHT;
    const unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;
    const size_t row = thread / packs;
    const unsigned at = thread % packs * EIGHT;
    if (row >= rows) {
        return;
    }
    const Pack<float> turn =
        *reinterpret_cast<const Pack<float>*>(table + static_cast<size_t>(positions[row]) * head_dim + at);
    const unsigned first = blockIdx.y * HEADS;
#pragma unroll
    for (unsigned k = 0; k < 2 * HEADS; ++k) {
        const unsigned head = first + k / 2;
        if (head < heads) {
            Pack<T>* place = reinterpret_cast<Pack<T>*>(qkv + ((row * heads + head) * 3 + k % 2) * head_dim + at);
            Pack<T> pairs = *place;
            for (unsigned j = 0; j < EIGHT; j += 2) {
                const float even = widen(pairs.at[j]);
                const float odd = widen(pairs.at[j + 1]);
                narrow(even * turn.at[j] - odd * turn.at[j + 1], pairs.at[j]);
                narrow(even * turn.at[j + 1] + odd * turn.at[j], pairs.at[j + 1]);
            }
            *place = pairs;
        }
    }
}

// (rows, 2 * inner), gates first, to silu(gate) * value (rows, inner). One thread has eight.
template <typename T>
__device__ void swiglu(const T* __restrict__ both, T* __restrict__ out, unsigned rows, unsigned inner) {
    const unsigned packs = inner / EIGHT;
    const unsigned thread = blockIdx.x * blockDim.x + threadIdx.x;
    const size_t row = thread / packs;
    const unsigned at = thread % packs * EIGHT;
    if (row >= rows) {
        return;
    }
    const T* source = both + row * 2 * inner + at;
    const Pack<T> gates = *reinterpret_cast<const Pack<T>*>(source);
    const Pack<T> values = *reinterpret_cast<const Pack<T>*>(source + inner);
    Pack<T> mixed = gates;
    for (unsigned j = 0; j < EIGHT; ++j) {
        const float gate = widen(gates.at[j]);
        narrow(gate / (1.0f + __expf(-gate)) * widen(values.at[j]), mixed.at[j]);
    }
    *reinterpret_cast<Pack<T>*>(out + row * inner + at) = mixed;
}

}  // namespace

#define FOR_TYPE(T, NAME)                                                                                                          \
    extern "C" __global__ void add_norm_##NAME(                                                                                    \
        float* stream, const T* addend, const float* weight, T* out, unsigned rows, unsigned width, float eps) {                   \
        add_norm<T, T>(stream, addend, weight, out, rows, width, eps);                                                             \
    }                                                                                                                              \
    extern "C" __global__ void last_norm_##NAME(                                                                                   \
        float* stream, const T* addend, const float* weight, float* out, unsigned rows, unsigned width, float eps) {               \
        add_norm<T, float>(stream, addend, weight, out, rows, width, eps);                                                         \
    }                                                                                                                              \
    extern "C" __global__ void rotate_##NAME(                                                                                      \
        T* qkv, const float* table, const unsigned* positions, unsigned rows, unsigned heads, unsigned head_dim) {                 \
        rotate<T>(qkv, table, positions, rows, heads, head_dim);                                                                   \
    }                                                                                                                              \
    extern "C" __global__ void swiglu_##NAME(const T* both, T* out, unsigned rows, unsigned inner) {                               \
        swiglu<T>(both, out, rows, inner);                                                                                         \
    }

FOR_TYPE(Bf16, bf16)
FOR_TYPE(F16, f16)
FOR_TYPE(float, f32)

// Means of runs of rows: states (rows, width), spans (count, 2) of first row and row past the last; zeros for an empty one. A block
// has 256 columns of one span, its warps every eighth row, so that the order of the sum is always the same.
extern "C" __global__ void span_mean(const float* states, const unsigned* spans, float* out, unsigned width) {
    __shared__ float shares[SHARERS][WARP * EIGHT];
    const unsigned lane = threadIdx.x % WARP;
    const unsigned sharer = threadIdx.x / WARP;
    const unsigned start = spans[2 * blockIdx.x];
    const unsigned end = spans[2 * blockIdx.x + 1];
    const unsigned at = (blockIdx.y * WARP + lane) * EIGHT;
    float sum[EIGHT] = {};
    if (at < width) {
        for (unsigned row = start + sharer; row < end; row += SHARERS) {
            const Pack<float> part = *reinterpret_cast<const Pack<float>*>(states + static_cast<size_t>(row) * width + at);
            for (unsigned j = 0; j < EIGHT; ++j) {
                sum[j] += part.at[j];
            }
        }
    }
    for (unsigned j = 0; j < EIGHT; ++j) {
        shares[sharer][lane * EIGHT + j] = sum[j];
    }
    __syncthreads();
    const unsigned column = blockIdx.y * WARP * EIGHT + threadIdx.x;
    if (column < width) {
        float total = 0.0f;
        for (unsigned k = 0; k < SHARERS; ++k) {
            total += shares[k][threadIdx.x];
        }
        const unsigned count = end > start ? end - start : 1;
        out[static_cast<size_t>(blockIdx.x) * width + column] = total / static_cast<float>(count);
    }
}
