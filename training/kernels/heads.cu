// Between rows of tokens and heads: queries and keys are turned by their positions' angles on the way in, their gradients turned back
// on the way out. A group is one head of one sequence: number sequence * heads + head. Positions within a group are neighbours, which
// makes attention one batched product; `first` and `count` say which groups a chunk holds.
#include "element.cuh"

// Turns neighbours (2i, 2i + 1) by the angles (cosine, sine) of `table`, or back by them.
template <int V>
__device__ __forceinline__ void turn(float (&x)[V], const float (&angles)[V], float direction) {
#pragma unroll
    for (int i = 0; i < V; i += 2) {
        const float c = angles[i], s = direction * angles[i + 1];
        const float even = x[i], odd = x[i + 1];
        x[i] = even * c - odd * s;
        x[i + 1] = even * s + odd * c;
    }
}

// What one thread works on: `V` neighbours `j` of one position of one group.
struct Place {
    u32 group, position, j;
    u64 inside; // offset in (count, seq, width)
    u64 row;    // the token's row in the batch
};

template <int V>
__device__ __forceinline__ bool place(Place &p, u32 first, u32 count, u32 seq, u32 heads, u32 width) {
    const u32 packs = width / V, at = blockIdx.x * blockDim.x + threadIdx.x;
    const u32 line = at / packs, local = line / seq;
    if (local >= count) return false;
    p.j = at % packs * V;
    p.position = line % seq;
    p.group = first + local;
    p.inside = (u64)line * width + p.j;
    p.row = (u64)(p.group / heads) * seq + p.position;
    return true;
}

// qkv (b * seq, heads * 3 * width) to query, key and value of every group, one after the other in `out` (3, groups, seq, width).
template <class T, int V>
__device__ __forceinline__ void split_rotated(const T *qkv, const float *table, T *out, u32 groups, u32 seq, u32 heads, u32 width) {
    Place p;
    if (!place<V>(p, 0, groups, seq, heads, width)) return;
    const T *from = qkv + (p.row * heads + p.group % heads) * 3 * width + p.j;
    const u64 part = (u64)groups * seq * width;
    float angles[V], q[V], k[V], v[V];
    load<V>(table + (u64)p.position * width + p.j, angles);
    load<V>(from, q);
    load<V>(from + width, k);
    load<V>(from + 2 * width, v);
    turn(q, angles, 1.f);
    turn(k, angles, 1.f);
    store<V>(out + p.inside, q);
    store<V>(out + part + p.inside, k);
    store<V>(out + 2 * part + p.inside, v);
}

// The gradients of a chunk's queries, keys and values to their places in dqkv.
template <class T, int V>
__device__ __forceinline__ void merge_rotated(const T *dq, const T *dk, const T *dv, const float *table, T *dqkv, u32 first, u32 count,
                                              u32 seq, u32 heads, u32 width) {
    Place p;
    if (!place<V>(p, first, count, seq, heads, width)) return;
    T *to = dqkv + (p.row * heads + p.group % heads) * 3 * width + p.j;
    float angles[V], q[V], k[V], v[V];
    load<V>(table + (u64)p.position * width + p.j, angles);
    load<V>(dq + p.inside, q);
    load<V>(dk + p.inside, k);
    load<V>(dv + p.inside, v);
    turn(q, angles, -1.f);
    turn(k, angles, -1.f);
    store<V>(to, q);
    store<V>(to + width, k);
    store<V>(to + 2 * width, v);
}

// Rows (b * seq, heads * width) to a chunk's groups (count, seq, width), and back.
template <class T, int V>
__device__ __forceinline__ void split_heads(const T *rows, T *out, u32 first, u32 count, u32 seq, u32 heads, u32 width) {
    Place p;
    if (!place<V>(p, first, count, seq, heads, width)) return;
    float a[V];
    load<V>(rows + (p.row * heads + p.group % heads) * width + p.j, a);
    store<V>(out + p.inside, a);
}

template <class T, int V>
__device__ __forceinline__ void merge_heads(const T *groups, T *rows, u32 first, u32 count, u32 seq, u32 heads, u32 width) {
    Place p;
    if (!place<V>(p, first, count, seq, heads, width)) return;
    float a[V];
    load<V>(groups + p.inside, a);
    store<V>(rows + (p.row * heads + p.group % heads) * width + p.j, a);
}

#define HEADS(T, V, S)                                                                                                                 \
    extern "C" __global__ void split_rotated_##S(const T *qkv, const float *table, T *out, u32 groups, u32 seq, u32 heads,             \
                                                 u32 width) {                                                                          \
        split_rotated<T, V>(qkv, table, out, groups, seq, heads, width);                                                               \
    }                                                                                                                                  \
    REGISTER(split_rotated_##S)                                                                                                        \
    extern "C" __global__ void merge_rotated_##S(const T *dq, const T *dk, const T *dv, const float *table, T *dqkv, u32 first,        \
                                                 u32 count, u32 seq, u32 heads, u32 width) {                                           \
        merge_rotated<T, V>(dq, dk, dv, table, dqkv, first, count, seq, heads, width);                                                 \
    }                                                                                                                                  \
    REGISTER(merge_rotated_##S)                                                                                                        \
    extern "C" __global__ void split_heads_##S(const T *rows, T *out, u32 first, u32 count, u32 seq, u32 heads, u32 width) {           \
        split_heads<T, V>(rows, out, first, count, seq, heads, width);                                                                 \
    }                                                                                                                                  \
    REGISTER(split_heads_##S)                                                                                                          \
    extern "C" __global__ void merge_heads_##S(const T *groups, T *rows, u32 first, u32 count, u32 seq, u32 heads, u32 width) {        \
        merge_heads<T, V>(groups, rows, first, count, seq, heads, width);                                                              \
    }                                                                                                                                  \
    REGISTER(merge_heads_##S)
EACH_IN_PAIRS(HEADS)
