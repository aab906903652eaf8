// The two element types, and moving `V` neighbours at once: a thread that loads 8 or 16 bytes keeps the memory bus busy, one that
// loads 2 does not. All arithmetic is in f32; a bf16 is widened when it is read and rounded to nearest even when it is written.
// No CUDA header is needed, so that the same text compiles for the host, where the tests run it (test/emulator.h).
#pragma once

typedef unsigned int u32;
typedef unsigned long long u64;

struct bf16 {
    unsigned short bits;
};

template <class T, int V>
struct alignas(sizeof(T) * V) Pack {
    T of[V];
};

#ifndef NEODEX_EMULATED
#define REGISTER(name)
#define SHARED_FLOATS(name) extern __shared__ float name[]
#define CHECK_ALIGNED(at, bytes)

__device__ __forceinline__ unsigned short round_to_bf16(float x) {
    unsigned short bits;
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
    return bits;
}
#endif

__device__ __forceinline__ float widen(float x) { return x; }
__device__ __forceinline__ float widen(bf16 x) { return __uint_as_float((u32)x.bits << 16); }

__device__ __forceinline__ void narrow(float x, float &to) { to = x; }
__device__ __forceinline__ void narrow(float x, bf16 &to) { to.bits = round_to_bf16(x); }

template <int V, class T>
__device__ __forceinline__ void load(const T *at, float (&to)[V]) {
    CHECK_ALIGNED(at, sizeof(T) * V);
    const Pack<T, V> pack = *reinterpret_cast<const Pack<T, V> *>(at);
#pragma unroll
    for (int i = 0; i < V; i++) to[i] = widen(pack.of[i]);
}

template <int V, class T>
__device__ __forceinline__ void store(T *at, const float (&from)[V]) {
    CHECK_ALIGNED(at, sizeof(T) * V);
    Pack<T, V> pack;
#pragma unroll
    for (int i = 0; i < V; i++) narrow(from[i], pack.of[i]);
    *reinterpret_cast<Pack<T, V> *>(at) = pack;
}

// Every kernel exists for both types, `V` at a time and one (or one pair) at a time for widths and addresses that do not allow more.
#define EACH(kernel) kernel(bf16, 4, bf16_4) kernel(bf16, 1, bf16_1) kernel(float, 4, f32_4) kernel(float, 1, f32_1)
#define EACH_IN_PAIRS(kernel) kernel(bf16, 4, bf16_4) kernel(bf16, 2, bf16_2) kernel(float, 4, f32_4) kernel(float, 2, f32_2)
